/** Where ledger and gossip leave what is signed of the state, for each other and for whoever answers clients. */
import type { SignedCheckpoint } from "../wire/attestation.ts";
import type { SignedState, StateRoot } from "../wire/state-root.ts";

export interface CheckpointBoard {
  /** The newest that a quorum has signed, as far as is known here. */
  agreed: SignedCheckpoint | undefined;
  /** The newest checkpoint that this node has written, for gossip to sign. */
  written: StateRoot | undefined;
  /** Checkpoints of this node whose pages a quorum has signed, of the last few; the newest last. */
  states: readonly SignedState[];
}
