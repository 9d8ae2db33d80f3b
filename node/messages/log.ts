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

/** What one Ready of the Raft core wants durable, in this order: term and vote, the truncation, the entries. */
export interface PersistRequest {
  readonly type: "persist";
  readonly sequence: number;
  readonly hardState?: { readonly term: number; readonly vote: number };
  readonly truncateFrom?: LogIndex;
  readonly entries: readonly LogEntry[];
}

export type LogMessage =
  | PersistRequest
  | { readonly type: "tick" }
  /** All that the node keeps is to be read again now. */
  | { readonly type: "scrub" }
  /** The next step of that. */
  | { readonly type: "scrubOn" }
  /** Something that was found damaged has been written again, or could not be. */
  | { readonly type: "rewritten"; readonly what: "value" | "copies"; readonly isSound: boolean }
  /** The store has the term and vote of this request. */
  | { readonly type: "hardStateDurable"; readonly sequence: number }
  /** The log has the truncation and the entries of this request. */
  | { readonly type: "entriesDurable"; readonly sequence: number };
