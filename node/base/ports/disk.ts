/** The disk as storage sees it: files that are written at places and synced. */
import { CodedError } from "../errors.ts";

/** What a disk may answer instead of doing as told. */
export type DiskFault = "disk_io" | "disk_full" | "disk_not_found" | "disk_exists";

export class DiskError extends CodedError<DiskFault> {
  override readonly name = "DiskError";
}

/** Called once when the operation is over; with the error when it failed. */
export type DiskDone = (error?: DiskError) => void;

/**
 * One open file. `write`, `truncate` and `sync` are started and come back through `done`, in the order they were
 * started. A caller keeps the written chunks unchanged until then. Nothing is durable before a `sync` that was
 * started after the write has come back without an error; after a failed `sync` nothing may be believed.
 */
export interface DiskFile {
  readonly path: string;
  /** Bytes, as of the operations started so far. */
  size(): number;
  /**
   * Reads at once, at most `length` bytes (fewer at the end), into new memory or, where given, into the beginning of
   * `into`, which has room for them; throws `DiskError`.
   */
  read(offset: number, length: number, into?: Uint8Array): Uint8Array;
  /** Writes the chunks one after the other from `offset` on; the file grows as needed. */
  write(offset: number, chunks: readonly Uint8Array[], done: DiskDone): void;
  /** Sets the size: cuts, or extends with zeros. */
  truncate(size: number, done: DiskDone): void;
  /** Makes all that was written before durable (fdatasync). */
  sync(done: DiskDone): void;
  /**
   * For recovery, while nothing else is under way: writes the bytes, makes what is behind them zeros up to `size`, and
   * returns when the file and its directory are durable. Bytes that stand there already are written again, because a
   * sync that failed in an earlier life may have left them in the system's memory only. Throws `DiskError`.
   */
  settle(offset: number, bytes: Uint8Array, size: number): void;
  /** Closes when all that was started is done. */
  close(): void;
}

/** Files of one node, by relative path with `/`. */
export interface Disk {
  /** Names of the files in a directory, sorted; empty where there is none. */
  list(directory: string): string[];
  /** Opens for reading and writing; with `create` makes a new, empty file and its directories. Throws `DiskError`. */
  open(path: string, options: { readonly create: boolean }): DiskFile;
  /** Removes a file; throws `DiskError` where there is none. */
  remove(path: string): void;
  /**
   * Gives a file another name, in place of what bears that, if anything does; a file that is open under either name stays
   * what it was. After a crash before `syncDirectory` the new name may still be the old file's. Throws `DiskError`.
   */
  rename(from: string, to: string): void;
  /** Bytes that can still be written, as far as is known: others may be using them up. Throws `DiskError`. */
  freeBytes(): number;
  /** Makes creations, removals and renamings in the directory durable. */
  syncDirectory(directory: string, done: DiskDone): void;
}
