import { describe, expect, test } from "vitest";
import { isStrictForm, isStrictPoint } from "./ed25519.ts";

const PRIME = 2n ** 255n - 19n;
const ORDER = 2n ** 252n + 27_742_317_777_372_353_535_851_937_790_883_648_493n;
const SIGN_OF_X = 1n << 255n;

/** 32 little-endian bytes. */
function bytesOf(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, i) => Number((value >> BigInt(8 * i)) & 0xffn));
}

describe("a point", () => {
  test.each([
    ["the least y that is not of small order", 2n, true],
    ["the greatest", PRIME - 2n, true],
    ["order 4", 0n, false],
    ["the identity", 1n, false],
    ["order 2", PRIME - 1n, false],
    ["order 4 in its second encoding", PRIME, false],
    ["the identity in its second encoding", PRIME + 1n, false],
    ["an ordinary y in its second encoding", PRIME + 2n, false],
    ["the greatest second encoding", SIGN_OF_X - 1n, false],
  ])("%s, with either sign of x", (_, y, strict) => {
    expect([y, y + SIGN_OF_X].map((encoded) => isStrictPoint(bytesOf(encoded)))).toEqual([strict, strict]);
  });

  test("of another length is none, and the bytes that are asked about stay as they are", () => {
    for (const length of [0, 31, 33]) expect(isStrictPoint(new Uint8Array(length).fill(5))).toBe(false);
    const encoded = new Uint8Array(33).fill(0xf5).subarray(1);
    expect(isStrictPoint(encoded)).toBe(true);
    expect(encoded).toEqual(new Uint8Array(32).fill(0xf5));
  });
});

describe("a signature", () => {
  const point = bytesOf(5n);
  const strict = (key: Uint8Array, r: Uint8Array, s: bigint): boolean => {
    return isStrictForm(key, new Uint8Array([...r, ...bytesOf(s)]));
  };

  test("has a scalar below the order of the base point", () => {
    const scalars = [0n, ORDER - 1n, ORDER, ORDER + 1n, 2n ** 256n - 1n];
    expect(scalars.map((s) => strict(point, point, s))).toEqual([true, true, false, false, false]);
  });

  test("has an R, and a key, that are strict points", () => {
    expect(strict(point, bytesOf(1n), 1n)).toBe(false);
    expect(strict(bytesOf(1n), point, 1n)).toBe(false);
    expect(isStrictForm(point, new Uint8Array(63).fill(5))).toBe(false);
    expect(isStrictForm(point, new Uint8Array(65).fill(5))).toBe(false);
    expect(isStrictForm(new Uint8Array(31).fill(5), new Uint8Array(64).fill(5))).toBe(false);
  });
});
