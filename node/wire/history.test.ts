import { sha256 as nobleSha256 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import {
  consistencyProof,
  HistoryFrontier,
  inclusionProof,
  type RangeRoot,
  rangeRoot,
  verifyConsistency,
  verifyInclusion,
} from "./history.ts";
import { leafHash } from "./merkle.ts";

const sha256 = (...chunks: readonly Uint8Array[]): Uint8Array => nobleSha256(concatBytes(chunks));
const SIZE_MAX = 70;
const HASHES = Array.from({ length: SIZE_MAX }, (_, index) => sha256(new Uint8Array([index])));
const hashAt = (index: number): Uint8Array => HASHES[index] as Uint8Array;
/** Roots over ranges of blocks with these hashes. */
const rootsOf =
  (hashAtPlace: (index: number) => Uint8Array): RangeRoot =>
  (from, to) => {
    const leaf = (at: number, end: number): Uint8Array | undefined =>
      end - at === 1 ? leafHash(sha256, hashAtPlace(at)) : undefined;
    return rangeRoot(sha256, leaf, from, to);
  };
const rootOf = rootsOf(hashAt);
const historyRoot = (count: number): Uint8Array => rootOf(0, count);
const size = fc.integer({ min: 1, max: SIZE_MAX });

/** MTH of RFC 6962, section 2.1, word for word. */
function naiveRoot(hashes: readonly Uint8Array[]): Uint8Array {
  if (hashes.length === 0) return sha256();
  if (hashes.length === 1) return sha256(new Uint8Array([0]), hashes[0] as Uint8Array);
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  return sha256(new Uint8Array([1]), naiveRoot(hashes.slice(0, k)), naiveRoot(hashes.slice(k)));
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice();
  const at = bit % (copy.length * 8);
  copy[at >> 3] = (copy[at >> 3] as number) ^ (1 << (at & 7));
  return copy;
}

describe("the history tree (RFC 6962, section 2.1)", () => {
  test("a frontier that grows block by block has the root of the whole tree at every size", () => {
    const frontier = new HistoryFrontier(sha256);
    expect(frontier.root()).toEqual(naiveRoot([]));
    for (let count = 1; count <= SIZE_MAX; count++) {
      frontier.append(hashAt(count - 1));
      expect(frontier.size).toBe(count);
      expect(frontier.root()).toEqual(naiveRoot(HASHES.slice(0, count)));
      expect(historyRoot(count)).toEqual(frontier.root());
    }
  });

  test("a restored frontier goes on as the one that was kept", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: SIZE_MAX - 1 }), (kept) => {
        const frontier = new HistoryFrontier(sha256);
        for (let i = 0; i < kept; i++) frontier.append(hashAt(i));
        const restored = new HistoryFrontier(sha256);
        restored.restore(frontier.size, frontier.peaks);
        restored.append(hashAt(kept));
        expect(restored.root()).toEqual(naiveRoot(HASHES.slice(0, kept + 1)));
      }),
    );
    expect(() => new HistoryFrontier(sha256).restore(3, [])).toThrow("2 peaks");
  });

  test("every block of every size has a proof that holds, and no proof holds for another block, place or size", () => {
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), (count, at, other) => {
        const index = at % count;
        const root = historyRoot(count);
        const proof = inclusionProof(rootOf, index, count);
        const claim = { blockHash: hashAt(index), index, size: count, root };
        expect(verifyInclusion(sha256, claim, proof)).toBe(true);
        const elsewhere = other % count;
        if (elsewhere !== index) {
          expect(verifyInclusion(sha256, { ...claim, index: elsewhere }, proof)).toBe(false);
          expect(verifyInclusion(sha256, { ...claim, blockHash: hashAt(elsewhere) }, proof)).toBe(false);
        }
        expect(verifyInclusion(sha256, { ...claim, root: flipped(root, other) }, proof)).toBe(false);
        expect(verifyInclusion(sha256, { ...claim, index: count }, proof)).toBe(false);
        if (proof.length > 0) {
          const hash = proof[other % proof.length] as Uint8Array;
          expect(verifyInclusion(sha256, claim, proof.with(other % proof.length, flipped(hash, other)))).toBe(false);
          expect(verifyInclusion(sha256, claim, proof.slice(1))).toBe(false);
        }
        expect(verifyInclusion(sha256, claim, [...proof, root])).toBe(false);
      }),
    );
  });

  test("every earlier size has a consistency proof that holds, and no proof holds for a changed past", () => {
    fc.assert(
      fc.property(size, fc.nat(), fc.nat(), (count, at, bit) => {
        const earlier = 1 + (at % count);
        const root = historyRoot(count);
        const earlierRoot = historyRoot(earlier);
        const proof = consistencyProof(rootOf, earlier, count);
        const claim = { earlier, earlierRoot, size: count, root };
        expect(verifyConsistency(sha256, claim, proof)).toBe(true);
        expect(verifyConsistency(sha256, { ...claim, earlierRoot: flipped(earlierRoot, bit) }, proof)).toBe(false);
        expect(verifyConsistency(sha256, { ...claim, root: flipped(root, bit) }, proof)).toBe(false);
        if (proof.length > 0) {
          const hash = proof[bit % proof.length] as Uint8Array;
          expect(verifyConsistency(sha256, claim, proof.with(bit % proof.length, flipped(hash, bit)))).toBe(false);
          expect(verifyConsistency(sha256, claim, proof.slice(1))).toBe(false);
        }
        expect(verifyConsistency(sha256, claim, [...proof, root])).toBe(false);
        const rewritten = (index: number): Uint8Array =>
          index === earlier - 1 ? flipped(hashAt(index), bit) : hashAt(index);
        const otherRoot = rootsOf(rewritten)(0, count);
        const otherProof = consistencyProof(rootsOf(rewritten), earlier, count);
        expect(verifyConsistency(sha256, { ...claim, root: otherRoot }, otherProof)).toBe(false);
      }),
    );
  });

  test("proofs grow with the logarithm of the log", () => {
    const many = (index: number): Uint8Array => hashAt(index % SIZE_MAX);
    expect(inclusionProof(rootsOf(many), 777, 4_096).length).toBe(12);
    expect(consistencyProof(rootsOf(many), 777, 4_096).length).toBeLessThanOrEqual(13);
  });

  test("sizes that no proof can be about are refused", () => {
    expect(() => inclusionProof(rootOf, 3, 3)).toThrow();
    expect(() => consistencyProof(rootOf, 0, 3)).toThrow();
    expect(() => consistencyProof(rootOf, 4, 3)).toThrow();
    const claim = { earlier: 0, earlierRoot: sha256(), size: 1, root: hashAt(0) };
    expect(verifyConsistency(sha256, claim, [])).toBe(false);
  });
});
