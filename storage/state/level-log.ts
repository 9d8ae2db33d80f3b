/**
 * LevelDB's log format, which its manifest has, too: blocks of 32 KiB that hold records, each in one fragment or several.
 * See LevelDB's doc/log_format.md.
 *
 * A fragment: masked crc32c u32 of what follows the length | length u16 | type u8 | bytes.
 */
import { concatBytes, viewOf } from "../../node/base/bytes.ts";
import { crc32c } from "../checksum.ts";

const BLOCK_BYTES = 32_768;
const HEADER_BYTES = 7;
const MASK_DELTA = 0xa282_ead8;
/** A whole record, the first fragment of one, and the last. */
const FULL = 1;
const FIRST = 2;
const LAST = 4;

/** What ends a log before its file does. */
export interface LogFault {
  readonly offset: number;
  /** It goes on behind the end of the file, as a write does that was cut off. */
  readonly isCutOff: boolean;
}

/** Shows each sound fragment with its type, up to the first that is not, which it returns. */
function readFragments(bytes: Uint8Array, visit: (type: number, fragment: Uint8Array) => void): LogFault | undefined {
  const view = viewOf(bytes);
  let at = 0;
  while (at + HEADER_BYTES <= bytes.length) {
    const left = BLOCK_BYTES - (at % BLOCK_BYTES);
    if (left < HEADER_BYTES) {
      if (bytes.subarray(at, at + left).some((byte) => byte !== 0)) return { offset: at, isCutOff: false };
      at += left;
      continue;
    }
    const end = at + HEADER_BYTES + view.getUint16(at + 4, true);
    if (end > at + left) return { offset: at, isCutOff: false };
    if (end > bytes.length) return { offset: at, isCutOff: true };
    if (view.getUint32(at, true) !== masked(crc32c(bytes.subarray(at + 6, end))))
      return { offset: at, isCutOff: false };
    visit(bytes[at + 6] as number, bytes.subarray(at + HEADER_BYTES, end));
    at = end;
  }
  return at < bytes.length ? { offset: at, isCutOff: true } : undefined;
}

export function logFault(bytes: Uint8Array): LogFault | undefined {
  return readFragments(bytes, () => undefined);
}

/** The records of a log, up to the first that is not sound. */
export function logRecords(bytes: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  let fragments: Uint8Array[] = [];
  readFragments(bytes, (type, fragment) => {
    if (type === FULL || type === FIRST) fragments = [];
    fragments.push(fragment);
    if (type === FULL || type === LAST) records.push(concatBytes(fragments));
  });
  return records;
}

/** LevelDB keeps checksums masked, so that data with checksums in it has none by accident. */
export function masked(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + MASK_DELTA) >>> 0;
}
