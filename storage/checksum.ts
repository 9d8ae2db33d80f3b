/**
 * CRC32C (Castagnoli, reflected polynomial 0x82F63B78; RFC 3720, B.4), sixteen bytes a step over sixteen tables
 * ("slicing by 16"). Four words are loaded at once, so the machine must be little-endian, as all that Node runs on are.
 */
import { assert } from "../node/base/assert.ts";

const POLYNOMIAL = 0x82f63b78;
const STEP_BYTES = 16;

type Tables = readonly [
  ...[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array],
  ...[Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array, Int32Array],
];

const [T0, T1, T2, T3, T4, T5, T6, T7, T8, T9, T10, T11, T12, T13, T14, T15] = makeTables() as unknown as Tables;

assert(new Uint8Array(new Int32Array([1]).buffer)[0] === 1, "the checksum needs a little-endian machine");

/** Table k holds what a byte does to the checksum when k more bytes follow it. */
function makeTables(): Int32Array[] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
    first[byte] = crc;
  }
  const tables = [first];
  while (tables.length < STEP_BYTES) {
    const before = tables.at(-1) as Int32Array;
    tables.push(before.map((crc) => (crc >>> 8) ^ (first[crc & 0xff] as number)));
  }
  return tables;
}

/** CRC32C of `bytes`, going on from `seed` (the checksum of what came before), as an unsigned 32-bit number. */
export function crc32c(bytes: Uint8Array, seed = 0): number {
  const unaligned = Math.min(bytes.length, -bytes.byteOffset & 3);
  const wordBytes = (bytes.length - unaligned) & -STEP_BYTES;
  let crc = byBytes(~seed, bytes, 0, unaligned);
  // Making a view costs more than it saves where there is less than a step.
  if (wordBytes > 0) crc = byWords(crc, new Int32Array(bytes.buffer, bytes.byteOffset + unaligned, wordBytes / 4));
  return ~byBytes(crc, bytes, unaligned + wordBytes, bytes.length) >>> 0;
}

function byBytes(seed: number, bytes: Uint8Array, from: number, to: number): number {
  let crc = seed;
  for (let i = from; i < to; i++) crc = (crc >>> 8) ^ (T0[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return crc;
}

// Indexes are masked or bounded by the loop, so the lookups are never undefined; asserting it would cost half the speed.
function byWords(seed: number, words: Int32Array): number {
  let crc = seed;
  for (let i = 0; i < words.length; i += 4) {
    const a = crc ^ (words[i] as number);
    const b = words[i + 1] as number;
    const c = words[i + 2] as number;
    const d = words[i + 3] as number;
    crc =
      (T15[a & 0xff] as number) ^
      (T14[(a >>> 8) & 0xff] as number) ^
      (T13[(a >>> 16) & 0xff] as number) ^
      (T12[a >>> 24] as number) ^
      (T11[b & 0xff] as number) ^
      (T10[(b >>> 8) & 0xff] as number) ^
      (T9[(b >>> 16) & 0xff] as number) ^
      (T8[b >>> 24] as number) ^
      (T7[c & 0xff] as number) ^
      (T6[(c >>> 8) & 0xff] as number) ^
      (T5[(c >>> 16) & 0xff] as number) ^
      (T4[c >>> 24] as number) ^
      (T3[d & 0xff] as number) ^
      (T2[(d >>> 8) & 0xff] as number) ^
      (T1[(d >>> 16) & 0xff] as number) ^
      (T0[d >>> 24] as number);
  }
  return crc;
}
