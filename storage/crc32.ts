/**
 * CRC-32 (reflected polynomial 0xEDB88320; ISO 3309, zip, PNG), the checksum of the log's records: 0.15 ms a mebibyte by
 * the processor's own instructions in Node's zlib, where CRC32C has no better way than JavaScript's 0.4. Everything else
 * has CRC32C (`checksum.ts`).
 */
const POLYNOMIAL = 0xedb88320;

/** Node's zlib, where there is one. Looked up, not imported: the simulator runs in browsers, too. */
const native: ((bytes: Uint8Array, seed: number) => number) | undefined =
  typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:zlib")?.crc32;

/** What a byte does to the checksum. */
const TABLE: Int32Array = Int32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? POLYNOMIAL : 0);
  return crc;
});

/** CRC-32 of `bytes`, going on from `seed` (the checksum of what came before), as an unsigned 32-bit number. */
export function crc32(bytes: Uint8Array, seed = 0): number {
  if (native === undefined) return portableCrc32(bytes, seed);
  // zlib takes an empty array for none at all, and begins anew.
  return bytes.length === 0 ? seed : native(bytes, seed);
}

/** The same in JavaScript. */
export function portableCrc32(bytes: Uint8Array, seed = 0): number {
  let crc = ~seed;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number);
  return ~crc >>> 0;
}
