import { expect, test } from "vitest";
import { SpareBuffer } from "./spare-buffer.ts";

const MIB = 1_048_576;

test("a large buffer that is given back is the next one's memory, where it is large enough", () => {
  const spare = new SpareBuffer();
  const first = spare.take(MIB);
  spare.giveBack(first);
  const second = spare.take(MIB - 100);
  expect([second.buffer === first.buffer, second.byteOffset, second.length]).toEqual([true, 0, MIB - 100]);
  spare.giveBack(second);
  const larger = spare.take(2 * MIB);
  expect([larger.buffer === first.buffer, larger.length]).toEqual([false, 2 * MIB]);
});

test("what is in use is nobody else's", () => {
  const spare = new SpareBuffer();
  spare.giveBack(spare.take(MIB));
  const first = spare.take(MIB).fill(1);
  const second = spare.take(MIB).fill(2);
  expect([first.every((byte) => byte === 1), second.every((byte) => byte === 2)]).toEqual([true, true]);
});

test("small ones, which share their memory with others, and huge ones are not kept", () => {
  const spare = new SpareBuffer();
  for (const bytes of [100, 262_143, 8 * MIB]) {
    const before = spare.take(bytes);
    spare.giveBack(before);
    const after = spare.take(bytes).fill(1);
    before.fill(2);
    expect(after.every((byte) => byte === 1)).toBe(true);
  }
});
