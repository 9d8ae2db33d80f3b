/**
 * The durable log as Raft reads it; implemented outside, over the write-ahead log.
 *
 * Raft asks only for positions whose Ready it has been told is persisted, so the view may or may not show writes that
 * are still on their way. Reading must be cheap (a cache of the recent tail) and synchronous.
 */
import type { LogIndex, Term } from "../../node/base/ids.ts";
import type { Entry } from "./messages.ts";

export interface LogView {
  /**
   * The first position that can still be read; 1 as long as nothing has been compacted away. That may happen at any time, but
   * the entry at the commit index stays, unless it was never there: behind a checkpoint that was installed.
   */
  firstIndex(): LogIndex;
  /** The last durable position; `firstIndex() - 1` when there is none. */
  lastIndex(): LogIndex;
  /** The term at a position from `firstIndex() - 1` to `lastIndex()`, else undefined. Position 0 has term 0. */
  term(index: LogIndex): Term | undefined;
  /**
   * The entries of `from` up to and not including `to`, cut so that their data stays within `bytesMax` bytes, but always
   * at least one. The range lies within the log and is not empty.
   */
  entries(from: LogIndex, to: LogIndex, bytesMax: number): readonly Entry[];
}
