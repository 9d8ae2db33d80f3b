import { expect, test } from "vitest";
import { RECORD_BYTES } from "../base/limits.ts";
import { BatchWords } from "./batch-words.ts";

/** Records of rising bytes, so many bytes behind where words may begin. */
function records(count: number, shift: number, first: number): Uint8Array {
  const batch = new Uint8Array(count * RECORD_BYTES + shift).subarray(shift);
  for (let i = 0; i < batch.length; i++) batch[i] = first + i;
  return batch;
}

test.each([0, 1, 2, 3])(
  "the words of batches of all lengths, %i bytes behind a word, longer and shorter ones in turn",
  (shift) => {
    const words = new BatchWords();
    for (const count of [1, 3, 2, 100, 1, 0, 99, 3]) {
      const batch = records(count, shift, count);
      const of = words.of(batch);
      expect(of.length).toBe((count * RECORD_BYTES) / 4);
      const bytes = new Uint8Array(of.buffer, of.byteOffset, of.byteLength);
      expect(Buffer.compare(bytes, batch)).toBe(0);
    }
  },
);

test("what is not made of records is refused", () => {
  const words = new BatchWords();
  for (const [bytes, code] of [
    [100, "batch_misaligned"],
    [8_191 * RECORD_BYTES, "batch_too_long"],
  ] as const) {
    expect(() => words.of(new Uint8Array(bytes))).toThrow(expect.objectContaining({ code }));
  }
});
