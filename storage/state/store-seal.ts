/** What a store says of all it holds: which write was the newest, how many values there are, and what they add up to. */
import { utf8, viewOf } from "../../node/base/bytes.ts";
import { crc32c } from "../checksum.ts";
import { NO_KEY } from "../data-key.ts";

export const STORE_VERSION = 2;
const SEAL_BYTES = 32;

export interface Seal {
  /** Of the keys and values in the store. */
  readonly version: number;
  /** Of the data key that values are sealed with; all zeros for none. */
  readonly keyId: Uint8Array;
  /** The number of the newest write; 0 before the first. */
  readonly sequence: number;
  /** Values. */
  readonly count: number;
  /** The sum over all keys of a checksum of the key and its value's checksum, modulo 2^32. */
  readonly total: number;
}

export const EMPTY_SEAL: Seal = { version: STORE_VERSION, keyId: NO_KEY, sequence: 0, count: 0, total: 0 };

/** The seal after one more write, which gives keys these checksums, or none where it deletes them. */
export function sealAfter(
  { version, keyId, sequence, count, total }: Seal,
  before: ReadonlyMap<string, number>,
  changed: ReadonlyMap<string, number | undefined>,
): Seal {
  let counted = count;
  let added = total;
  for (const [key, sum] of changed) {
    const old = before.get(key);
    counted += (sum === undefined ? 0 : 1) - (old === undefined ? 0 : 1);
    added = (added + weight(key, sum) - weight(key, old)) >>> 0;
  }
  return { version, keyId, sequence: sequence + 1, count: counted, total: added };
}

/** What a key adds to the total; its name counts, because that may be damaged, too. */
function weight(key: string, sum: number | undefined): number {
  return sum === undefined ? 0 : crc32c(utf8(key), sum);
}

/** Version u32 | count u32 | sequence u64 | key id 8 | total u32 | crc32c u32 of these, little-endian. */
export function encodeSeal({ version, keyId, sequence, count, total }: Seal): Uint8Array {
  const bytes = new Uint8Array(SEAL_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, version, true);
  view.setUint32(4, count, true);
  view.setBigUint64(8, BigInt(sequence), true);
  bytes.set(keyId, 16);
  view.setUint32(24, total, true);
  view.setUint32(28, crc32c(bytes.subarray(0, 28)), true);
  return bytes;
}

/** The seal in these bytes, or undefined where they are damaged. */
export function decodeSeal(bytes: Uint8Array): Seal | undefined {
  const view = viewOf(bytes);
  if (bytes.length !== SEAL_BYTES || view.getUint32(28, true) !== crc32c(bytes.subarray(0, 28))) return undefined;
  return {
    version: view.getUint32(0, true),
    sequence: Number(view.getBigUint64(8, true)),
    count: view.getUint32(4, true),
    keyId: bytes.slice(16, 24),
    total: view.getUint32(24, true),
  };
}
