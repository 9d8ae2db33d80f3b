/** Arithmetic on words against bigints. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { add, addSeconds, compare, fromBigInt, isMax, isZero, setU64, subtract, toBigInt, u64At } from "./words.ts";

const MODULUS = 2n ** 128n;

/** Of any size, and often with words that are all zeros or ones, where carries go far. */
const u128 = fc.oneof(
  fc.bigInt(0n, MODULUS - 1n),
  fc
    .array(fc.constantFrom(0n, 1n, 0x7fff_ffffn, 0x8000_0000n, 0xffff_fffen, 0xffff_ffffn), {
      minLength: 4,
      maxLength: 4,
    })
    .map((parts) => parts.reduce<bigint>((value, part) => (value << 32n) | part, 0n)),
);

function words(...values: readonly bigint[]): Uint32Array {
  const array = new Uint32Array(values.length * 4);
  for (const [index, value] of values.entries()) fromBigInt(value, array, index * 4);
  return array;
}

describe("128 bits", () => {
  test("go in and out", () => {
    fc.assert(
      fc.property(u128, (a) => {
        expect(toBigInt(words(0n, a), 4)).toBe(a);
        expect(isZero(words(a), 0)).toBe(a === 0n);
        expect(isMax(words(a), 0)).toBe(a === MODULUS - 1n);
      }),
    );
    expect([isZero(words(0n), 0), isMax(words(MODULUS - 1n), 0)]).toEqual([true, true]);
  });

  test("add and subtract, in place as well, and say when they leave their range", () => {
    fc.assert(
      fc.property(u128, u128, (a, b) => {
        const sum = words(a, b);
        expect(add(sum, 0, sum, 4, sum, 0)).toBe(a + b >= MODULUS);
        expect(toBigInt(sum, 0)).toBe((a + b) % MODULUS);
        const difference = words(a, b, 0n);
        expect(subtract(difference, 0, difference, 4, difference, 8)).toBe(a < b);
        expect(toBigInt(difference, 8)).toBe((a - b + MODULUS) % MODULUS);
      }),
    );
  });

  test("compare", () => {
    fc.assert(
      fc.property(u128, u128, (a, b) => {
        expect(Math.sign(compare(words(a), 0, words(b), 0))).toBe(a < b ? -1 : a > b ? 1 : 0);
        expect(compare(words(a), 0, words(a), 0)).toBe(0);
      }),
    );
  });
});

test("seconds are added to a time exactly, up to 63 bits", () => {
  const times = fc.oneof(fc.bigInt(0n, 2n ** 63n - 1n), fc.bigInt(2n ** 63n - 2n ** 62n, 2n ** 63n - 1n));
  const seconds = fc.oneof(fc.nat(0xffff), fc.integer({ min: 0, max: 2 ** 32 - 1 }), fc.constant(2 ** 32 - 1));
  fc.assert(
    fc.property(times, seconds, (time, count) => {
      const at = new Uint32Array(4);
      setU64(at, 0, time);
      const exact = time + BigInt(count) * 1_000_000_000n;
      expect(addSeconds(at, 0, count, at, 2)).toBe(exact < 2n ** 63n);
      if (exact < 2n ** 63n) expect(u64At(at, 2)).toBe(exact);
    }),
  );
});
