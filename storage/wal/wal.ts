/**
 * The write-ahead log: segmented, append-only files of chained records. All that waits for the disk goes into one write
 * and one sync (group commit); nothing is reported durable before its sync has come back.
 *
 * Operations reach the disk in the order they were asked for. A truncation is durable before anything is written behind
 * it, so records that were cut can never be taken for live ones again. After a failed write or sync nothing is believed:
 * `onFatal` is called once and no operation ever completes again.
 */
import { assert, must } from "../../node/base/assert.ts";
import { equalBytes } from "../../node/base/bytes.ts";
import type { Disk, DiskError, DiskFile } from "../../node/base/ports/disk.ts";
import { StorageError } from "../errors.ts";
import { encodeRecord, encodeSegmentHeader, recordBytes, SEGMENT_HEADER_BYTES } from "./format.ts";
import type { LogStore, WalRecord } from "./log-store.ts";
import { RecordIndex } from "./record-index.ts";
import { readRecord, type ScanProblem, scanLog, segmentName } from "./scan.ts";
import { TailCache } from "./tail-cache.ts";

export interface WalOptions {
  readonly segmentBytes: number;
  /** Bytes of the newest records kept in memory for readers. */
  readonly cacheBytes: number;
  readonly onFatal: (error: StorageError) => void;
}

interface Segment {
  readonly path: string;
  readonly firstIndex: number;
  readonly size: number;
  file: DiskFile | undefined;
  /** Where the next record goes. */
  end: number;
}

/** A record with the place it was given. */
interface Placed {
  readonly record: WalRecord;
  readonly segment: Segment;
  readonly offset: number;
}

type Operation =
  | { readonly kind: "append"; readonly placed: readonly Placed[]; readonly done: () => void }
  | {
      readonly kind: "cut";
      readonly segment: Segment | undefined;
      readonly end: number;
      readonly remove: readonly Segment[];
      readonly durableIndex: number;
      readonly done: () => void;
    };

export class Wal implements LogStore {
  readonly recovery: { readonly records: number; readonly tornBytes: number };
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #options: WalOptions;
  readonly #segments: Segment[] = [];
  readonly #index = new RecordIndex();
  readonly #cache: TailCache;
  #queue: Operation[] = [];
  #busy = false;
  #failed = false;
  /** Everything up to here is durable. */
  #durable = 0;
  #syncs = 0;

  /** Opens the log, reading it from start to end; throws `StorageError`. */
  static open(disk: Disk, directory: string, options: WalOptions): Wal {
    return new Wal(disk, directory, options);
  }

  private constructor(disk: Disk, directory: string, options: WalOptions) {
    this.#disk = disk;
    this.#directory = directory;
    this.#options = options;
    this.#cache = new TailCache(options.cacheBytes);
    const scan = scanLog(disk, directory, (record, segment, offset) => {
      if (this.#index.count === 0) this.#index.startAt(record.index);
      this.#index.add(record, segment.firstIndex, offset);
      this.#cache.add(record, record.index);
    });
    const problem = scan.problems[0];
    if (problem !== undefined) throw problemError(problem);
    for (const { path, file, firstIndex, size, end } of scan.segments) {
      this.#segments.push({ path, file, firstIndex, size, end });
    }
    this.#durable = this.lastIndex();
    this.recovery = { records: this.#index.count, tornBytes: scan.tornBytes };
    if (scan.unfinished !== undefined) this.#disk.remove(scan.unfinished);
    const last = this.#segments.at(-1);
    if (last !== undefined && scan.tornBytes > 0) this.#cut(last, []);
  }

  firstIndex(): number {
    return this.#index.firstIndex;
  }

  lastIndex(): number {
    return this.#index.lastIndex;
  }

  durableIndex(): number {
    return this.#durable;
  }

  term(index: number): number | undefined {
    return this.#index.term(index);
  }

  hash(index: number): Uint8Array | undefined {
    return this.#index.hash(index);
  }

  stats(): { readonly segments: number; readonly syncs: number } {
    return { segments: this.#segments.length, syncs: this.#syncs };
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

  append(records: readonly WalRecord[], done: () => void): void {
    const placed = records.map((record) => this.#place(record));
    this.#enqueue({ kind: "append", placed, done });
  }

  truncate(from: number, done: () => void): void {
    assert(from >= this.firstIndex() && from <= this.lastIndex(), `nothing to cut from ${from} on`);
    const place = must(this.#index.place(from), `record ${from} has a place`);
    const keep = this.#segments.findIndex((segment) => segment.firstIndex === place.segment);
    const remove = this.#segments.splice(keep + 1);
    const segment = must(this.#segments[keep], `record ${from} has a segment`);
    segment.end = place.offset;
    this.#index.truncate(from);
    this.#cache.truncate(from);
    this.#cut(segment, remove, done);
  }

  close(): void {
    this.#failed = true;
    for (const segment of this.#segments) segment.file?.close();
  }

  #readFromDisk(index: number): WalRecord {
    const place = must(this.#index.place(index), `record ${index} is in the log`);
    const segment = must(
      this.#segments.find((candidate) => candidate.firstIndex === place.segment),
      `record ${index} has a segment`,
    );
    const file = must(segment.file, `segment of record ${index} is written before it leaves the cache`);
    const record = readRecord(file, place.offset);
    const hash = this.#index.hash(index);
    if (record === undefined || record.index !== index || hash === undefined || !equalBytes(record.hash, hash)) {
      throw problemError({ code: "wal_damaged", segment: segment.path, offset: place.offset, index });
    }
    return record;
  }

  /** Gives a record its place, in a new segment where the newest has no room. */
  #place(record: WalRecord): Placed {
    if (this.#index.count === 0) this.#index.startAt(record.index);
    assert(record.index === this.lastIndex() + 1, `record ${record.index} does not follow ${this.lastIndex()}`);
    const before = this.#index.hash(this.lastIndex());
    assert(before === undefined || equalBytes(before, record.previousHash), `record ${record.index} breaks the chain`);
    const bytes = recordBytes(record.payload.length);
    let segment = this.#segments.at(-1);
    if (segment === undefined || segment.end + bytes > segment.size) {
      const size = Math.max(this.#options.segmentBytes, SEGMENT_HEADER_BYTES + bytes);
      const path = `${this.#directory}/${segmentName(record.index)}`;
      segment = { path, firstIndex: record.index, size, file: undefined, end: SEGMENT_HEADER_BYTES };
      this.#segments.push(segment);
    }
    const offset = segment.end;
    segment.end += bytes;
    this.#index.add(record, segment.firstIndex, offset);
    this.#cache.add(record, this.#durable);
    return { record, segment, offset };
  }

  #cut(segment: Segment, remove: readonly Segment[], done: () => void = () => {}): void {
    const durableIndex = this.lastIndex();
    this.#enqueue({ kind: "cut", segment, end: segment.end, remove, durableIndex, done });
  }

  #enqueue(operation: Operation): void {
    this.#queue.push(operation);
    this.#next();
  }

  /** Starts the next cut, or one write for all appends that wait. */
  #next(): void {
    const head = this.#queue[0];
    if (this.#busy || this.#failed || head === undefined) return;
    this.#busy = true;
    if (head.kind === "cut") {
      this.#queue.shift();
      this.#performCut(head);
      return;
    }
    const cut = this.#queue.findIndex((operation) => operation.kind === "cut");
    const group = this.#queue.splice(0, cut < 0 ? this.#queue.length : cut);
    this.#performAppends(group.filter((operation) => operation.kind === "append"));
  }

  #performAppends(group: readonly Extract<Operation, { kind: "append" }>[]): void {
    const placed = group.flatMap((operation) => operation.placed);
    this.#writeSegments(placed, () => {
      const last = placed.at(-1);
      if (last !== undefined) this.#durable = Math.max(this.#durable, last.record.index);
      this.#finish(group.map((operation) => operation.done));
    });
  }

  /** Writes the records segment by segment: create where needed, write, sync, then sync the directory. */
  #writeSegments(placed: readonly Placed[], done: () => void): void {
    const first = placed[0];
    if (first === undefined) {
      done();
      return;
    }
    const { segment } = first;
    const boundary = placed.findIndex((other) => other.segment !== segment);
    const here = boundary < 0 ? placed : placed.slice(0, boundary);
    const rest = boundary < 0 ? [] : placed.slice(boundary);
    const created = segment.file === undefined;
    const file = segment.file ?? this.#createSegment(segment);
    if (file === undefined) return;
    const chunks: Uint8Array[] = [];
    for (const { record } of here) {
      const { header, padding } = encodeRecord(record, this.#durable);
      chunks.push(header, record.payload, padding);
    }
    file.write(
      first.offset,
      chunks,
      this.#orFail(() => {}),
    );
    this.#syncs += 1;
    file.sync(
      this.#orFail(() => {
        if (!created) this.#writeSegments(rest, done);
        else
          this.#disk.syncDirectory(
            this.#directory,
            this.#orFail(() => this.#writeSegments(rest, done)),
          );
      }),
    );
  }

  #createSegment(segment: Segment): DiskFile | undefined {
    try {
      const file = this.#disk.open(segment.path, { create: true });
      segment.file = file;
      file.truncate(
        segment.size,
        this.#orFail(() => {}),
      );
      file.write(
        0,
        [encodeSegmentHeader(segment.firstIndex)],
        this.#orFail(() => {}),
      );
      return file;
    } catch (error) {
      this.#fail(error as DiskError);
      return undefined;
    }
  }

  #performCut(cut: Extract<Operation, { kind: "cut" }>): void {
    const { segment, end, remove, durableIndex } = cut;
    try {
      for (const gone of remove) {
        gone.file?.close();
        if (gone.file !== undefined) this.#disk.remove(gone.path);
      }
    } catch (error) {
      this.#fail(error as DiskError);
      return;
    }
    const finish = (): void => {
      this.#durable = Math.min(this.#durable, durableIndex);
      this.#finish([cut.done]);
    };
    const syncDirectory = (): void => this.#disk.syncDirectory(this.#directory, this.#orFail(finish));
    const file = segment?.file;
    if (segment === undefined || file === undefined) {
      syncDirectory();
      return;
    }
    file.truncate(
      end,
      this.#orFail(() => {}),
    );
    file.truncate(
      segment.size,
      this.#orFail(() => {}),
    );
    file.sync(this.#orFail(syncDirectory));
  }

  #finish(dones: readonly (() => void)[]): void {
    this.#busy = false;
    for (const done of dones) done();
    this.#next();
  }

  #orFail(then: () => void): (error?: DiskError) => void {
    return (error) => {
      if (this.#failed) return;
      if (error === undefined) then();
      else this.#fail(error);
    };
  }

  #fail(error: DiskError): void {
    if (this.#failed) return;
    this.#failed = true;
    const message = `the log cannot be written (${error.message}); nothing after this moment is durable`;
    this.#options.onFatal(new StorageError("wal_write_failed", message, { ...error.facts, disk: error.code }, error));
  }
}

function problemError({ code, segment, offset, index }: ScanProblem): StorageError {
  const texts = {
    wal_damaged: "the log is damaged where it was acknowledged; restore this node from its peers",
    wal_foreign_format: "the log is of another format; use the version that wrote it",
    wal_missing_segment: "a segment of the log is missing; restore this node from its peers",
  } as const;
  const where = `${segment} at byte ${offset}, index ${index}`;
  return new StorageError(code, `${texts[code]}: ${where}`, { segment, offset, index });
}
