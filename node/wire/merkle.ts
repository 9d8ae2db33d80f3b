/**
 * Merkle trees as in RFC 6962 (Certificate Transparency), section 2.1: leaves and nodes are hashed under different
 * prefixes, and a tree of n leaves splits at the largest power of two below n.
 */
import { equalBytes } from "../base/bytes.ts";
import type { Sha256 } from "../base/ports/crypto.ts";

const LEAF = new Uint8Array([0]);
const NODE = new Uint8Array([1]);

/** Hash of one leaf's bytes. */
export function leafHash(sha256: Sha256, leaf: Uint8Array): Uint8Array {
  return sha256(LEAF, leaf);
}

/** Hash of an inner node over its two children. */
export function nodeHash(sha256: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  return sha256(NODE, left, right);
}

/**
 * A tree over leaf hashes, level by level: neighbours are paired, and a node without a neighbour moves up as it is. That is
 * the tree of RFC 6962. All its nodes are hashed once, so each path is cut out without hashing.
 */
export class MerkleTree {
  /** The hash of nothing for a tree without leaves. */
  readonly root: Uint8Array;
  readonly #levels: (readonly Uint8Array[])[];

  constructor(sha256: Sha256, leaves: readonly Uint8Array[]) {
    this.#levels = [leaves];
    let level = leaves;
    while (level.length > 1) {
      level = levelAbove(sha256, level);
      this.#levels.push(level);
    }
    this.root = level[0] ?? sha256();
  }

  get leaves(): readonly Uint8Array[] {
    return this.#levels[0] as readonly Uint8Array[];
  }

  /** Sibling hashes from leaf `index` up to the root. */
  path(index: number): Uint8Array[] {
    const path: Uint8Array[] = [];
    let at = index;
    for (const level of this.#levels) {
      const sibling = level[at ^ 1];
      if (sibling !== undefined) path.push(sibling);
      at >>= 1;
    }
    return path;
  }
}

function levelAbove(sha256: Sha256, level: readonly Uint8Array[]): Uint8Array[] {
  const above: Uint8Array[] = [];
  for (let i = 0; i < level.length; i += 2) {
    const left = level[i] as Uint8Array;
    const right = level[i + 1];
    above.push(right === undefined ? left : nodeHash(sha256, left, right));
  }
  return above;
}

/** Whether `leaf` (a leaf hash) is number `index` of `count` leaves under `root`. */
export function verifyMerklePath(
  sha256: Sha256,
  proof: {
    readonly leaf: Uint8Array;
    readonly index: number;
    readonly count: number;
    readonly path: readonly Uint8Array[];
  },
  root: Uint8Array,
): boolean {
  if (proof.index < 0 || proof.index >= proof.count) return false;
  const turns: boolean[] = []; // from the root down: whether the leaf lies in the left half
  let from = 0;
  let to = proof.count;
  while (to - from > 1) {
    const middle = from + largestPowerBelow(to - from);
    const left = proof.index < middle;
    turns.push(left);
    if (left) to = middle;
    else from = middle;
  }
  if (turns.length !== proof.path.length) return false;
  let hash = proof.leaf;
  for (const sibling of proof.path) {
    hash = turns.pop() ? nodeHash(sha256, hash, sibling) : nodeHash(sha256, sibling, hash);
  }
  return equalBytes(hash, root);
}

/** Where a tree of more than one leaf is split: the largest power of two below its number of leaves. */
export function largestPowerBelow(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}
