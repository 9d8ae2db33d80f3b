/**
 * Reading a damaged log as far as it can be read: each record that is whole where it stands, whatever is broken before it,
 * and how far the log is known to have reached. Nothing is judged here by the chain; `damaged-log.ts` does that.
 */
import { equalBytes, viewOf } from "../../node/base/bytes.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { type Disk, DiskError, type DiskFile } from "../../node/base/ports/disk.ts";
import { checkKeyId } from "../data-key.ts";
import { foreignFormat, type LogPlace, readFailed } from "./faults.ts";
import { FileWindow } from "./file-window.ts";
import {
  ALIGNMENT,
  claimedBytes,
  decodeClaimed,
  decodeSegmentHeader,
  FORMAT_VERSION,
  type Found,
  SEGMENT_HEADER_BYTES,
} from "./format.ts";
import { FoundRecords } from "./found-records.ts";
import type { LogStart } from "./log-store.ts";
import { PIECE_BYTES, patient } from "./patient-file.ts";
import { readReached } from "./reached-file.ts";
import { readFound, SEGMENT_NAME, segmentIndex, startOf, usedBytes } from "./scan.ts";

/** A file of the log, or one that is missed. */
export interface SurveyedSegment {
  readonly path: string;
  readonly firstIndex: number;
  /** Undefined for one that is missed. */
  file: DiskFile | undefined;
  /** It is not what was written, and is to be written anew. */
  isBroken: boolean;
}

export interface Survey {
  readonly start: LogStart | undefined;
  /** Ascending. */
  readonly segments: SurveyedSegment[];
  readonly records: FoundRecords;
  /** By index: the hash that a record names, where the record before it is not there or has another. */
  readonly links: ReadonlyMap<number, Uint8Array>;
  /** Of the newest record that was found; before the first index where there is none. */
  readonly newestIndex: number;
  /** The log reached so far at least. */
  readonly attestedIndex: number;
  /** What a file beside the log says of that. */
  readonly reachedIndex: number;
  readonly faults: readonly LogPlace[];
}

/** Reads all files of a log; throws `StorageError` where one cannot be read, or is of another format or key. */
export function surveyLog(disk: Disk, directory: string, cipher: Cipher | undefined): Survey {
  const start = startOf(disk, directory);
  const surveyor = new Surveyor(disk, cipher, start);
  try {
    surveyor.reach(directory);
    const isLeftover = (name: string): boolean =>
      start !== undefined && (start.replacing || segmentIndex(name) <= start.index);
    const names = disk.list(directory).filter((name) => SEGMENT_NAME.test(name) && !isLeftover(name));
    for (const [place, name] of names.entries()) {
      const next = names[place + 1];
      surveyor.look(`${directory}/${name}`, next === undefined ? undefined : segmentIndex(next) - 1);
    }
    return surveyor;
  } catch (error) {
    for (const { file } of surveyor.segments) file?.close();
    throw error instanceof DiskError ? readFailed(surveyor.place, error) : error;
  }
}

class Surveyor implements Survey {
  readonly start: LogStart | undefined;
  readonly segments: SurveyedSegment[] = [];
  readonly records = new FoundRecords();
  readonly links = new Map<number, Uint8Array>();
  attestedIndex: number;
  reachedIndex = 0;
  newestIndex: number;
  readonly faults: LogPlace[] = [];
  place: LogPlace;
  readonly #disk: Disk;
  readonly #cipher: Cipher | undefined;
  readonly #window = new FileWindow();
  /** The newest record of the file that is looked at, or what is before it. */
  #last: number;
  /** Where the last whole record or mark ends in that file. */
  #end = SEGMENT_HEADER_BYTES;
  /** No record has been found behind the newest fault. */
  #isAfterFault = false;

  constructor(disk: Disk, cipher: Cipher | undefined, start: LogStart | undefined) {
    this.#disk = disk;
    this.#cipher = cipher;
    this.start = start;
    this.attestedIndex = start?.index ?? 0;
    this.newestIndex = this.attestedIndex;
    this.#last = this.attestedIndex;
    this.place = { path: "", offset: 0, index: this.#last + 1 };
  }

  reach(directory: string): void {
    this.reachedIndex = readReached(this.#disk, directory);
    this.attestedIndex = Math.max(this.attestedIndex, this.reachedIndex);
  }

  /** Looks at the next file; `lastIndex` is the last that can be in it, undefined for the newest. */
  look(path: string, lastIndex: number | undefined): void {
    const firstIndex = segmentIndex(path.slice(path.lastIndexOf("/") + 1));
    this.place = { path, offset: 0, index: firstIndex };
    const file = patient(this.#disk.open(path, { create: false }));
    const segment: SurveyedSegment = { path, firstIndex, file, isBroken: false };
    this.segments.push(segment);
    // A file is made only when everything before it is durable.
    this.attestedIndex = Math.max(this.attestedIndex, firstIndex - 1);
    this.#last = firstIndex - 1;
    this.#isAfterFault = false;
    const header = decodeSegmentHeader(this.#window.read(file, 0, SEGMENT_HEADER_BYTES));
    if (header === undefined || header.firstIndex !== firstIndex) this.#fault(segment, 0);
    else if (header.version !== FORMAT_VERSION) throw foreignFormat(this.place, header.version);
    else checkKeyId(header.keyId, this.#cipher, path);
    this.#isAfterFault = false;
    this.#walk(segment, file, lastIndex);
    this.#judgeUnreadable(segment, file.unreadableAt(), lastIndex);
    // The newest file may have been cut off while it was made; then nothing in it was ever acknowledged.
    if (header === undefined && lastIndex === undefined && this.attestedIndex < firstIndex) this.#forget(segment);
    else if (this.#last >= firstIndex) this.newestIndex = this.#last;
  }

  #walk(segment: SurveyedSegment, file: DiskFile, lastIndex: number | undefined): void {
    let at = SEGMENT_HEADER_BYTES;
    this.#end = at;
    for (;;) {
      const found = readFound(file, at, this.#window);
      const next = found === undefined ? wholeBehind(file, at + ALIGNMENT) : at;
      if (next === undefined) break;
      if (found === undefined) this.#fault(segment, at);
      else {
        this.#take(found, segment, { offset: at, lastIndex: lastIndex ?? Number.MAX_SAFE_INTEGER });
        at += found.bytes;
        this.#end = at;
        continue;
      }
      at = next;
    }
    const used = usedBytes(this.#window, file, at);
    const isTorn = lastIndex === undefined && this.attestedIndex <= this.#last;
    if (used > 0 && !isTorn) this.#fault(segment, at);
  }

  /** A file that cannot be read everywhere is written anew; and what stood behind its last record nobody knows. */
  #judgeUnreadable(segment: SurveyedSegment, unreadableAt: number | undefined, lastIndex: number | undefined): void {
    if (unreadableAt === undefined) return;
    this.#fault(segment, unreadableAt);
    const isBehindAll = lastIndex === undefined && unreadableAt + PIECE_BYTES > this.#end;
    if (isBehindAll) this.attestedIndex = Math.max(this.attestedIndex, this.#last + 1);
  }

  #take({ record, durableIndex }: Found, segment: SurveyedSegment, at: { offset: number; lastIndex: number }): void {
    const { offset, lastIndex } = at;
    if (record !== undefined) {
      const { index, previousHash } = record;
      const follows = index === this.#last + 1;
      if (!follows) this.#fault(segment, offset);
      if (index < segment.firstIndex || index > lastIndex) return;
      // What stands later in a file was written later.
      for (let replaced = index; replaced <= this.#last; replaced++) this.records.delete(replaced);
      this.records.set(index, record, segment, offset);
      // What is before it in the log stands before it in the files, and goes only with it.
      const before = this.records.hash(index - 1);
      if (before !== undefined && equalBytes(before, previousHash)) this.links.delete(index);
      else this.links.set(index, previousHash.slice());
      this.#last = index;
      this.#isAfterFault = false;
    }
    this.attestedIndex = Math.max(this.attestedIndex, durableIndex);
    if (durableIndex > this.#last) this.#fault(segment, offset);
  }

  /** What follows a fault, up to the next record, is no other one. */
  #fault(segment: SurveyedSegment, offset: number): void {
    segment.isBroken = true;
    if (!this.#isAfterFault) this.faults.push({ path: segment.path, offset, index: this.#last + 1 });
    this.#isAfterFault = true;
  }

  #forget(segment: SurveyedSegment): void {
    this.records.deleteFrom(segment.firstIndex);
    this.faults.splice(0, this.faults.length, ...this.faults.filter(({ path }) => path !== segment.path));
    this.segments.pop();
    segment.file?.close();
  }
}

/** Where the next whole record or mark begins, from an offset on. */
function wholeBehind(file: DiskFile, from: number): number | undefined {
  const bytes = file.read(from, Math.max(0, file.size() - from));
  const view = viewOf(bytes);
  for (let at = 0; at < bytes.length; at += ALIGNMENT) {
    const claimed = claimedBytes(view, at, from + at);
    if (claimed === undefined || at + claimed > bytes.length) continue;
    if (decodeClaimed(bytes.subarray(at, at + claimed)) !== undefined) return from + at;
  }
  return undefined;
}
