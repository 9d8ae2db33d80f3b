/**
 * What Raft nodes say to each other, as plain data. Encoding is somebody else's job; so is authenticating `from`.
 *
 * Model: links may lose, delay, repeat and reorder messages. No message may rely on another having arrived before it.
 */
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";

/** One position of the replicated log. `data` is opaque here: a block that embeds its own index and term. */
export interface Entry {
  readonly index: LogIndex;
  readonly term: Term;
  readonly data: Uint8Array;
}

/** Bytes of data in these entries. */
export function bytesOf(entries: readonly Entry[]): number {
  return entries.reduce((sum, { data }) => sum + data.length, 0);
}

interface Envelope {
  readonly from: NodeId;
  readonly to: NodeId;
  /** The sender's term; for `preVote` and a granted `preVoteResponse`, the term the sender of the question would campaign in. */
  readonly term: Term;
}

/** A message without its envelope. */
export type MessageBody =
  /** Would you vote for me, if I asked in this term? Changes nothing at the receiver. */
  | { readonly type: "preVote"; readonly lastIndex: LogIndex; readonly lastTerm: Term }
  | { readonly type: "preVoteResponse"; readonly granted: boolean }
  /** `transfer`: the leader itself has asked for this election, and no voter need protect it. */
  | { readonly type: "vote"; readonly lastIndex: LogIndex; readonly lastTerm: Term; readonly transfer?: true }
  | { readonly type: "voteResponse"; readonly granted: boolean }
  /** The entries that follow `previousIndex`, and how far the leader knows the log to be committed. */
  | {
      readonly type: "append";
      readonly previousIndex: LogIndex;
      readonly previousTerm: Term;
      readonly entries: readonly Entry[];
      readonly commit: LogIndex;
    }
  /** What the receiver lacks is compacted away at the leader, up to `previousIndex`; the log goes on behind it. */
  | { readonly type: "compacted"; readonly previousIndex: LogIndex; readonly previousTerm: Term }
  /**
   * Accepted: the log agrees with the leader's up to `index`, durably. Not accepted: `index` is the rejected
   * `previousIndex`, and the hint is the last position that may agree, with its term; the hint is 0 when accepted.
   */
  | {
      readonly type: "appendResponse";
      readonly accepted: boolean;
      readonly index: LogIndex;
      readonly hintIndex: LogIndex;
      readonly hintTerm: Term;
    }
  /** `commit` never exceeds what the receiver has acknowledged; `sequence` is the leader's newest round of reads. */
  | { readonly type: "heartbeat"; readonly commit: LogIndex; readonly sequence: number }
  /** Echoes the sequence of the heartbeat it answers. `promiseMs`: from here on no vote is given for so long (§6.4.1). */
  | { readonly type: "heartbeatResponse"; readonly sequence: number; readonly promiseMs: number }
  /** The leader wants its follower to take over, if that has all of its log, up to `lastIndex`. */
  | { readonly type: "timeoutNow"; readonly lastIndex: LogIndex }
  /** A follower asks for a read index. `requestId` is the follower's own name for the question; `lease`: a lease will do. */
  | { readonly type: "readIndex"; readonly requestId: number; readonly lease: boolean }
  /** `index` is 0 when refused. */
  | {
      readonly type: "readIndexResponse";
      readonly requestId: number;
      readonly index: LogIndex;
      readonly refused: boolean;
    };

/** A message between two nodes. */
export type Message = MessageBody & Envelope;

/** The message of one type. */
export type MessageOf<Type extends Message["type"]> = Extract<Message, { readonly type: Type }>;
