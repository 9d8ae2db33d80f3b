/**
 * A damaged log, opened to be mended: what is sound in it can be read, what is lost is known by its indexes, and it comes
 * back record by record from elsewhere. Nothing is appended to it; when it is whole it is closed and opened as a `Wal`.
 *
 * Which records are sound the chain says, from the newest backwards: each names the hash of the one before it. So a hole
 * that has a sound record behind it has a known end, and what fills it is known by its hashes. A hole at the end of the
 * log has none: somebody else must say how the log went on, and until then nothing may be promised on its account.
 *
 * A file that is not what was written is written anew as a whole and put in its place (`replaceFile`), as soon as nothing
 * is missing in it, the newest first. So at any moment the files hold all that was sound, and what is not mended yet is
 * found damaged again after a crash: the newest file, which could lose its end in silence, is replaced in one step.
 */
import { assert, must } from "../../node/base/assert.ts";
import { equalBytes } from "../../node/base/bytes.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { type Disk, DiskError } from "../../node/base/ports/disk.ts";
import { StorageError } from "../errors.ts";
import { damaged, readFailed, writeFailed } from "./faults.ts";
import { openRecord } from "./format.ts";
import type { FoundRecord, FoundRecords } from "./found-records.ts";
import { findHoles, type Hole } from "./holes.ts";
import type { LogStart, WalRecord } from "./log-store.ts";
import { settleReached } from "./reached-file.ts";
import { readFound, segmentName } from "./scan.ts";
import { type NewSegment, writeSegment } from "./segment-file.ts";
import { settleStart } from "./start-file.ts";
import { type Survey, type SurveyedSegment, surveyLog } from "./survey.ts";

export interface DamagedLogOptions {
  readonly segmentBytes: number;
  readonly cipher: Cipher | undefined;
  /** The log reached so far at least, as is known from elsewhere. */
  readonly reached: number;
}

export class DamagedLog {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #options: DamagedLogOptions;
  readonly #survey: Survey;
  readonly #records: FoundRecords;
  readonly #segments: SurveyedSegment[];
  /** Came back, and are not in a file yet. */
  readonly #filled = new Map<number, WalRecord>();
  /** Ascending. */
  #holes: Hole[];
  #lastIndex: number;
  /** How far it was known to have reached when it was opened. */
  readonly #foundIndex: number;
  /** What stands beside the files: the log reaches so far at least. */
  #reachedIndex: number;
  #start: LogStart | undefined;
  /** Files before the beginning of the log and behind its end. */
  readonly #dropped: SurveyedSegment[] = [];

  /** Reads all of the log; throws `StorageError` where it cannot be read or is not this program's. */
  static open(disk: Disk, directory: string, options: DamagedLogOptions): DamagedLog {
    return new DamagedLog(disk, directory, options);
  }

  private constructor(disk: Disk, directory: string, options: DamagedLogOptions) {
    this.#disk = disk;
    this.#directory = directory;
    this.#options = options;
    this.#survey = surveyLog(disk, directory, options.cipher);
    this.#records = this.#survey.records;
    this.#segments = this.#survey.segments;
    this.#start = this.#survey.start;
    const { newestIndex, attestedIndex, reachedIndex } = this.#survey;
    this.#reachedIndex = reachedIndex;
    this.#foundIndex = Math.max(newestIndex, attestedIndex, options.reached);
    this.#lastIndex = this.#foundIndex;
    this.#holes = findHoles(this.#survey, this.#lastIndex);
    for (const hole of this.#holes) this.#missSegments(hole);
  }

  get firstIndex(): number {
    return (this.#start?.index ?? 0) + 1;
  }

  /** How far the log is known to have reached. */
  get lastIndex(): number {
    return this.#lastIndex;
  }

  get holes(): readonly Hole[] {
    return this.#holes;
  }

  /** What is wrong, each with file, byte and height. */
  get faults(): readonly StorageError[] {
    return this.#survey.faults.map(damaged);
  }

  /** Whether nothing is left to be done. */
  get isWhole(): boolean {
    const isBroken = this.#segments.some((segment) => segment.isBroken);
    return this.#holes.length === 0 && this.#dropped.length === 0 && !isBroken;
  }

  /** Of the newest sound record, or of what is before the first. */
  get term(): number {
    return this.#records.get(this.#survey.newestIndex)?.term ?? this.#start?.term ?? 0;
  }

  /** Of the sound record at an index, or of what is before the first; undefined where there is none. */
  hash(index: number): Uint8Array | undefined {
    if (this.#start?.index === index) return this.#start.hash;
    return this.#filled.get(index)?.hash ?? this.#records.hash(index);
  }

  /** The sound record at an index; throws `StorageError` where it cannot be read. */
  read(index: number): WalRecord | undefined {
    const filled = this.#filled.get(index);
    const found = filled === undefined ? this.#records.get(index) : undefined;
    return found === undefined ? filled : this.#readFound(found);
  }

  /** Says how a log that ends in a hole went on: up to a record of this hash, if that is behind the beginning of the hole. */
  endAt(index: number, hash: Uint8Array): void {
    const hole = must(this.#holes.pop(), "a log that ends in a hole has one");
    assert(hole.to === this.#lastIndex, "the end is lost");
    const goesOn = index >= hole.from;
    this.#lastIndex = goesOn ? index : hole.from - 1;
    this.#dropSegments(this.#lastIndex + 1);
    if (!goesOn) return;
    this.#holes.push({ from: hole.from, to: index, hash });
    // However long that is, it comes in files of its own, one by one.
    if (!this.#segments.some(({ firstIndex }) => firstIndex === hole.from)) this.#missSegment(hole.from);
    this.#breakSegments(hole.from, index);
  }

  /**
   * All from an index on, which is in the newest hole or begins it, is lost again, and how it ended nobody has said: what was
   * said of it cannot be. What stands before it is as it was, if nothing was filled that reaches beyond.
   */
  loseFrom(from: number): void {
    this.#records.deleteFrom(from);
    for (const at of this.#filled.keys()) if (at >= from) this.#filled.delete(at);
    this.#holes = this.#holes.filter(({ to }) => to < from);
    this.#lastIndex = Math.max(from, this.#foundIndex);
    const hole = { from, to: this.#lastIndex, hash: undefined };
    this.#holes.push(hole);
    this.#missSegments(hole);
  }

  /**
   * Takes consecutive records, the last of which ends the newest hole; they may reach beyond its beginning, and take the
   * place of records that are none of this chain then. What is complete with them is written; `done` comes when it is durable.
   */
  fill(records: readonly WalRecord[], done: (error?: StorageError) => void): void {
    const first = must(records[0], "something fills the hole");
    assert(records.at(-1)?.index === this.#holes.at(-1)?.to, "the newest hole is filled from its end");
    for (const record of records) {
      this.#drop(record.index);
      this.#filled.set(record.index, record);
    }
    const before = this.hash(first.index - 1);
    if (before !== undefined && !equalBytes(before, first.previousHash)) this.#drop(first.index - 1);
    const { index, previousHash: hash } = first;
    const from = this.#holes.find((hole) => hole.from < index && hole.to >= index - 1)?.from ?? index - 1;
    this.#holes = this.#holes.filter(({ to }) => to < index - 1);
    if (index > this.firstIndex && this.hash(index - 1) === undefined) this.#holes.push({ from, to: index - 1, hash });
    this.#splitHole(index);
    this.write(done);
  }

  /**
   * Writes the broken files behind the newest hole, the newest first, and removes what is none of the log's any more. First
   * it is durable how far the log reaches: what is to be mended must be missed whatever happens to the files meanwhile.
   */
  write(done: (error?: StorageError) => void): void {
    try {
      if (this.#reachedIndex < this.#lastIndex) this.#reach();
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      done(writeFailed(error));
      return;
    }
    const lost = this.#holes.at(-1)?.to ?? 0;
    const place = this.#segments.findLastIndex(({ isBroken, firstIndex }) => isBroken && firstIndex > lost);
    const segment = this.#segments[place];
    if (segment === undefined) {
      this.#settle(done);
      return;
    }
    const { firstIndex, path } = segment;
    const last = this.#lastIn(place);
    let next = firstIndex;
    const read = (): WalRecord | undefined =>
      next > last ? undefined : must(this.read(next++), "nothing is lost here");
    const { cipher, segmentBytes } = this.#options;
    writeSegment({ disk: this.#disk, path, firstIndex, segmentBytes, cipher }, read, (written) => {
      if (written instanceof DiskError) done(writeFailed(written));
      else if (written instanceof StorageError) done(written);
      else {
        this.#written(segment, written);
        this.write(done);
      }
    });
  }

  /**
   * Gives up all up to an index, whose record is known to be of this chain: the log begins behind it, and holes before that
   * are none any more. That counts from when the log is whole.
   */
  beginBehind(start: LogStart): void {
    const { index } = start;
    this.#start = start;
    this.#lastIndex = Math.max(this.#lastIndex, index);
    this.#holes = this.#holes.flatMap((hole) =>
      hole.to <= index ? [] : [{ ...hole, from: Math.max(hole.from, index + 1) }],
    );
    this.#records.deleteBefore(index + 1);
    for (const at of this.#filled.keys()) if (at <= index) this.#filled.delete(at);
    const next = this.#segments.findIndex(({ firstIndex }) => firstIndex > index);
    const before = this.#segments.splice(0, next < 0 ? this.#segments.length : next);
    this.#dropped.push(...before);
    if (index < this.#lastIndex && this.#segments[0]?.firstIndex !== index + 1) this.#missSegment(index + 1);
  }

  close(): void {
    for (const { file } of [...this.#segments, ...this.#dropped]) file?.close();
  }

  #written(segment: SurveyedSegment, { file, offsets }: NewSegment): void {
    segment.file?.close();
    segment.file = file;
    segment.isBroken = false;
    for (const [at, offset] of offsets.entries()) {
      const index = segment.firstIndex + at;
      const record = must(this.#filled.get(index) ?? this.#records.get(index), "it was written");
      this.#records.set(index, record, segment, offset);
      this.#filled.delete(index);
    }
  }

  /** Where a hole lies: in a file that is broken, or behind one that ends as it should, in one that is missed. */
  #missSegments({ from, to }: Hole): void {
    const holder = this.#segments.findLast(({ firstIndex }) => firstIndex <= from);
    if (holder === undefined || !(holder.isBroken || holder.firstIndex === from)) this.#missSegment(from);
    this.#breakSegments(from, to);
  }

  #missSegment(firstIndex: number): void {
    const path = `${this.#directory}/${segmentName(firstIndex)}`;
    const place = this.#segments.findLastIndex((segment) => segment.firstIndex < firstIndex) + 1;
    this.#segments.splice(place, 0, { path, firstIndex, file: undefined, isBroken: true });
  }

  #breakSegments(from: number, to: number): void {
    for (const segment of this.#segments) segment.isBroken ||= segment.firstIndex >= from && segment.firstIndex <= to;
  }

  /** Of a long hole that no sound record shares a file with, what has come is written as soon as it would fill a file. */
  #splitHole(from: number): void {
    const place = this.#segments.findLastIndex(({ firstIndex }) => firstIndex <= from);
    const holder = this.#segments[place];
    const isAlone =
      holder !== undefined && holder.firstIndex < from && holder.firstIndex >= (this.#holes.at(-1)?.from ?? from);
    if (!isAlone) return;
    let bytes = 0;
    for (let index = from; index <= this.#lastIn(place); index++) bytes += this.#filled.get(index)?.payload.length ?? 0;
    if (bytes >= this.#options.segmentBytes) this.#missSegment(from);
  }

  /** Files that begin behind the end of the log are none of it. */
  #dropSegments(from: number): void {
    const keep = this.#segments.findIndex(({ firstIndex }) => firstIndex >= from);
    const dropped = keep < 0 ? [] : this.#segments.splice(keep);
    this.#dropped.push(...dropped.filter(({ file }) => file !== undefined));
  }

  /** When all files of the log are whole: where it begins now, and the files before and behind it. */
  #settle(done: (error?: StorageError) => void): void {
    const hasMoved = this.#start !== this.#survey.start;
    const isShorter = this.#reachedIndex > this.#lastIndex;
    if (this.#holes.length > 0 || (this.#dropped.length === 0 && !hasMoved && !isShorter)) {
      done();
      return;
    }
    const finish = (error?: DiskError): void => done(error === undefined ? undefined : writeFailed(error));
    try {
      const start = this.#start;
      if (hasMoved && start !== undefined) settleStart(this.#disk, this.#directory, { ...start, replacing: false });
      for (let one = this.#dropped.pop(); one !== undefined; one = this.#dropped.pop()) {
        one.file?.close();
        // One that the log has again was put in its place meanwhile.
        const isBack = this.#segments.some(({ path }) => path === one.path);
        if (one.file !== undefined && !isBack) this.#disk.remove(one.path);
      }
      if (isShorter) this.#reach();
      this.#disk.syncDirectory(this.#directory, finish);
    } catch (error) {
      if (!(error instanceof DiskError)) throw error;
      finish(error);
    }
  }

  #reach(): void {
    settleReached(this.#disk, this.#directory, this.#lastIndex);
    this.#reachedIndex = this.#lastIndex;
  }

  /** A record that is not of this chain. */
  #drop(index: number): void {
    const found = this.#records.get(index);
    if (found !== undefined) found.segment.isBroken = true;
    this.#records.delete(index);
  }

  #lastIn(place: number): number {
    return (this.#segments[place + 1]?.firstIndex ?? this.#lastIndex + 1) - 1;
  }

  #readFound({ segment, offset, index, hash }: FoundRecord): WalRecord {
    const place = { path: segment.path, offset, index };
    try {
      const record = readFound(must(segment.file, "what was found is in a file"), offset)?.record;
      const isSame = record !== undefined && record.index === index && equalBytes(record.hash, hash);
      const opened = isSame ? openRecord(record, this.#options.cipher) : undefined;
      if (opened === undefined) throw damaged(place);
      return opened;
    } catch (error) {
      throw error instanceof DiskError ? readFailed(place, error) : error;
    }
  }
}
