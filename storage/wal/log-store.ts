/** The durable log as the rest of the system uses it; `Wal` implements it. */
import type { StorageError } from "../errors.ts";

/** One record: an opaque payload at its place in the hash chain. */
export interface WalRecord {
  readonly index: number;
  readonly term: number;
  readonly previousHash: Uint8Array;
  readonly hash: Uint8Array;
  readonly payload: Uint8Array;
}

/** Where a log begins: the index before its first record, with the term and the hash of what stood there. */
export interface LogStart {
  readonly index: number;
  readonly term: number;
  readonly hash: Uint8Array;
}

export interface LogStore {
  /** What opening found: valid records, and bytes of a torn tail that were cut. */
  readonly recovery: { readonly records: number; readonly tornBytes: number };
  /** First index that can be read; 1 while nothing has been compacted and the log was not reset. */
  firstIndex(): number;
  /** Last index appended, durable or not; `firstIndex() - 1` when empty. */
  lastIndex(): number;
  durableIndex(): number;
  /** Of the record at an index, or at `firstIndex() - 1` where something stood there; undefined elsewhere. */
  term(index: number): number | undefined;
  hash(index: number): Uint8Array | undefined;
  /** Records from `from` up to and not including `to`, within `bytesMax` bytes of payload but at least one. */
  read(from: number, to: number, bytesMax: number): readonly WalRecord[];
  /**
   * Reads a durable record from the disk, whether it is in memory or not, and how many bytes it takes there; throws
   * `StorageError` where it is not what was written.
   */
  check(index: number): number;
  /**
   * Puts a durable record that was found damaged back in its place, in a new copy of its file; `done` hears whether it is
   * there, durably. It is not where it has left the log meanwhile, or where there is no room. FIFO with `append`.
   */
  repair(record: WalRecord, done: (isSound: boolean) => void): void;
  /**
   * What is damaged of the copies of where the log begins and how far it reaches; nothing is looked at while anything is on
   * its way to the disk.
   */
  checkCopies(): readonly StorageError[];
  /** Writes those again as they are known in memory; `done` hears whether they are whole, durably. FIFO with `append`. */
  rewriteCopies(done: (isSound: boolean) => void): void;
  /** Appends consecutive, chained records; readable at once, `done` when durable. FIFO with `truncate`. */
  append(records: readonly WalRecord[], done: () => void): void;
  /** Removes the records from `from` on; `done` when that is durable. */
  truncate(from: number, done: () => void): void;
  /**
   * Gives up records before `index` as far as they fill whole files; what is not durable stays, and so does the newest
   * file. They cannot be read any more at once; their files go some time later, and after a crash may be back or not.
   */
  compactTo(index: number): void;
  /** Bytes of the files that `compactTo` would give up. */
  bytesBefore(index: number): number;
  /**
   * Gives up the whole log: it is empty and goes on behind `start`. `done` when that is durable; after a crash before
   * that the log is the old one or the new one. FIFO with `append` and `truncate`.
   */
  reset(start: LogStart, done: () => void): void;
  /** Bytes of durable records that are held in memory for readers. */
  cachedBytes(): number;
  /**
   * Whether something waits for space on the disk: a mark, or the start of the log, and all appends behind it, which were
   * taken, can be read, and are durable when there is space again.
   */
  isFull(): boolean;
  /** Tries once more where appends wait for space. */
  retry(): void;
  /** Whether nothing is on its way to the disk: then the log may be closed and opened again, unless the disk has failed. */
  isIdle(): boolean;
  close(): void;
}
