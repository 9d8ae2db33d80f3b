/** Messages that the consensus actor takes. */
import type { NodeId } from "../base/ids.ts";

export type ConsensusMessage =
  | { readonly type: "tick" }
  /** A frame of the raft lane. */
  | { readonly type: "peerFrame"; readonly from: NodeId; readonly payload: Uint8Array }
  /** An admitted transaction, to be ordered. */
  | { readonly type: "propose"; readonly transaction: Uint8Array }
  /** Log time must move on although nobody asks for anything: order an empty block. */
  | { readonly type: "pulse" }
  /** A read that must see everything acknowledged before now; comes out at the ledger as a query at a height. */
  | { readonly type: "read"; readonly query: PendingQuery }
  /** The log and the store have made a Ready durable. */
  | { readonly type: "persisted"; readonly sequence: number }
  | { readonly type: "applied"; readonly height: number };

/** A question on its way to the ledger. */
export interface PendingQuery {
  /** Names the question at the gateway. */
  readonly token: number;
  readonly query: Uint8Array;
  /** The key that asks; what it may see is decided where the question is answered. */
  readonly publicKey: Uint8Array;
}
