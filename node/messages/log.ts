/** Messages that the log actor takes. */
import type { LogIndex } from "../base/ids.ts";

/** An entry with its links in the hash chain. */
export interface LogEntry {
  readonly index: LogIndex;
  readonly term: number;
  readonly previousHash: Uint8Array;
  readonly hash: Uint8Array;
  readonly payload: Uint8Array;
}

export type LogMessage =
  /** Make these durable, in this order: term and vote, the truncation, the entries; then say so. */
  | {
      readonly type: "persist";
      readonly sequence: number;
      readonly hardState?: { readonly term: number; readonly vote: number };
      readonly truncateFrom?: LogIndex;
      readonly entries: readonly LogEntry[];
    }
  | { readonly type: "stepDone" };
