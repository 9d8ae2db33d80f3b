/** What the log asks of its writer, and the files that it is about. */
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { DiskFile } from "../../node/base/ports/disk.ts";
import { MARK_BYTES, recordBytes, storedLength } from "./format.ts";
import type { LogStart, WalRecord } from "./log-store.ts";

/** A file grows in steps, so that most syncs need not make a new size durable, and few zeros are read at the start. */
const GROWTH_BYTES = 4_194_304;

export interface Segment {
  readonly path: string;
  readonly firstIndex: number;
  /** Bytes that it may have: one record at least. */
  capacity: number;
  /** Undefined until the first record is written, and when the segment is given up. */
  file: DiskFile | undefined;
  /** Its name is durable. */
  isNamed: boolean;
  /** Where the next record goes. */
  end: number;
}

/** A record with the place it was given. */
export interface Placed {
  readonly record: WalRecord;
  readonly segment: Segment;
  readonly offset: number;
}

/** The size of a segment's file that holds records up to `end`, and a mark. */
export function grownSize({ capacity }: Pick<Segment, "capacity">, end: number): number {
  return Math.min(capacity, Math.ceil((end + MARK_BYTES) / GROWTH_BYTES) * GROWTH_BYTES);
}

/** What the files of a log grow by at most when these are appended, wherever the log ends. */
export function growthOf(records: readonly WalRecord[], cipher: Cipher | undefined): number {
  return records.reduce((sum, record) => sum + recordBytes(storedLength(record, cipher)), GROWTH_BYTES);
}

export interface Append {
  readonly kind: "append";
  readonly placed: readonly Placed[];
  readonly done: () => void;
}

export interface Cut {
  readonly kind: "cut";
  /** The last index that stays, and where its segment ends. */
  readonly lastIndex: number;
  readonly segment: Segment;
  readonly end: number;
  /** The segments behind, oldest first. */
  readonly remove: readonly Segment[];
  readonly done: () => void;
}

/** Puts a record that is damaged back in its place. */
export interface Repair {
  readonly kind: "repair";
  readonly placed: Placed;
  readonly done: (isSound: boolean) => void;
}

/** Writes the small files beside the records again, which are damaged. */
export interface Refresh {
  readonly kind: "refresh";
  readonly done: (isSound: boolean) => void;
}

/** Gives up the segments before where the log begins now, or all of them. */
export interface Removal {
  readonly kind: "compact" | "reset";
  readonly start: LogStart;
  /** Oldest first. */
  readonly remove: readonly Segment[];
  readonly done: () => void;
}

/** The end of a log that was found on disk, all of it durable. */
export interface LogEnd {
  /** Undefined where there is no file. */
  readonly segment: Segment | undefined;
  readonly lastIndex: number;
  /** The highest durable index that stands in the files. */
  readonly attestedIndex: number;
  /** What stands beside the files. */
  readonly reachedIndex: number;
  readonly start: LogStart | undefined;
}
