/**
 * Unsigned 128-bit arithmetic on four 32-bit words, lowest first, in place in typed arrays. Plain number arithmetic: no
 * bigint is made on the hot path, and large amounts take the same path as small ones.
 */
import { assert } from "../base/assert.ts";

/** Words in a u128. */
export const U128_WORDS = 4;

// Records are read as 32-bit words of a little-endian byte layout.
assert(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, "the ledger needs a little-endian machine");

export function isZero(a: Uint32Array, i: number): boolean {
  return a[i] === 0 && a[i + 1] === 0 && a[i + 2] === 0 && a[i + 3] === 0;
}

export function isMax(a: Uint32Array, i: number): boolean {
  const max = 0xffff_ffff;
  return a[i] === max && a[i + 1] === max && a[i + 2] === max && a[i + 3] === max;
}

export function equal(a: Uint32Array, i: number, b: Uint32Array, j: number): boolean {
  return a[i] === b[j] && a[i + 1] === b[j + 1] && a[i + 2] === b[j + 2] && a[i + 3] === b[j + 3];
}

/** Negative, zero or positive as a is less than, equal to or greater than b. */
export function compare(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
  for (let word = 3; word >= 0; word--) {
    const difference = (a[i + word] as number) - (b[j + word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** out = a + b; true when it overflows (out then holds the sum modulo 2^128). out may be a or b. */
export function add(a: Uint32Array, i: number, b: Uint32Array, j: number, out: Uint32Array, o: number): boolean {
  let carry = 0;
  for (let word = 0; word < 4; word++) {
    const sum = (a[i + word] as number) + (b[j + word] as number) + carry;
    out[o + word] = sum; // stored modulo 2^32
    carry = sum > 0xffff_ffff ? 1 : 0;
  }
  return carry !== 0;
}

/** out = a - b; true when it underflows. out may be a or b. */
export function subtract(a: Uint32Array, i: number, b: Uint32Array, j: number, out: Uint32Array, o: number): boolean {
  let borrow = 0;
  for (let word = 0; word < 4; word++) {
    const difference = (a[i + word] as number) - (b[j + word] as number) - borrow;
    out[o + word] = difference; // stored modulo 2^32
    borrow = difference < 0 ? 1 : 0;
  }
  return borrow !== 0;
}

export function copy(from: Uint32Array, i: number, to: Uint32Array, j: number): void {
  to[j] = from[i] as number;
  to[j + 1] = from[i + 1] as number;
  to[j + 2] = from[i + 2] as number;
  to[j + 3] = from[i + 3] as number;
}

/** The value as a bigint. */
export function toBigInt(a: Uint32Array, i: number): bigint {
  return u64At(a, i) | (u64At(a, i + 2) << 64n);
}

/** The unsigned 64-bit value in two words. */
export function u64At(a: Uint32Array, i: number): bigint {
  return BigInt(a[i] as number) | (BigInt(a[i + 1] as number) << 32n);
}

export function setU64(a: Uint32Array, i: number, value: bigint): void {
  a[i] = Number(value & 0xffff_ffffn);
  a[i + 1] = Number(value >> 32n);
}

/** Writes a u128. */
export function fromBigInt(value: bigint, a: Uint32Array, i: number): void {
  setU64(a, i, value & 0xffff_ffff_ffff_ffffn);
  setU64(a, i + 2, value >> 64n);
}
