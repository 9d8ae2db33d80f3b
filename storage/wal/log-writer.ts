/**
 * The writing half of the log: what goes to the disk, in which order, and what is durable.
 *
 * All appends that wait go into one write and one sync (group commit). Operations reach the disk in the order they were
 * asked for. A cut is durable before anything is written behind it, so records that were cut can never be taken for
 * live ones again. Each record says how far the log was durable before its group; when nothing waits, a mark says it of
 * the last group. After a failed write or sync nothing is believed: `onFatal` is called once, nothing ever completes.
 *
 * A full disk is no failure, as long as no sync says so: before a file grows there must be room, with a reserve for the
 * store beside the log, and what a write that was refused has left is written over when there is. Until then all waits.
 */
import { assert, must } from "../../node/base/assert.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { type Disk, type DiskDone, DiskError, type DiskFile } from "../../node/base/ports/disk.ts";
import { keyIdOf } from "../data-key.ts";
import type { StorageError } from "../errors.ts";
import type { NumberedDone } from "../numbered-file.ts";
import { writeFailed } from "./faults.ts";
import {
  encodeMark,
  encodeRecords,
  encodeSegmentHeader,
  MARK_BYTES,
  recordBytes,
  SEGMENT_HEADER_BYTES,
  storedLength,
} from "./format.ts";
import {
  type Append,
  type Cut,
  grownSize,
  type LogEnd,
  type Placed,
  type Refresh,
  type Removal,
  type Repair,
  type Segment,
} from "./log-operations.ts";
import type { LogStart } from "./log-store.ts";
import { reachedDamage, writeReached } from "./reached-file.ts";
import { copyWith } from "./replace-file.ts";
import { type StoredStart, writeStart } from "./start-file.ts";

/** The log leaves so much free, for the store to go on with. */
export const RESERVE_BYTES = 67_108_864;

/** Records that go into one file, one behind the other. */
type Run = readonly [Placed, ...Placed[]];

export interface LogWriterOptions {
  readonly disk: Disk;
  readonly directory: string;
  readonly cipher: Cipher | undefined;
  readonly onFatal: (error: StorageError) => void;
}

export class LogWriter {
  readonly #options: LogWriterOptions;
  readonly #waiting: (Append | Cut | Refresh | Removal | Repair)[] = [];
  #busy = false;
  #stopped = false;
  /** What waits for space, at the head of all. */
  #held: (() => void) | undefined;
  /** From when something is held until it is done: that it is tried again says nothing of space. */
  #isFull = false;
  /** Everything up to here is durable; goes back as soon as a cut is asked for, and to the new start with a reset. */
  #durableIndex = 0;
  /** A lower bound of the highest durable index that stands in the files. */
  #attestedIndex = 0;
  /** What stands beside the files: the log reaches so far at least. */
  #reachedIndex: number;
  #start: LogStart | undefined;
  /** The segment that was written last. */
  #last: Segment | undefined;

  constructor(options: LogWriterOptions, end: LogEnd) {
    this.#options = options;
    this.#last = end.segment;
    this.#durableIndex = end.lastIndex;
    this.#attestedIndex = end.attestedIndex;
    this.#reachedIndex = end.reachedIndex;
    this.#start = end.start;
    this.#next();
  }

  get durableIndex(): number {
    return this.#durableIndex;
  }

  get isFull(): boolean {
    return this.#isFull;
  }

  /** Also where it has failed, after which nothing is written. */
  get isIdle(): boolean {
    return this.#stopped || this.#held !== undefined || (!this.#busy && this.#waiting.length === 0);
  }

  retry(): void {
    const held = this.#held;
    if (held === undefined || this.#stopped) return;
    this.#held = undefined;
    const compaction = this.#waiting.findIndex(({ kind }) => kind === "compact");
    const [removal] = compaction < 0 ? [] : this.#waiting.splice(compaction, 1);
    if (removal?.kind !== "compact") {
      held();
      return;
    }
    // What makes room goes first: it is about records that no operation before it touches.
    this.#giveUp(removal, () => {
      this.#held = held;
      this.retry();
    });
  }

  append(placed: readonly Placed[], done: () => void): void {
    this.#waiting.push({ kind: "append", placed, done });
    this.#next();
  }

  /** Cuts the log behind `lastIndex`, where `segment` ends now; `remove` are the segments behind it, oldest first. */
  cut(lastIndex: number, segment: Segment, remove: readonly Segment[], done: () => void): void {
    this.#durableIndex = Math.min(this.#durableIndex, lastIndex);
    this.#waiting.push({ kind: "cut", lastIndex, segment, end: segment.end, remove, done });
    this.#next();
  }

  /** Puts a durable record back in its place; `done` hears whether it is there. */
  repair(placed: Placed, done: (isSound: boolean) => void): void {
    this.#waiting.push({ kind: "repair", placed, done });
    this.#next();
  }

  /** Writes again what stands beside the records; `done` hears whether it is whole. */
  refresh(done: (isSound: boolean) => void): void {
    this.#waiting.push({ kind: "refresh", done });
    this.#next();
  }

  /** Gives up the segments before `start`, oldest first; they are durable. */
  compact(start: LogStart, remove: readonly Segment[]): void {
    this.#waiting.push({ kind: "compact", start, remove, done: () => {} });
    this.#next();
  }

  /** Gives up all segments, oldest first; the log goes on behind `start`. */
  reset(start: LogStart, remove: readonly Segment[], done: () => void): void {
    this.#durableIndex = start.index;
    this.#waiting.push({ kind: "reset", start, remove, done });
    this.#next();
  }

  /** Nothing completes any more. */
  stop(): void {
    this.#stopped = true;
  }

  /** Starts the next cut or removal, or one write for all appends that wait, or the mark when nothing waits. */
  #next(): void {
    if (this.#busy || this.#stopped) return;
    const head = this.#waiting[0];
    if (head === undefined) {
      this.#mark();
    } else if (head.kind === "cut") {
      this.#busy = true;
      this.#waiting.shift();
      this.#lowerReached(head.lastIndex, () => this.#removeNewest(head, head.remove.length));
    } else if (head.kind === "repair") {
      this.#busy = true;
      this.#waiting.shift();
      this.#repair(head);
    } else if (head.kind === "refresh") {
      this.#busy = true;
      this.#waiting.shift();
      this.#refresh(head);
    } else if (head.kind !== "append") {
      this.#busy = true;
      this.#waiting.shift();
      this.#giveUp(head, () => this.#finish([head.done]));
    } else {
      this.#busy = true;
      const other = this.#waiting.findIndex(({ kind }) => kind !== "append");
      const group = this.#waiting.splice(0, other < 0 ? this.#waiting.length : other);
      const appends = group.filter((operation) => operation.kind === "append");
      this.#write(
        appends.flatMap(({ placed }) => placed),
        appends.map(({ done }) => done),
      );
    }
  }

  /** Writes and syncs one segment's records after the other's, so that never more than one segment is unsynced. */
  #write(placed: readonly Placed[], dones: readonly (() => void)[]): void {
    const [head] = placed;
    if (head === undefined) {
      this.#finish(dones);
      return;
    }
    const run: Run = [head, ...placed.slice(1).filter(({ segment }) => segment === head.segment)];
    this.#writeRun(run, (isFull) => {
      if (isFull) {
        this.#hold(() => this.#write(placed, dones));
        return;
      }
      this.#advance((run.at(-1) ?? head).record.index);
      this.#write(placed.slice(run.length), dones);
    });
  }

  /** `then` hears whether there was no room for all of it. */
  #writeRun(run: Run, then: (isFull: boolean) => void): void {
    const [{ segment, offset }] = run;
    const { disk, directory, cipher } = this.#options;
    const records = run.map(({ record }) => record);
    const end = records.reduce((sum, record) => sum + recordBytes(storedLength(record, cipher)), offset);
    const size = end + MARK_BYTES > (segment.file?.size() ?? 0) ? grownSize(segment, end) : undefined;
    if (size !== undefined && !this.#hasRoom(size - (segment.file?.size() ?? 0))) {
      then(true);
      return;
    }
    const { file } = segment;
    if (file === undefined) {
      this.#create(segment, (isFull) => (isFull ? then(true) : this.#writeRun(run, then)));
      return;
    }
    let isFull = false;
    const written: DiskDone = (error) => {
      if (error?.code === "disk_full") isFull = true;
      else this.#orFail()(error);
    };
    if (size !== undefined) file.truncate(size, written);
    // A reset that waits has moved the durable index ahead of what is written before it.
    const durableIndex = Math.min(this.#durableIndex, run[0].record.index - 1);
    const pieces = encodeRecords(records, { offset, durableIndex, cipher });
    // The first records of a file bring its header along.
    if (offset > SEGMENT_HEADER_BYTES) file.write(offset, pieces, written);
    else file.write(0, [encodeSegmentHeader(segment.firstIndex, keyIdOf(cipher)), ...pieces], written);
    this.#last = segment;
    const named = (): void => {
      segment.isNamed = true;
      this.#reach(segment.firstIndex, then);
    };
    file.sync(
      this.#orFail(() => {
        if (isFull) then(true);
        else if (segment.isNamed) named();
        else disk.syncDirectory(directory, this.#orFail(named));
      }),
    );
  }

  /** Before anything in a file is acknowledged it is durable that the log reaches into it: else nobody would miss the file. */
  #reach(index: number, then: (isFull: boolean) => void): void {
    if (this.#reachedIndex < index) this.#writeReached(index, then);
    else then(false);
  }

  /** Before the log ends, or goes on, behind an index it is durable that it need not reach further. */
  #lowerReached(index: number, then: () => void): void {
    if (this.#reachedIndex <= index) {
      then();
      return;
    }
    this.#writeReached(index, (isFull) => {
      if (isFull) this.#hold(() => this.#lowerReached(index, then));
      else then();
    });
  }

  #writeReached(index: number, then: (isFull: boolean) => void): void {
    const { disk, directory } = this.#options;
    const written = this.#orFail(() => {
      this.#reachedIndex = index;
      then(false);
    });
    writeReached(disk, directory, index, (error) => {
      if (error?.code === "disk_full") then(true);
      else written(error);
    });
  }

  /** A copy of the file with that one record written anew takes its place. The disk being full or not reading is no failure. */
  #repair({ placed: { record, segment, offset }, done }: Repair): void {
    const { file } = segment;
    const finish = (isSound: boolean): void => this.#finish([() => done(isSound)]);
    if (file === undefined || !this.#hasRoom(file.size())) {
      if (!this.#stopped) finish(false);
      return;
    }
    const { disk, cipher } = this.#options;
    const pieces = encodeRecords([record], { offset, durableIndex: record.index - 1, cipher });
    copyWith(disk, file, { offset, pieces }, (copied) => {
      if (this.#stopped) return;
      if (copied instanceof DiskError && copied.code !== "disk_full") {
        this.#fail(copied);
        return;
      }
      const isSound = copied !== undefined && !(copied instanceof DiskError);
      if (isSound) {
        segment.file = copied;
        file.close();
      }
      finish(isSound);
    });
  }

  /** Where it begins, and how far it reaches, as it is known here. The disk being full is no failure. */
  #refresh({ done }: Refresh): void {
    const finish = (isFull: boolean): void => this.#finish([() => done(!isFull)]);
    const { disk, directory } = this.#options;
    const reached = (): void => {
      // What has never been written is not made.
      const isThere = this.#reachedIndex > 0 || this.#attempt(() => reachedDamage(disk, directory).length > 0);
      if (this.#stopped) return;
      if (isThere === true) this.#writeReached(this.#reachedIndex, finish);
      else finish(false);
    };
    if (this.#start === undefined) {
      reached();
      return;
    }
    const written = this.#orFail(reached);
    writeStart(disk, directory, { ...this.#start, replacing: false }, (error) => {
      if (error?.code === "disk_full") finish(true);
      else written(error);
    });
  }

  #hasRoom(bytes: number): boolean {
    const free = this.#attempt(() => this.#options.disk.freeBytes());
    return free !== undefined && free - bytes >= RESERVE_BYTES;
  }

  /** Makes a file when the mark of the one before is durable, too: only the newest file may ever end in a torn write. */
  #create(segment: Segment, then: (isFull: boolean) => void): void {
    const create = this.#orFail(() => {
      try {
        segment.file = this.#options.disk.open(segment.path, { create: true });
      } catch (error) {
        if (!(error instanceof DiskError)) throw error;
        if (error.code === "disk_full") then(true);
        else this.#fail(error);
        return;
      }
      then(false);
    });
    if (this.#last?.file === undefined) create();
    else this.#last.file.sync(create);
  }

  /** Records up to here have been synced; those that a waiting cut or reset takes away do not count. */
  #advance(index: number): void {
    const kept = this.#waiting.map((operation) => {
      if (operation.kind === "cut") return operation.lastIndex;
      return operation.kind === "reset" ? operation.start.index : index;
    });
    this.#durableIndex = Math.max(this.#durableIndex, Math.min(index, ...kept));
  }

  /** Removes the segments behind a cut from the newest on, each durably, so that a crash never leaves a gap. */
  #removeNewest(cut: Cut, count: number): void {
    const newest = cut.remove[count - 1];
    if (newest === undefined) {
      this.#truncate(cut);
      return;
    }
    const { disk, directory } = this.#options;
    newest.file?.close();
    this.#attempt(() => disk.remove(newest.path));
    if (this.#stopped) return;
    disk.syncDirectory(
      directory,
      this.#orFail(() => this.#removeNewest(cut, count - 1)),
    );
  }

  /** Down and up again: what was behind the cut becomes zeros. */
  #truncate({ segment, end, done }: Cut): void {
    const file = must(segment.file, "a cut comes after the appends that it cuts");
    const size = file.size();
    this.#last = segment;
    this.#attestedIndex = 0;
    file.truncate(end, this.#orFail());
    file.truncate(size, this.#orFail());
    file.sync(this.#orFail(() => this.#finish([done])));
  }

  /**
   * First it is durable where the log begins; then the files may go in any order, or come back. When all of the log goes,
   * they are gone for good before the start says that segments count again.
   */
  #giveUp({ kind, start, remove }: Removal, then: () => void): void {
    const { disk, directory } = this.#options;
    const replacing = kind === "reset";
    const removed = (): void => {
      for (const segment of remove) {
        const { file, path } = segment;
        if (file === undefined) continue;
        file.close();
        segment.file = undefined;
        this.#attempt(() => disk.remove(path));
        if (this.#stopped) return;
      }
      if (!replacing) {
        then();
        return;
      }
      this.#last = undefined;
      this.#attestedIndex = start.index;
      disk.syncDirectory(
        directory,
        this.#orFail(() => this.#writeStart({ ...start, replacing: false }, then)),
      );
    };
    const begin = (): void => this.#writeStart({ ...start, replacing }, removed);
    if (replacing) this.#lowerReached(start.index, begin);
    else begin();
  }

  #writeStart(start: StoredStart, then: () => void): void {
    const { disk, directory } = this.#options;
    const written = this.#orFail(() => {
      this.#start = start;
      then();
    });
    writeStart(disk, directory, start, (error) => {
      if (error?.code === "disk_full") this.#hold(() => this.#writeStart(start, then));
      else written(error);
    });
  }

  #hold(action: () => void): void {
    this.#held = action;
    this.#isFull = true;
  }

  #finish(dones: readonly (() => void)[]): void {
    this.#busy = false;
    this.#isFull = false;
    for (const done of dones) done();
    this.#next();
  }

  /** Not synced by itself: the next sync takes it along, and so do the system's own in a quiet time. */
  #mark(): void {
    const last = this.#last;
    if (last === undefined || this.#attestedIndex >= this.#durableIndex) return;
    const file = must(last.file, "what is durable is in a file");
    assert(last.end + MARK_BYTES <= file.size(), "every record leaves room for a mark");
    const at = last.end;
    last.end += MARK_BYTES;
    this.#busy = true;
    this.#attestedIndex = this.#durableIndex;
    this.#writeMark(file, at, this.#durableIndex);
  }

  /** Nothing is written behind a mark that is not there: a hole would end the log. */
  #writeMark(file: DiskFile, at: number, durableIndex: number): void {
    const written = this.#orFail(() => this.#finish([]));
    file.write(at, [encodeMark(at, durableIndex)], (error) => {
      if (error?.code === "disk_full") this.#hold(() => this.#writeMark(file, at, durableIndex));
      else written(error);
    });
  }

  #orFail(then: () => void = () => {}): NumberedDone {
    return (error) => {
      if (this.#stopped) return;
      if (error === undefined) then();
      else this.#fail(error);
    };
  }

  /** What `action` gives, or undefined when the disk refuses it. */
  #attempt<T>(action: () => T): T | undefined {
    try {
      return action();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      this.#fail(error);
      return undefined;
    }
  }

  #fail(error: DiskError | StorageError): void {
    this.#stopped = true;
    this.#options.onFatal(error instanceof DiskError ? writeFailed(error) : error);
  }
}
