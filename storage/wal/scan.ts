/**
 * Reading a log directory from start to end: what is valid, where it ends, and whether the end is a torn tail (the last
 * write never completed) or damage to something that was acknowledged.
 */
import { equalBytes, viewOf } from "../../node/base/bytes.ts";
import type { Disk, DiskFile } from "../../node/base/ports/disk.ts";
import {
  decodeRecord,
  decodeSegmentHeader,
  type FoundRecord,
  RECORD_HEADER_BYTES,
  RECORD_MAGIC,
  recordBytes,
  SEGMENT_HEADER_BYTES,
} from "./format.ts";

const SEGMENT_NAME = /^[0-9a-f]{16}\.wal$/;
const STEP = 8;

export interface ScannedSegment {
  readonly path: string;
  readonly file: DiskFile;
  readonly firstIndex: number;
  /** Where the next record goes. */
  end: number;
  readonly size: number;
}

export interface ScanProblem {
  readonly code: "wal_damaged" | "wal_foreign_format" | "wal_missing_segment";
  readonly segment: string;
  readonly offset: number;
  readonly index: number;
}

export interface ScanResult {
  readonly segments: readonly ScannedSegment[];
  readonly problems: readonly ScanProblem[];
  /** Bytes behind the last valid record of the last segment that are not zero: an unfinished write. */
  readonly tornBytes: number;
  /** A last segment whose creation was not finished; it holds nothing. */
  readonly unfinished: string | undefined;
}

export function segmentName(firstIndex: number): string {
  return `${firstIndex.toString(16).padStart(16, "0")}.wal`;
}

/** Scans all segments in order and shows each valid record to `visit`. Stops at the first problem. */
export function scanLog(
  disk: Disk,
  directory: string,
  visit: (record: FoundRecord, segment: ScannedSegment, offset: number) => void,
): ScanResult {
  const names = disk.list(directory).filter((name) => SEGMENT_NAME.test(name));
  const segments: ScannedSegment[] = [];
  let previous: FoundRecord | undefined;
  for (const [position, name] of names.entries()) {
    const last = position === names.length - 1;
    const path = `${directory}/${name}`;
    const file = disk.open(path, { create: false });
    const named = Number.parseInt(name.slice(0, 16), 16);
    const header = decodeSegmentHeader(file.read(0, SEGMENT_HEADER_BYTES));
    const at = (code: ScanProblem["code"], offset: number): ScanResult => {
      const index = previous === undefined ? named : previous.index + 1;
      return { segments, problems: [{ code, segment: path, offset, index }], tornBytes: 0, unfinished: undefined };
    };
    if (header === "foreign") return at("wal_foreign_format", 0);
    if (header === "damaged") {
      // The newest segment may have been cut off while it was made; then nothing in it was ever acknowledged. Records
      // may have reached the disk before the header did, but none of them knows another one here to be durable.
      const found = findRecord(file, SEGMENT_HEADER_BYTES, named);
      if (last && (found === undefined || found.durableIndex < named)) {
        file.close();
        return { segments, problems: [], tornBytes: 0, unfinished: path };
      }
      return at("wal_damaged", 0);
    }
    if (header !== named) return at("wal_damaged", 8);
    if (previous !== undefined && header !== previous.index + 1) return at("wal_missing_segment", 0);
    const segment: ScannedSegment = { path, file, firstIndex: header, end: SEGMENT_HEADER_BYTES, size: file.size() };
    segments.push(segment);
    previous = scanSegment(segment, previous, visit);
    const next = previous === undefined ? header : previous.index + 1;
    const rest = file.read(segment.end, segment.size - segment.end);
    const torn = lastNonZero(rest) + 1;
    if (torn > 0 && !last) return at("wal_damaged", segment.end);
    const later = findRecord(file, segment.end, next);
    if (later !== undefined && later.durableIndex >= next) return at("wal_damaged", segment.end);
    if (last) return { segments, problems: [], tornBytes: torn, unfinished: undefined };
  }
  return { segments, problems: [], tornBytes: 0, unfinished: undefined };
}

/** Walks the chained records of one segment; returns the last one seen and leaves `end` behind it. */
function scanSegment(
  segment: ScannedSegment,
  before: FoundRecord | undefined,
  visit: (record: FoundRecord, segment: ScannedSegment, offset: number) => void,
): FoundRecord | undefined {
  let previous = before;
  for (;;) {
    const record = readRecord(segment.file, segment.end);
    if (record === undefined) return previous;
    const index = previous === undefined ? segment.firstIndex : previous.index + 1;
    if (record.index !== index) return previous;
    if (previous !== undefined && !equalBytes(record.previousHash, previous.hash)) return previous;
    visit(record, segment, segment.end);
    segment.end += record.bytes;
    previous = record;
  }
}

/** The valid record at an offset, or undefined. */
export function readRecord(file: DiskFile, offset: number): FoundRecord | undefined {
  const header = file.read(offset, RECORD_HEADER_BYTES);
  if (header.length < RECORD_HEADER_BYTES) return undefined;
  const view = viewOf(header);
  if (view.getUint32(0, true) !== RECORD_MAGIC) return undefined;
  const total = recordBytes(view.getUint32(4, true));
  if (offset + total > file.size()) return undefined;
  return decodeRecord(file.read(offset, total));
}

/** The valid record behind `from` that knows the most to be durable, among those that follow `index` in this log. */
function findRecord(file: DiskFile, from: number, index: number): FoundRecord | undefined {
  const rest = file.read(from, file.size() - from);
  const view = viewOf(rest);
  let best: FoundRecord | undefined;
  for (let offset = 0; offset + RECORD_HEADER_BYTES <= rest.length; offset += STEP) {
    if (view.getUint32(offset, true) !== RECORD_MAGIC) continue;
    const record = decodeRecord(rest.subarray(offset));
    if (record === undefined || record.index < index) continue;
    if (best === undefined || record.durableIndex > best.durableIndex) best = record;
  }
  return best;
}

function lastNonZero(bytes: Uint8Array): number {
  for (let i = bytes.length - 1; i >= 0; i--) if (bytes[i] !== 0) return i;
  return -1;
}
