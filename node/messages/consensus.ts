/** Messages that the consensus actor takes. */
import type { Members } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";
import type { ConnectionId } from "../base/ports/network.ts";
import type { StateAt } from "../wire/block.ts";
import type { Consistency } from "../wire/client-frames.ts";

export type ConsensusMessage =
  | { readonly type: "tick" }
  /** A frame of the raft lane. */
  | { readonly type: "peerFrame"; readonly from: NodeId; readonly payload: Uint8Array }
  /** The link on which a peer sends has ended. */
  | { readonly type: "peerLost"; readonly from: NodeId }
  /** Admitted transactions, to be ordered. */
  | { readonly type: "propose"; readonly transactions: readonly Uint8Array[] }
  /** Log time must move on although nobody asks for anything: order an empty block. */
  | { readonly type: "pulse" }
  /** A question that must see what its consistency says; comes out at the ledger with a height. */
  | { readonly type: "read"; readonly question: Question; readonly consistency: Exclude<Consistency, "local"> }
  /** Whoever asked these questions has gone; the ledger hears of it behind those that it was given. */
  | { readonly type: "forget"; readonly tokens: readonly number[] }
  /** Another node shall lead: some, because this one is about to stop, or the one that is asked for. */
  | { readonly type: "handOver"; readonly request?: HandOverRequest }
  /** The newest releases that other members read, as they have said themselves; those who have said nothing are missing. */
  | { readonly type: "announced"; readonly releases: ReadonlyMap<NodeId, number> }
  /** The log and the store have made a Ready durable. */
  | { readonly type: "persisted"; readonly sequence: number }
  /** The ledger has applied what it was handed; the state stands there now, and wants these to take part. */
  | { readonly type: "applied"; readonly state: StateAt; readonly members: Members };

/** Somebody asks for a certain leader; `token` names the question at the gateway, `answer` is for when it begins. */
export interface HandOverRequest {
  readonly token: number;
  readonly to: NodeId;
  readonly answer: Uint8Array;
}

/**
 * A question on its way to the ledger; `token` names it at the gateway. A `query` is answered for the key that asks; an
 * `admission` asks whether a transaction may enter the log at all.
 */
export type Question = {
  readonly token: number;
  /** Where it was asked: the ledger takes connections in turns. */
  readonly connection: ConnectionId;
} & (
  | { readonly kind: "query"; readonly query: Uint8Array; readonly publicKey: Uint8Array }
  | { readonly kind: "admission"; readonly transaction: Uint8Array }
);
