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

/** Of what falls due, a slow node takes one in so many at least. */
const STRIDE_MAX = 16;
/** It takes twice as many after so many writes that would have left time for that. */
const QUICK_WRITES = 4;
/** Between the turns of two nodes to write ... */
const WRITE_STAGGER_MS = 100;
/** ... and less where there are many, so that all have had theirs after so long, which is before the next falls due. */
const WRITE_TURNS_MS = 500;

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

/** How long a node waits for its turn: all take a checkpoint of the same height, and while one writes a quorum's disks are free. */
export function writeDelayMs(turn: number, nodes: number): number {
  return turn * Math.min(WRITE_STAGGER_MS, Math.floor(WRITE_TURNS_MS / nodes));
}

/**
 * Which of the checkpoints that fall due a node takes: all, as long as it writes each before the next. Where a write takes
 * longer it takes every second one from then on, or every fourth, and so on, by their number: so it has all its heights in
 * common with nodes that are faster, and slow ones have theirs in common, which a quorum must sign.
 */
export class CheckpointStride {
  #stride = 1;
  /** How many fell due while the newest was written. */
  #passed = 0;
  #quick = 0;

  /** Whether one is to be taken of the block that brings how many are due from `before` to `due`. */
  isDue(before: number, due: number): boolean {
    this.#passed += Math.max(0, due - before);
    return Math.floor(due / this.#stride) > Math.floor(before / this.#stride);
  }

  /** One is being written. */
  begun(): void {
    this.#passed = 0;
  }

  written(): void {
    const fitting = Math.min(STRIDE_MAX, 2 ** (32 - Math.clz32(this.#passed)));
    this.#quick = fitting < this.#stride ? this.#quick + 1 : 0;
    if (this.#quick === QUICK_WRITES) {
      this.#stride /= 2;
      this.#quick = 0;
    } else this.#stride = Math.max(this.#stride, fitting);
  }
}
