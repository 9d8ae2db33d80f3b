/** Where ledger and gossip leave what they know of the state's pages, for each other and for whoever answers clients or peers. */
import type { LogIndex } from "../base/ids.ts";
import type { SignedCheckpoint } from "../wire/attestation.ts";
import type { SignedState, StateRoot } from "../wire/state-root.ts";

export interface CheckpointBoard {
  /** The newest that a quorum has signed, as far as is known here. */
  agreed: SignedCheckpoint | undefined;
  /** The height of the checkpoint that this node has taken, and is writing or waits to write. */
  taking: LogIndex | undefined;
  /** The newest checkpoint that this node has written, for gossip to sign. */
  written: StateRoot | undefined;
  /** Checkpoints of this node whose pages a quorum has signed, of the last few; the newest last. */
  states: readonly SignedState[];
  /** What this node's pages were at the last few heights where it knows; the newest last. */
  roots: readonly StateRoot[];
}
