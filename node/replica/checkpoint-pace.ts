/**
 * How often a checkpoint falls due. It follows from the state alone, so all nodes take theirs of the same heights.
 *
 * By blocks: what a checkpoint writes is what they have changed, so many small checkpoints are as much work as few large ones,
 * and nobody waits for them as long. Not so where there are many accounts: then any thousand blocks change nearly all pages.
 * By the bytes of the blocks, where these are large, so that a restart executes few of them again.
 */
import { CHECKPOINT_LOG_BYTES } from "../base/limits.ts";

/** So many more accounts make checkpoints rarer by as many blocks again ... */
const ACCOUNTS_PER_STRETCH = 262_144;
/** ... up to so many times as many. */
const STRETCH_MAX = 4;

/** What of a state says how many checkpoints its log is worth. */
export interface PacedState {
  readonly height: number;
  /** Bytes of the bodies of all blocks so far. */
  readonly logBytes: number;
  readonly accounts: number;
}

/** How many checkpoints the log so far is worth; at the block at which it is one more, one falls due. */
export function checkpointsDue({ height, logBytes, accounts }: PacedState, checkpointBlocks: number): number {
  const stretch = Math.min(STRETCH_MAX, 1 + Math.floor(accounts / ACCOUNTS_PER_STRETCH));
  return Math.floor(height / (stretch * checkpointBlocks)) + Math.floor(logBytes / CHECKPOINT_LOG_BYTES);
}
