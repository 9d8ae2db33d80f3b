/**
 * Unsigned 128-bit arithmetic on four 32-bit words, lowest first, in place in typed arrays. Plain number arithmetic: no
 * bigint is made on the hot path, and large amounts take the same path as small ones.
 */
import { assert } from "../base/assert.ts";

/** Words in a u128. */
export const U128_WORDS = 4;
const WORD_MAX = 0xffff_ffff;

// Records are read as 32-bit words of a little-endian byte layout.
assert(new Uint8Array(new Uint32Array([1]).buffer)[0] === 1, "the ledger needs a little-endian machine");

export function isZero(a: Uint32Array, i: number): boolean {
  return ((a[i] as number) | (a[i + 1] as number) | (a[i + 2] as number) | (a[i + 3] as number)) === 0;
}

export function isMax(a: Uint32Array, i: number): boolean {
  return ((a[i] as number) & (a[i + 1] as number) & (a[i + 2] as number) & (a[i + 3] as number)) === -1;
}

export function equal(a: Uint32Array, i: number, b: Uint32Array, j: number): boolean {
  return a[i] === b[j] && a[i + 1] === b[j + 1] && a[i + 2] === b[j + 2] && a[i + 3] === b[j + 3];
}

export function equal64(a: Uint32Array, i: number, b: Uint32Array, j: number): boolean {
  return a[i] === b[j] && a[i + 1] === b[j + 1];
}

/** Negative, zero or positive as a is less than, equal to or greater than b. */
export function compare(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
  for (let word = 3; word >= 0; word--) {
    const difference = (a[i + word] as number) - (b[j + word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The same for two words. */
export function compare64(a: Uint32Array, i: number, b: Uint32Array, j: number): number {
  const difference = (a[i + 1] as number) - (b[j + 1] as number);
  return difference === 0 ? (a[i] as number) - (b[j] as number) : difference;
}

/** out = a + b; true when it overflows (out then holds the sum modulo 2^128). out may be a or b. */
export function add(a: Uint32Array, i: number, b: Uint32Array, j: number, out: Uint32Array, o: number): boolean {
  // Stored modulo 2^32; what is above is carried. Not a loop: this is the ledger's hottest path.
  let sum = (a[i] as number) + (b[j] as number);
  out[o] = sum;
  sum = (a[i + 1] as number) + (b[j + 1] as number) + (sum > WORD_MAX ? 1 : 0);
  out[o + 1] = sum;
  sum = (a[i + 2] as number) + (b[j + 2] as number) + (sum > WORD_MAX ? 1 : 0);
  out[o + 2] = sum;
  sum = (a[i + 3] as number) + (b[j + 3] as number) + (sum > WORD_MAX ? 1 : 0);
  out[o + 3] = sum;
  return sum > WORD_MAX;
}

/** out = a - b; true when it underflows. out may be a or b. */
export function subtract(a: Uint32Array, i: number, b: Uint32Array, j: number, out: Uint32Array, o: number): boolean {
  let difference = (a[i] as number) - (b[j] as number);
  out[o] = difference;
  difference = (a[i + 1] as number) - (b[j + 1] as number) - (difference < 0 ? 1 : 0);
  out[o + 1] = difference;
  difference = (a[i + 2] as number) - (b[j + 2] as number) - (difference < 0 ? 1 : 0);
  out[o + 2] = difference;
  difference = (a[i + 3] as number) - (b[j + 3] as number) - (difference < 0 ? 1 : 0);
  out[o + 3] = difference;
  return difference < 0;
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

const NS_PER_SECOND = 1_000_000_000;
const TWO_32 = 0x1_0000_0000;
const TWO_16 = 0x1_0000;

/**
 * out = time + seconds, in nanoseconds of 64 bits; false when it leaves the 63 bits that a timestamp may have. `time` has
 * at most 63 bits, `seconds` 32. Every intermediate number is an exact integer.
 */
export function addSeconds(time: Uint32Array, i: number, seconds: number, out: Uint32Array, o: number): boolean {
  const upper = Math.floor(seconds / TWO_16) * NS_PER_SECOND;
  const lower = (seconds % TWO_16) * NS_PER_SECOND;
  const low = (upper % TWO_16) * TWO_16 + (lower % TWO_32) + (time[i] as number);
  const carried = Math.floor(low / TWO_32) + Math.floor(lower / TWO_32) + Math.floor(upper / TWO_16);
  const high = (time[i + 1] as number) + carried;
  out[o] = low % TWO_32;
  out[o + 1] = high;
  return high < 0x8000_0000;
}
