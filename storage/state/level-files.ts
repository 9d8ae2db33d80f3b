/**
 * Damage in LevelDB's own files, found by their own checksums and without LevelDB, which drops what it cannot read, or ends
 * the process. Format of tables: LevelDB's doc/table_format.md.
 *
 * A table is blocks, each followed by a type and a checksum, and a footer. Where a block ends is seen by its checksum being
 * right, so no index has to be believed. `CURRENT` is the name of the manifest, which says what tables there are.
 */
import { viewOf } from "../../node/base/bytes.ts";
import type { Disk } from "../../node/base/ports/disk.ts";
import { crc32c } from "../checksum.ts";
import { logFault, masked } from "./level-log.ts";
import { liveFiles } from "./level-manifest.ts";
import { SEAL_FILE } from "./seal-file.ts";

const CURRENT = "CURRENT";
const TABLE = /\.(ldb|sst)$/;
const LOG = /\.log$/;
/** The whole of `CURRENT`. */
const MANIFEST_LINE = /^MANIFEST-\d{6,}\n$/;
const FOOTER_BYTES = 48;
const TABLE_MAGIC = 0xdb47_7524_8b80_fb57n;

export interface FileDamage {
  readonly name: string;
  /** Where the block, record or footer begins that is damaged; 0 for a file that is missing, or wrong as a whole. */
  readonly offset: number;
}

/** The files of a database. What else lies there is a leftover, of which nothing is read. */
export interface DatabaseFiles {
  readonly manifest: string;
  /** Tables, and logs that are read when it is opened. */
  readonly contents: readonly string[];
  /** Tables that the manifest names, and that are not there. */
  readonly missing: readonly string[];
}

/** The first damage in each file of a database, and the tables that are missing. Throws `DiskError`. */
export function levelDamage(disk: Disk): FileDamage[] {
  const files = databaseFiles(disk);
  if (files === undefined) {
    const names = disk.list(".");
    return isNew(names) ? [] : [{ name: CURRENT, offset: 0 }, ...damageIn(disk, names)];
  }
  const { manifest, contents, missing } = files;
  const fault = logFault(bytesOf(disk, manifest));
  const isCutShort = fault?.isCutOff === true && missing.length === 0;
  if (fault !== undefined && !isCutShort)
    return [{ name: manifest, offset: fault.offset }, ...damageIn(disk, contents)];
  return [...damageIn(disk, contents), ...missing.map((name) => ({ name, offset: 0 }))];
}

/** Where a log ends in a record that goes on behind its end: a write that was cut off, or damage. Throws `DiskError`. */
export function levelCutOffs(disk: Disk): FileDamage[] {
  const { manifest, contents = [] } = databaseFiles(disk) ?? {};
  return [...contents, ...(manifest === undefined ? [] : [manifest])].flatMap((name) => {
    const fault = TABLE.test(name) ? undefined : logFault(bytesOf(disk, name));
    return fault?.isCutOff === true ? [{ name, offset: fault.offset }] : [];
  });
}

/** The files that count; undefined where `CURRENT` is not there or names nothing that is. Throws `DiskError`. */
export function databaseFiles(disk: Disk): DatabaseFiles | undefined {
  const names = disk.list(".");
  const line = names.includes(CURRENT) ? Buffer.from(bytesOf(disk, CURRENT)).toString("latin1") : "";
  const manifest = line.slice(0, -1);
  if (!MANIFEST_LINE.test(line) || !names.includes(manifest)) return undefined;
  const { tables, firstLog } = liveFiles(bytesOf(disk, manifest));
  const contents = names.filter((name) => {
    return TABLE.test(name) ? tables.has(numberOf(name)) : LOG.test(name) && numberOf(name) >= firstLog;
  });
  const there = new Set(contents.filter((name) => TABLE.test(name)).map(numberOf));
  const missing = [...tables].filter((number) => !there.has(number));
  return { manifest, contents, missing: missing.map((number) => `${String(number).padStart(6, "0")}.ldb`) };
}

/** Of a name such as 000012.ldb. */
function numberOf(name: string): number {
  return Number.parseInt(name, 10);
}

/** Nothing was ever written, and the first opening may have been cut off before `CURRENT` was there. */
function isNew(names: readonly string[]): boolean {
  return !names.some((name) => name === CURRENT || name === SEAL_FILE || TABLE.test(name));
}

function damageIn(disk: Disk, names: readonly string[]): FileDamage[] {
  return names.flatMap((name) => {
    const offset = TABLE.test(name) ? damageInTable(bytesOf(disk, name)) : damageInLog(disk, name);
    return offset === undefined ? [] : [{ name, offset }];
  });
}

/** A last record that goes on behind the end of the file is a write that was cut off, and none, as far as is seen here. */
function damageInLog(disk: Disk, name: string): number | undefined {
  const fault = LOG.test(name) ? logFault(bytesOf(disk, name)) : undefined;
  return fault?.isCutOff === false ? fault.offset : undefined;
}

function bytesOf(disk: Disk, name: string): Uint8Array {
  const file = disk.open(name, { create: false });
  try {
    return file.read(0, file.size());
  } finally {
    file.close();
  }
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
