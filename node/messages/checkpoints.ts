/** Where gossip leaves the checkpoint that a quorum has signed, for whoever answers clients. */
import type { SignedCheckpoint } from "../wire/attestation.ts";

export interface CheckpointBoard {
  /** The newest that is known here. */
  agreed: SignedCheckpoint | undefined;
}
