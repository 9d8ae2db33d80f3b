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

/** Root over leaf hashes; the hash of nothing for an empty list. */
export function merkleRoot(sha256: Sha256, leaves: readonly Uint8Array[]): Uint8Array {
  return leaves.length === 0 ? sha256() : subtreeRoot(sha256, leaves, 0, leaves.length);
}

/** Sibling hashes from leaf `index` up to the root. */
export function merklePath(sha256: Sha256, leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  const path: Uint8Array[] = [];
  let from = 0;
  let to = leaves.length;
  while (to - from > 1) {
    const middle = from + split(to - from);
    if (index < middle) {
      path.push(subtreeRoot(sha256, leaves, middle, to));
      to = middle;
    } else {
      path.push(subtreeRoot(sha256, leaves, from, middle));
      from = middle;
    }
  }
  return path.toReversed();
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
    const middle = from + split(to - from);
    const left = proof.index < middle;
    turns.push(left);
    if (left) to = middle;
    else from = middle;
  }
  if (turns.length !== proof.path.length) return false;
  let hash = proof.leaf;
  for (const sibling of proof.path) hash = turns.pop() ? sha256(NODE, hash, sibling) : sha256(NODE, sibling, hash);
  return equalBytes(hash, root);
}

function split(count: number): number {
  return 2 ** (31 - Math.clz32(count - 1));
}

function subtreeRoot(sha256: Sha256, leaves: readonly Uint8Array[], from: number, to: number): Uint8Array {
  if (to - from === 1) return leaves[from] as Uint8Array;
  const middle = from + split(to - from); // depth is at most 11: BLOCK_TRANSACTIONS_MAX leaves
  return sha256(NODE, subtreeRoot(sha256, leaves, from, middle), subtreeRoot(sha256, leaves, middle, to));
}
