/** Messages that the ledger actor takes. */
import type { LogIndex, NodeId } from "../base/ids.ts";
import type { StoreChange } from "../base/ports/store.ts";
import type { Block } from "../wire/block.ts";
import type { StateRoot } from "../wire/state-root.ts";
import type { Transaction } from "../wire/transaction.ts";
import type { Question } from "./consensus.ts";

/** A transaction whose signatures were checked, as it came and decoded. */
export interface SignedTransaction {
  readonly encoded: Uint8Array;
  readonly transaction: Transaction;
}

export type LedgerMessage =
  /** Blocks agreed by a quorum, in order; nothing is ever taken back. */
  | { readonly type: "committed"; readonly blocks: readonly Block[] }
  /** Whether transactions may enter the log, as far as the state says now; `batch` names them at the gateway. */
  | { readonly type: "admit"; readonly batch: number; readonly transactions: readonly SignedTransaction[] }
  /** A question to answer once the state has reached `height`. */
  | { readonly type: "question"; readonly question: Question; readonly height: LogIndex }
  /** A question that waits for the state may be overdue. */
  | { readonly type: "questionsDue" }
  /** Whoever asked these has gone; no further one of them comes. */
  | { readonly type: "forget"; readonly tokens: readonly number[] }
  /** This node leads from `readyAt` on (the first block of its term), or another does. */
  | { readonly type: "leader"; readonly leader: NodeId; readonly readyAt: LogIndex }
  /** Time to answer more of what was asked. */
  | { readonly type: "answerMore" }
  /** Time for the next step towards what a question is about. */
  | { readonly type: "seek" }
  /** What the store holds under this key is damaged. */
  | { readonly type: "pageDamaged"; readonly key: string }
  /** Time to look after checkpoints that are given to clients. */
  | { readonly type: "giving" }
  /** It is this node's turn to write the checkpoint that it has taken. */
  | { readonly type: "writeCheckpoint"; readonly changes: readonly StoreChange[]; readonly written: StateRoot }
  /** A checkpoint is durable. */
  | { readonly type: "checkpointed"; readonly written: StateRoot }
  /** A peer needs a newer checkpoint than there is. */
  | { readonly type: "takeCheckpoint" }
  /** A node asks what this one's pages are at a height, which the state has not passed. */
  | { readonly type: "rootAsked"; readonly by: NodeId; readonly height: LogIndex }
  /** The log stays from this height on, whatever is to be kept of it otherwise; undefined: as otherwise. */
  | { readonly type: "holdLog"; readonly from: LogIndex | undefined }
  /** A peer's checkpoint of this height is fetched: it takes the place of this node's own. */
  | { readonly type: "install"; readonly height: LogIndex };
