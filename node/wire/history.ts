/**
 * The history tree: an RFC 6962 tree whose leaves are the hashes of all blocks from the first on. Its root in a signed
 * checkpoint commits to the whole log, and proofs of a few dozen hashes show that a block is part of it (inclusion) or that
 * a later log extends an earlier one (consistency; RFC 6962, section 2.1, and RFC 9162, section 2.1.4.2).
 */
import { assert } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { largestPowerBelow, leafHash, nodeHash, verifyMerklePath } from "./merkle.ts";

/** Root over the blocks from place `from` up to and not including `to`; place 0 is the first block. */
export type RangeRoot = (from: number, to: number) => Uint8Array;

/** The right edge of a growing history tree: one hash for each complete subtree, largest first. */
export class HistoryFrontier {
  readonly #sha256: Sha256;
  #size = 0;
  #peaks: Uint8Array[] = [];

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** Blocks in the tree. */
  get size(): number {
    return this.#size;
  }

  /** Hashes of the complete subtrees, largest first: as many as `size` has bits set. */
  get peaks(): readonly Uint8Array[] {
    return this.#peaks;
  }

  /** Adds the next block; returns the roots of the subtrees that it completes: of 1, 2, 4, ... blocks. */
  append(blockHash: Uint8Array): readonly Uint8Array[] {
    let hash = leafHash(this.#sha256, blockHash);
    const completed = [hash];
    for (let rest = this.#size; rest % 2 === 1; rest = Math.floor(rest / 2)) {
      hash = nodeHash(this.#sha256, this.#peaks.pop() as Uint8Array, hash);
      completed.push(hash);
    }
    this.#peaks.push(hash);
    this.#size += 1;
    return completed;
  }

  /** Root over all blocks; the hash of nothing before the first. */
  root(): Uint8Array {
    const last = this.#peaks.at(-1);
    if (last === undefined) return this.#sha256();
    return this.#peaks.slice(0, -1).reduceRight((right, peak) => nodeHash(this.#sha256, peak, right), last);
  }

  /** Goes on from peaks that were kept. */
  restore(size: number, peaks: readonly Uint8Array[]): void {
    assert(
      peaks.length === bitsSet(size),
      `a history of ${size} blocks has ${bitsSet(size)} peaks, not ${peaks.length}`,
    );
    this.#size = size;
    this.#peaks = [...peaks];
  }
}

/**
 * Root over a range of blocks, from its two halves; `known` gives the roots that need no further look, at the latest those
 * of single blocks. Depth is that of a balanced tree, at most 53.
 */
export function rangeRoot(
  sha256: Sha256,
  known: (from: number, to: number) => Uint8Array | undefined,
  from: number,
  to: number,
): Uint8Array {
  const root = known(from, to);
  if (root !== undefined) return root;
  assert(to - from > 1, `the hash of block ${from} is not known`);
  const middle = from + largestPowerBelow(to - from);
  return nodeHash(sha256, rangeRoot(sha256, known, from, middle), rangeRoot(sha256, known, middle, to));
}

/** Proof that block `index` lies under the root of the first `size` blocks. */
export function inclusionProof(rootOf: RangeRoot, index: number, size: number): Uint8Array[] {
  assert(index >= 0 && index < size, `block ${index} is not among the first ${size}`);
  const proof: Uint8Array[] = [];
  let from = 0;
  let to = size;
  while (to - from > 1) {
    const middle = from + largestPowerBelow(to - from);
    const left = index < middle;
    proof.push(left ? rootOf(middle, to) : rootOf(from, middle));
    if (left) to = middle;
    else from = middle;
  }
  return proof.toReversed();
}

/** Whether the block with this hash is number `index` under the root of the first `size` blocks. */
export function verifyInclusion(
  sha256: Sha256,
  claim: { readonly blockHash: Uint8Array; readonly index: number; readonly size: number; readonly root: Uint8Array },
  proof: readonly Uint8Array[],
): boolean {
  const { blockHash, index, size, root } = claim;
  return verifyMerklePath(sha256, { leaf: leafHash(sha256, blockHash), index, count: size, path: proof }, root);
}

/** Proof that the first `size` blocks begin with the first `earlier`. */
export function consistencyProof(rootOf: RangeRoot, earlier: number, size: number): Uint8Array[] {
  assert(earlier >= 1 && earlier <= size, `no proof from ${earlier} to ${size} blocks`);
  const proof: Uint8Array[] = [];
  let from = 0;
  let to = size;
  let known = true; // whether the verifier has this subtree's root: the earlier root itself
  for (;;) {
    const wanted = earlier - from;
    if (wanted === to - from) {
      if (!known) proof.push(rootOf(from, to));
      return proof.toReversed();
    }
    const middle = from + largestPowerBelow(to - from);
    if (earlier <= middle) {
      proof.push(rootOf(middle, to));
      to = middle;
    } else {
      proof.push(rootOf(from, middle));
      from = middle;
      known = false;
    }
  }
}

/** Whether a log of `size` blocks under `root` extends one of `earlier` blocks under `earlierRoot`. */
export function verifyConsistency(
  sha256: Sha256,
  claim: {
    readonly earlier: number;
    readonly earlierRoot: Uint8Array;
    readonly size: number;
    readonly root: Uint8Array;
  },
  proof: readonly Uint8Array[],
): boolean {
  const { earlier, earlierRoot, size, root } = claim;
  if (earlier < 1 || earlier > size) return false;
  if (earlier === size) return proof.length === 0 && equalBytes(earlierRoot, root);
  const path = isPowerOfTwo(earlier) ? [earlierRoot, ...proof] : [...proof];
  let index = earlier - 1;
  let last = size - 1;
  while (index % 2 === 1) {
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  const first = path.shift();
  if (first === undefined) return false;
  let before = first;
  let after = first;
  for (const sibling of path) {
    if (last === 0) return false;
    if (index % 2 === 1 || index === last) {
      before = nodeHash(sha256, sibling, before);
      after = nodeHash(sha256, sibling, after);
      while (index % 2 === 0 && index > 0) {
        index /= 2;
        last = Math.floor(last / 2);
      }
    } else after = nodeHash(sha256, after, sibling);
    index = Math.floor(index / 2);
    last = Math.floor(last / 2);
  }
  return last === 0 && equalBytes(before, earlierRoot) && equalBytes(after, root);
}

function isPowerOfTwo(value: number): boolean {
  return bitsSet(value) === 1;
}

function bitsSet(value: number): number {
  let bits = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 2)) bits += rest % 2;
  return bits;
}
