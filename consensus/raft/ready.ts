/**
 * A Ready is one batch of what Raft wants done. The driver's duties:
 *
 * 1. Send `messages` at once, in any order with the rest.
 * 2. Make `hardState`, then `truncateFrom`, then `entries` durable, and call `persisted(sequence)` for each Ready that
 *    had any of them, in the order they were handed out. Several may be on their way at the same time. A failed write
 *    is the end of the node: it must never be retried under a Ready that has not been reported.
 * 3. Send `messagesAfterPersist` only when this Ready and all Readies before it are durable. A Ready without durable
 *    work needs no `persisted`, but its `messagesAfterPersist` wait for the durable work of the Readies before it.
 * 4. Apply `committed`, in order; the entries are read through `raft.entries()`. They are durable on this node.
 * 5. When `role` says `leader`, propose a first entry (an empty block will do): Raft appends none by itself, and a
 *    leader commits and serves no read before an entry of its own term is committed.
 * 6. When `checkpointWanted` is there, fetch a checkpoint by other means, and begin anew from it: make it durable, and behind
 *    it an empty log, or the log that is there where that has the checkpoint's entry; then make a `Raft` of that, as at any
 *    start. Said again with each heartbeat until the log goes on, so a driver that fails, or cannot, need not remember.
 */
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import type { HardState } from "./hard-state.ts";
import type { Entry, Message } from "./messages.ts";

export type Role = "follower" | "preCandidate" | "candidate" | "leader";

/** A read that may be served once `index` is applied, or one that will never be (ask again, perhaps elsewhere). */
export type ReadState =
  | { readonly requestId: number; readonly index: LogIndex }
  | { readonly requestId: number; readonly refused: true };

/** What a node is, and whom it follows. `leader` is 0 while none is known. */
export interface RoleState {
  readonly role: Role;
  readonly leader: NodeId;
  readonly term: Term;
}

/** The leader no longer has the entries that this node lacks. */
export interface CheckpointWanted {
  readonly from: NodeId;
  /** The log goes on behind here. */
  readonly atLeast: LogIndex;
}

export interface Ready {
  /** Counts up by one from 1 in the life of a `Raft`. */
  readonly sequence: number;
  /** To persist, before the entries. */
  readonly hardState?: HardState;
  /** To remove from the durable log: this position and all behind it, before the entries are appended. */
  readonly truncateFrom?: LogIndex;
  /** To append durably; consecutive. */
  readonly entries: readonly Entry[];
  readonly messages: readonly Message[];
  readonly messagesAfterPersist: readonly Message[];
  /** Newly committed and durable here; both ends included. */
  readonly committed?: { readonly from: LogIndex; readonly to: LogIndex };
  readonly reads: readonly ReadState[];
  readonly checkpointWanted?: CheckpointWanted;
  /** Only when something in it changed. */
  readonly role?: RoleState;
}
