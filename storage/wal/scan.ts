/**
 * Reading a log directory from start to end: what is valid, where it ends, and whether the end is a torn tail (the last
 * write never completed) or damage to something that was acknowledged.
 */
import { allZero, equalBytes, viewOf } from "../../node/base/bytes.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { type Disk, DiskError, type DiskFile } from "../../node/base/ports/disk.ts";
import { checkKeyId } from "../data-key.ts";
import { damaged, endMissing, foreignFormat, type LogPlace, missingSegment, readFailed } from "./faults.ts";
import { FileWindow } from "./file-window.ts";
import {
  ALIGNMENT,
  claimedBytes,
  decodeClaimed,
  decodeSegmentHeader,
  FORMAT_VERSION,
  type Found,
  RECORD_HEADER_BYTES,
  SEGMENT_HEADER_BYTES,
} from "./format.ts";
import type { WalRecord } from "./log-store.ts";
import { reachedPath, readReached } from "./reached-file.ts";
import { readStart, type StoredStart, startPath } from "./start-file.ts";

export const SEGMENT_NAME: RegExp = /^[0-9a-f]{16}\.wal$/;
/** A file that was to take another's place; see `replace-file.ts`. */
const UNFINISHED_NAME = /^[0-9a-f]{16}\.wal\.new$/;
/** How much of the space behind the last record is looked at in one go. */
const SPACE_BYTES = 65_536;

export interface ScannedSegment {
  readonly path: string;
  readonly file: DiskFile;
  readonly firstIndex: number;
  /** Behind the last valid record or mark. */
  end: number;
}

export interface LogScan {
  /** Files that are no part of the log any more: their removal was cut off. */
  readonly leftovers: readonly string[];
  readonly segments: readonly ScannedSegment[];
  readonly lastIndex: number;
  /** Everything up to here was durable in the life that wrote it; what follows is valid, but may be in memory only. */
  readonly attestedIndex: number;
  /** What a file beside the log says that it reaches at least. */
  readonly reachedIndex: number;
  /** Bytes behind the last valid record or mark, up to the last that is not zero: an unfinished write. */
  readonly tornBytes: number;
  /** Where that begins, with the height that it would be; undefined where there is nothing. */
  readonly tornAt: LogPlace | undefined;
  /** A last file whose creation was not finished; it holds nothing. */
  readonly unfinished: string | undefined;
}

/** Sees each valid record, in order, its payload as it is stored; hashes and payload are good during the call only. */
export type VisitRecord = (record: WalRecord, segment: ScannedSegment, offset: number) => void;

export function segmentName(firstIndex: number): string {
  return `${firstIndex.toString(16).padStart(16, "0")}.wal`;
}

/** The first index of a segment, by its name. */
export function segmentIndex(name: string): number {
  return Number.parseInt(name, 16);
}

/** Where a log begins; undefined for index 1. Throws `StorageError`. */
export function startOf(disk: Disk, directory: string): StoredStart | undefined {
  try {
    return readStart(disk, directory);
  } catch (error) {
    const place = { path: startPath(directory), offset: 0, index: 1 };
    throw error instanceof DiskError ? readFailed(place, error) : error;
  }
}

export interface ScanOptions {
  readonly cipher: Cipher | undefined;
  /** As `startOf` has it. */
  readonly start: StoredStart | undefined;
}

/** Scans the whole log; throws `StorageError` at the first problem. The caller closes the files. */
export function scanLog(disk: Disk, directory: string, options: ScanOptions, visit: VisitRecord): LogScan {
  const scanner = new Scanner(disk, options, visit);
  try {
    const all = disk.list(directory);
    const names = all.filter((name) => SEGMENT_NAME.test(name));
    for (const name of all) if (UNFINISHED_NAME.test(name)) scanner.leftovers.push(`${directory}/${name}`);
    for (const name of names) scanner.scanFile(`${directory}/${name}`, name === names.at(-1));
    scanner.reach(directory);
    return scanner;
  } catch (error) {
    for (const segment of scanner.segments) segment.file.close();
    throw error instanceof DiskError ? readFailed(scanner.place, error) : error;
  }
}

class Scanner implements LogScan {
  readonly leftovers: string[] = [];
  readonly segments: ScannedSegment[] = [];
  lastIndex: number;
  attestedIndex: number;
  reachedIndex = 0;
  tornBytes = 0;
  tornAt: LogPlace | undefined;
  unfinished: string | undefined;
  /** Where it has got to. */
  place: LogPlace;
  readonly #disk: Disk;
  readonly #cipher: Cipher | undefined;
  readonly #start: StoredStart | undefined;
  readonly #visit: VisitRecord;
  readonly #window = new FileWindow();
  #lastHash: Uint8Array | undefined;

  constructor(disk: Disk, { cipher, start }: ScanOptions, visit: VisitRecord) {
    this.#disk = disk;
    this.#cipher = cipher;
    this.#start = start;
    this.#visit = visit;
    this.lastIndex = start?.index ?? 0;
    this.attestedIndex = this.lastIndex;
    this.#lastHash = start?.hash;
    this.place = { path: "", offset: 0, index: this.lastIndex + 1 };
  }

  scanFile(path: string, last: boolean): void {
    const firstIndex = segmentIndex(path.slice(-20));
    if (this.#start !== undefined && (this.#start.replacing || firstIndex <= this.#start.index)) {
      this.leftovers.push(path);
      return;
    }
    this.place = { path, offset: 0, index: this.lastIndex + 1 };
    if (firstIndex > this.lastIndex + 1) throw missingSegment(this.place);
    if (firstIndex <= this.lastIndex) throw damaged(this.place);
    // A file is made only when everything before it is durable.
    this.attestedIndex = this.lastIndex;
    const file = this.#disk.open(path, { create: false });
    const segment = { path, file, firstIndex, end: SEGMENT_HEADER_BYTES };
    this.segments.push(segment);
    const header = decodeSegmentHeader(this.#window.read(file, 0, SEGMENT_HEADER_BYTES));
    if (header === undefined) {
      this.#endUnfinished(segment, last);
      return;
    }
    if (header.version !== FORMAT_VERSION) throw foreignFormat(this.place, header.version);
    if (header.firstIndex !== firstIndex) throw damaged(this.place);
    checkKeyId(header.keyId, this.#cipher, path);
    this.#walk(segment);
    this.#judgeRest(segment, last);
  }

  /** What was acknowledged out of files that are not there, or of which nothing is whole, is missed. */
  reach(directory: string): void {
    this.reachedIndex = readReached(this.#disk, directory);
    if (this.lastIndex >= this.reachedIndex) return;
    if (this.tornAt !== undefined) throw damaged(this.tornAt);
    throw endMissing({ path: reachedPath(directory), offset: 0, index: this.lastIndex + 1 });
  }

  /** The newest file may have been cut off while it was made; then nothing in it was ever acknowledged. */
  #endUnfinished(segment: ScannedSegment, last: boolean): void {
    const used = usedBytes(this.#window, segment.file, 0);
    if (!last || attestedBehind(segment.file, 0, used) >= segment.firstIndex) throw damaged(this.place);
    this.segments.pop();
    segment.file.close();
    this.unfinished = segment.path;
    this.#isTorn(used);
  }

  #walk(segment: ScannedSegment): void {
    for (;;) {
      this.place = { path: segment.path, offset: segment.end, index: this.lastIndex + 1 };
      const found = readFound(segment.file, segment.end, this.#window);
      if (found === undefined) return;
      if (found.record !== undefined) this.#take(found.record, segment);
      this.attestedIndex = Math.max(this.attestedIndex, found.durableIndex);
      if (this.attestedIndex > this.lastIndex) throw damaged(this.place);
      segment.end += found.bytes;
    }
  }

  #take(record: WalRecord, segment: ScannedSegment): void {
    const chained = this.#lastHash === undefined || equalBytes(record.previousHash, this.#lastHash);
    if (record.index !== this.lastIndex + 1 || !chained) throw damaged(this.place);
    this.lastIndex = record.index;
    this.#lastHash = record.hash.slice();
    this.#visit(record, segment, segment.end);
  }

  /** What stands behind the last valid record: nothing, a torn tail, or proof that a record before it was durable. */
  #judgeRest(segment: ScannedSegment, last: boolean): void {
    const used = usedBytes(this.#window, segment.file, segment.end);
    if (used === 0) return;
    if (!last || attestedBehind(segment.file, segment.end, used) > this.lastIndex) throw damaged(this.place);
    this.#isTorn(used);
  }

  #isTorn(used: number): void {
    this.tornBytes = used;
    if (used > 0) this.tornAt = this.place;
  }
}

/**
 * The valid record or mark at an offset of a segment, or undefined; in memory of its own, or in the window's, as long as
 * that lasts. Throws `DiskError`.
 */
export function readFound(file: DiskFile, offset: number, window?: FileWindow): Found | undefined {
  const read = (length: number): Uint8Array => window?.read(file, offset, length) ?? file.read(offset, length);
  const bytes = claimedBytes(viewOf(read(RECORD_HEADER_BYTES)), 0, offset);
  if (bytes === undefined || offset + bytes > file.size()) return undefined;
  return decodeClaimed(read(bytes));
}

/** How many bytes behind an offset are not just zeros. */
export function usedBytes(window: FileWindow, file: DiskFile, from: number): number {
  let used = 0;
  for (let at = from; at < file.size(); at += SPACE_BYTES) {
    const bytes = window.read(file, at, SPACE_BYTES);
    if (allZero(bytes)) continue;
    used = at + bytes.findLastIndex((byte) => byte !== 0) + 1 - from;
  }
  return used;
}

/** The highest durable index that any valid record or mark in the `used` bytes behind `from` knows; 0 for none. */
function attestedBehind(file: DiskFile, from: number, used: number): number {
  // To the end of the file, because the last of them may end in zeros.
  const bytes = file.read(from, file.size() - from);
  const view = viewOf(bytes);
  let attested = 0;
  for (let at = 0; at < used; at += ALIGNMENT) {
    const claimed = claimedBytes(view, at, from + at);
    if (claimed === undefined || at + claimed > bytes.length) continue;
    const found = decodeClaimed(bytes.subarray(at, at + claimed));
    if (found !== undefined) attested = Math.max(attested, found.durableIndex);
  }
  return attested;
}
