import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { utf8 } from "../node/base/bytes.ts";
import { crc32, portableCrc32 } from "./crc32.ts";

/** The definition, bit by bit. */
function naive(bytes: Uint8Array): number {
  let crc = 0xffff_ffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 0 ? crc >>> 1 : (crc >>> 1) ^ 0xedb8_8320;
  }
  return ~crc >>> 0;
}

describe.each([
  ["by zlib", crc32],
  ["in JavaScript", portableCrc32],
])("CRC-32 %s", (_name, sum) => {
  test("the check value of the catalogues, and of nothing", () => {
    expect([sum(utf8("123456789")), sum(new Uint8Array(0))]).toEqual([0xcbf4_3926, 0]);
  });

  test("is the definition at any length and alignment, and goes on from what came before, be it nothing", () => {
    const lengths = fc.nat({ max: 200 });
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.nat({ max: 7 }), lengths, (bytes, shift, cut) => {
        const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
        shifted.set(bytes);
        const whole = naive(bytes);
        expect(sum(shifted)).toBe(whole);
        expect(sum(shifted.subarray(cut), sum(shifted.subarray(0, cut)))).toBe(whole);
        expect(sum(new Uint8Array(0), whole)).toBe(whole);
      }),
    );
  });

  test("of a large array that begins anywhere", () => {
    const bytes = Uint8Array.from({ length: 300_001 }, (_, i) => i * i).subarray(1);
    expect(sum(bytes)).toBe(naive(bytes));
  });
});
