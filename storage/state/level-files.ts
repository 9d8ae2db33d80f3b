/**
 * Damage in LevelDB's own files, found by their own checksums and without LevelDB, which drops what it cannot read, or ends
 * the process. Formats: LevelDB's doc/table_format.md and doc/log_format.md.
 *
 * A table is blocks, each followed by a type and a checksum, and a footer. Where a block ends is seen by its checksum being
 * right, so no index has to be believed. A log is blocks of 32 KiB that hold records.
 */
import { viewOf } from "../../node/base/bytes.ts";
import type { Disk } from "../../node/base/ports/disk.ts";
import { crc32c } from "../checksum.ts";

const TABLE = /\.(ldb|sst)$/;
const LOG = /(\.log$|^MANIFEST-)/;
const MASK_DELTA = 0xa282_ead8;
const FOOTER_BYTES = 48;
const TABLE_MAGIC = 0xdb47_7524_8b80_fb57n;
const LOG_BLOCK_BYTES = 32_768;
const LOG_HEADER_BYTES = 7;

export interface FileDamage {
  readonly name: string;
  /** Where the block, record or footer begins that is damaged. */
  readonly offset: number;
}

/** The first damage in each table and log of a LevelDB directory. Throws `DiskError`. */
export function levelDamage(disk: Disk): FileDamage[] {
  return disk.list(".").flatMap((name) => {
    const check = TABLE.test(name) ? damageInTable : LOG.test(name) ? damageInLog : undefined;
    if (check === undefined) return [];
    const file = disk.open(name, { create: false });
    try {
      const offset = check(file.read(0, file.size()));
      return offset === undefined ? [] : [{ name, offset }];
    } finally {
      file.close();
    }
  });
}

function damageInTable(bytes: Uint8Array): number | undefined {
  const footer = bytes.length - FOOTER_BYTES;
  if (footer < 0) return 0;
  /** Where each block ends, type and checksum included. */
  const ends: number[] = [];
  for (let start = 0; start < footer; start = ends.at(-1) ?? 0) {
    const end = blockEnd(bytes, start, start, footer);
    if (end !== undefined) {
      ends.push(end);
      continue;
    }
    // Once in a very long time a checksum is right where no block ends; then the block before is longer.
    ends.pop();
    const longer = start === 0 ? undefined : blockEnd(bytes, ends.at(-1) ?? 0, start, footer);
    if (longer === undefined) return start;
    ends.push(longer);
  }
  return isFooter(bytes.subarray(footer), ends, footer) ? undefined : footer;
}

/** Where the block that begins at `from` ends, behind `after`; undefined where no checksum is right. */
function blockEnd(bytes: Uint8Array, from: number, after: number, limit: number): number | undefined {
  const view = viewOf(bytes);
  let sum = 0;
  for (let at = from; at + 5 <= limit; at++) {
    sum = crc32c(bytes.subarray(at, at + 1), sum);
    const type = bytes[at] as number;
    if (type <= 1 && at + 5 > after && view.getUint32(at + 1, true) === masked(sum)) return at + 5;
  }
  return undefined;
}

/** The footer names the last two blocks, the index last, then zeros up to its magic number. */
function isFooter(footer: Uint8Array, ends: readonly number[], end: number): boolean {
  const [indexStart = 0, metaStart = 0] = [ends.at(-2), ends.at(-3)];
  if (ends.length < 2 || ends.at(-1) !== end) return false;
  const handles = [metaStart, indexStart - metaStart - 5, indexStart, end - indexStart - 5].flatMap(varint);
  const view = viewOf(footer);
  return (
    view.getBigUint64(FOOTER_BYTES - 8, true) === TABLE_MAGIC &&
    footer.subarray(0, FOOTER_BYTES - 8).every((byte, at) => byte === (handles[at] ?? 0))
  );
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(Math.floor(value / 128))];
}

/** A record that goes on behind the end of the file is a write that was cut off, and none. */
function damageInLog(bytes: Uint8Array): number | undefined {
  const view = viewOf(bytes);
  let at = 0;
  while (at + LOG_HEADER_BYTES <= bytes.length) {
    const left = LOG_BLOCK_BYTES - (at % LOG_BLOCK_BYTES);
    if (left < LOG_HEADER_BYTES) {
      if (bytes.subarray(at, at + left).some((byte) => byte !== 0)) return at;
      at += left;
      continue;
    }
    const end = at + LOG_HEADER_BYTES + view.getUint16(at + 4, true);
    if (end > at + left) return at;
    if (end > bytes.length) return undefined;
    if (view.getUint32(at, true) !== masked(crc32c(bytes.subarray(at + 6, end)))) return at;
    at = end;
  }
  return undefined;
}

/** LevelDB keeps checksums masked, so that data with checksums in it has none by accident. */
function masked(sum: number): number {
  return (((sum >>> 15) | (sum << 17)) + MASK_DELTA) >>> 0;
}
