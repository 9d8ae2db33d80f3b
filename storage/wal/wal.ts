/**
 * The write-ahead log: segmented, append-only files of chained records. This is the reading half and the record of what
 * stands where; `LogWriter` brings it to the disk.
 *
 * Opening reads the log from start to end, cuts a torn tail, and makes durable what was found: everything readable when
 * `open` returns is durable. Damage to something that was acknowledged is refused, never cut and never served.
 */
import { assert, must } from "../../node/base/assert.ts";
import { EMPTY_BYTES, equalBytes, U32_MAX } from "../../node/base/bytes.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { type Disk, DiskError } from "../../node/base/ports/disk.ts";
import type { StorageError } from "../errors.ts";
import { damagedCopies } from "./copies.ts";
import { copiesUnreadable, damaged, readFailed, writeFailed } from "./faults.ts";
import { MARK_BYTES, openRecord, recordBytes, SEGMENT_HEADER_BYTES, storedLength } from "./format.ts";
import { grownSize, type LogEnd, type Placed, type Segment } from "./log-operations.ts";
import type { LogStart, LogStore, WalRecord } from "./log-store.ts";
import { LogWriter } from "./log-writer.ts";
import { settleReached } from "./reached-file.ts";
import { RecordIndex } from "./record-index.ts";
import { type LogScan, readFound, scanLog, segmentName, startOf } from "./scan.ts";
import { type StoredStart, settleStart } from "./start-file.ts";
import { TailCache } from "./tail-cache.ts";

export interface WalOptions {
  readonly segmentBytes: number;
  /** Bytes of the newest records kept in memory for readers. */
  readonly cacheBytes: number;
  /** Seals payloads on the disk; a log is written with one data key from its beginning, or with none. */
  readonly cipher?: Cipher | undefined;
  readonly onFatal: (error: StorageError) => void;
}

export class Wal implements LogStore {
  readonly recovery: { readonly records: number; readonly tornBytes: number };
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #options: WalOptions;
  readonly #segments: Segment[] = [];
  readonly #index: RecordIndex;
  readonly #cache: TailCache;
  readonly #writer: LogWriter;

  /** Opens the log, reading it from start to end; throws `StorageError`. */
  static open(disk: Disk, directory: string, options: WalOptions): Wal {
    return new Wal(disk, directory, options);
  }

  private constructor(disk: Disk, directory: string, options: WalOptions) {
    assert(options.segmentBytes <= U32_MAX, "places in a segment are 32-bit numbers");
    this.#disk = disk;
    this.#directory = directory;
    this.#options = options;
    this.#cache = new TailCache(options.cacheBytes);
    const { cipher, onFatal } = options;
    const start = startOf(disk, directory);
    this.#index = new RecordIndex(start);
    const scan = scanLog(disk, directory, { cipher, start }, (record, segment, offset) => {
      this.#index.add(record, segment.firstIndex, offset);
    });
    this.recovery = { records: scan.lastIndex + 1 - this.firstIndex(), tornBytes: scan.tornBytes };
    for (const { path, file, firstIndex, end } of scan.segments) {
      const capacity = Math.max(options.segmentBytes, end + MARK_BYTES);
      this.#segments.push({ path, firstIndex, capacity, file, isNamed: true, end });
    }
    try {
      if (scan.unfinished !== undefined) disk.remove(scan.unfinished);
      for (const path of scan.leftovers) disk.remove(path);
      if (start?.replacing) finishReset(disk, directory, start);
      this.#writer = new LogWriter({ disk, directory, cipher, onFatal }, this.#settle(disk, scan, start));
    } catch (error) {
      this.#closeFiles();
      throw error instanceof DiskError ? writeFailed(error) : error;
    }
  }

  firstIndex(): number {
    return this.#index.firstIndex;
  }

  lastIndex(): number {
    return this.#index.lastIndex;
  }

  durableIndex(): number {
    return this.#writer.durableIndex;
  }

  term(index: number): number | undefined {
    return this.#index.term(index);
  }

  hash(index: number): Uint8Array | undefined {
    return this.#index.hash(index);
  }

  read(from: number, to: number, bytesMax: number): readonly WalRecord[] {
    assert(from >= this.firstIndex() && from < to && to <= this.lastIndex() + 1, `no records ${from} to ${to}`);
    const records: WalRecord[] = [];
    let bytes = 0;
    for (let index = from; index < to; index++) {
      const record = this.#cache.get(index) ?? this.#readFromDisk(index);
      bytes += record.payload.length;
      if (records.length > 0 && bytes > bytesMax) break;
      records.push(record);
    }
    return records;
  }

  check(index: number): number {
    assert(index <= this.durableIndex(), `record ${index} may not be on the disk yet`);
    return recordBytes(storedLength(this.#readFromDisk(index), this.#options.cipher));
  }

  repair(record: WalRecord, done: (isSound: boolean) => void): void {
    const { index, hash } = record;
    const place = this.#index.place(index);
    const segment = this.#segments.find(({ firstIndex }) => firstIndex === place?.segment);
    const isOurs = equalBytes(hash, this.#index.hash(index) ?? EMPTY_BYTES) && index <= this.durableIndex();
    if (place === undefined || segment === undefined || !isOurs) done(false);
    else this.#writer.repair({ record, segment, offset: place.offset }, done);
  }

  checkCopies(): readonly StorageError[] {
    if (!this.isIdle()) return [];
    try {
      return damagedCopies(this.#disk, this.#directory, this.firstIndex());
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      return [copiesUnreadable(error)];
    }
  }

  rewriteCopies(done: (isSound: boolean) => void): void {
    this.#writer.refresh(done);
  }

  append(records: readonly WalRecord[], done: () => void): void {
    this.#writer.append(
      records.map((record) => this.#place(record)),
      () => {
        this.#cache.trim(this.durableIndex());
        done();
      },
    );
  }

  truncate(from: number, done: () => void): void {
    const place = must(this.#index.place(from), `nothing to cut from ${from} on`);
    const keep = this.#segments.findIndex((segment) => segment.firstIndex === place.segment);
    const remove = this.#segments.splice(keep + 1);
    const segment = must(this.#segments[keep], `record ${from} has a segment`);
    segment.end = place.offset;
    this.#index.truncate(from);
    this.#cache.truncate(from);
    this.#writer.cut(from - 1, segment, remove, done);
  }

  compactTo(index: number): void {
    const keep = this.#segmentFrom(index);
    if (keep <= 0) return;
    const remove = this.#segments.splice(0, keep);
    const before = must(this.#segments[0], "the newest file stays").firstIndex - 1;
    const term = must(this.term(before), `record ${before} has a term`);
    const start = { index: before, term, hash: must(this.hash(before), `record ${before} has a hash`) };
    this.#index.compact(start);
    this.#writer.compact(start, remove);
  }

  bytesBefore(index: number): number {
    return this.#segments.slice(0, Math.max(0, this.#segmentFrom(index))).reduce((sum, { end }) => sum + end, 0);
  }

  /** Which segment is the first that is kept for records from an index on; -1 where they all are behind it. */
  #segmentFrom(index: number): number {
    const wanted = Math.min(index, this.durableIndex() + 1);
    return this.#segments.findLastIndex(({ firstIndex }) => firstIndex <= wanted);
  }

  reset({ index, term, hash }: LogStart, done: () => void): void {
    assert(index > 0 && index >= this.firstIndex() - 1, `the log is not reset to ${index}, before it begins`);
    const start = { index, term, hash: hash.slice() };
    this.#index.reset(start);
    this.#cache.truncate(0);
    this.#writer.reset(start, this.#segments.splice(0), done);
  }

  cachedBytes(): number {
    return this.#cache.durableBytes;
  }

  isFull(): boolean {
    return this.#writer.isFull;
  }

  retry(): void {
    this.#writer.retry();
  }

  isIdle(): boolean {
    return this.#writer.isIdle;
  }

  close(): void {
    this.#writer.stop();
    this.#closeFiles();
  }

  #closeFiles(): void {
    for (const segment of this.#segments) segment.file?.close();
  }

  /**
   * Cuts the torn tail and makes the newest file durable from the last record on that is known to be. What follows may
   * have reached only the system's memory, even if a sync was tried: written again, it is on disk or the node does not
   * start. From then on that file is missed when it is gone.
   */
  #settle(disk: Disk, { lastIndex, attestedIndex, reachedIndex }: LogScan, start: LogStart | undefined): LogEnd {
    const segment = this.#segments.at(-1);
    if (segment?.file === undefined) return { segment: undefined, lastIndex, attestedIndex, reachedIndex, start };
    const attested = this.#index.place(attestedIndex);
    const from = attested?.segment === segment.firstIndex ? attested.offset : 0;
    segment.file.settle(from, segment.file.read(from, segment.end - from), grownSize(segment, segment.end));
    const { firstIndex } = segment;
    const isReached = reachedIndex >= firstIndex || lastIndex < firstIndex;
    if (!isReached) settleReached(disk, this.#directory, firstIndex);
    return { segment, lastIndex, attestedIndex, reachedIndex: isReached ? reachedIndex : firstIndex, start };
  }

  #readFromDisk(index: number): WalRecord {
    const { segment: firstIndex, offset } = must(this.#index.place(index), `record ${index} is in the log`);
    const segment = this.#segments.find((candidate) => candidate.firstIndex === firstIndex);
    const file = must(segment?.file, `record ${index} is on disk before it leaves the cache`);
    const place = { path: file.path, offset, index };
    try {
      const record = readFound(file, offset)?.record;
      const hash = must(this.#index.hash(index), `record ${index} has a hash`);
      if (record?.index !== index || !equalBytes(record.hash, hash)) throw damaged(place);
      const opened = openRecord(record, this.#options.cipher);
      if (opened === undefined) throw damaged(place);
      return opened;
    } catch (error) {
      throw error instanceof DiskError ? readFailed(place, error) : error;
    }
  }

  /** Gives a record its place, in a new segment where the newest has no room for it and a mark. */
  #place(record: WalRecord): Placed {
    assert(record.index === this.lastIndex() + 1, `record ${record.index} does not follow ${this.lastIndex()}`);
    const before = this.#index.hash(this.lastIndex());
    assert(before === undefined || equalBytes(before, record.previousHash), `record ${record.index} breaks the chain`);
    const bytes = recordBytes(storedLength(record, this.#options.cipher));
    let segment = this.#segments.at(-1);
    const needed = (segment?.end ?? 0) + bytes + MARK_BYTES;
    if (segment?.firstIndex === record.index) segment.capacity = Math.max(segment.capacity, needed); // no record is in it
    if (segment === undefined || needed > segment.capacity) {
      const capacity = Math.max(this.#options.segmentBytes, SEGMENT_HEADER_BYTES + bytes + MARK_BYTES);
      const path = `${this.#directory}/${segmentName(record.index)}`;
      const end = SEGMENT_HEADER_BYTES;
      segment = { path, firstIndex: record.index, capacity, file: undefined, isNamed: false, end };
      this.#segments.push(segment);
    }
    const offset = segment.end;
    segment.end += bytes;
    this.#index.add(record, segment.firstIndex, offset);
    this.#cache.add(record, this.durableIndex());
    return { record, segment, offset };
  }
}

/** The old files are gone for good before the start says that files count again. */
function finishReset(disk: Disk, directory: string, start: StoredStart): void {
  settleStart(disk, directory, start);
  settleStart(disk, directory, { ...start, replacing: false });
}
