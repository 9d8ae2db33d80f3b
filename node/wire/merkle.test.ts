import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { concatBytes, fromHex, toHex } from "../base/bytes.ts";
import { BLOCK_TRANSACTIONS_MAX } from "../base/limits.ts";
import { leafHash, MerkleTree, verifyMerklePath } from "./merkle.ts";

/** RFC 6962, section 2.1, as it is written there. */
function rfcTreeHash(entries: readonly Uint8Array[]): Uint8Array {
  if (entries.length === 0) return sha256();
  if (entries.length === 1) return sha256(new Uint8Array([0]), entries[0] as Uint8Array);
  let k = 1;
  while (2 * k < entries.length) k *= 2;
  return sha256(new Uint8Array([1]), rfcTreeHash(entries.slice(0, k)), rfcTreeHash(entries.slice(k)));
}

const entries = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => new Uint8Array([i, i >>> 8]));
const leavesOf = (bytes: readonly Uint8Array[]): Uint8Array[] => bytes.map((entry) => leafHash(sha256, entry));
const rootOf = (leaves: readonly Uint8Array[]): Uint8Array => new MerkleTree(sha256, leaves).root;
const pathOf = (leaves: readonly Uint8Array[], index: number): Uint8Array[] =>
  new MerkleTree(sha256, leaves).path(index);
const flipped = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice();
  copy[bit >>> 3] = (copy[bit >>> 3] as number) ^ (1 << (bit & 7));
  return copy;
};

describe("Merkle tree (RFC 6962, section 2.1)", () => {
  test("gives the roots of Certificate Transparency's own test tree", () => {
    const inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    const leaves = leavesOf(inputs.map((hex) => fromHex(hex) as Uint8Array));
    expect(inputs.map((_, i) => toHex(rootOf(leaves.slice(0, i + 1))))).toEqual([
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ]);
    expect(toHex(rootOf([]))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  });

  test("is the tree of the RFC's definition, at every size", () => {
    for (let count = 0; count <= 70; count++) {
      expect(toHex(rootOf(leavesOf(entries(count))))).toBe(toHex(rfcTreeHash(entries(count))));
    }
  });

  test("every leaf has a proof, at every place only its own, under its own root only", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 200 }), fc.nat(199), fc.nat(199), (count, at, other) => {
        const leaves = leavesOf(entries(count));
        const root = rootOf(leaves);
        const index = at % count;
        const path = pathOf(leaves, index);
        const proof = { leaf: leaves[index] as Uint8Array, index, count, path };
        expect(verifyMerklePath(sha256, proof, root)).toBe(true);
        const elsewhere = other % count;
        expect(verifyMerklePath(sha256, { ...proof, index: elsewhere }, root)).toBe(elsewhere === index);
        expect(verifyMerklePath(sha256, { ...proof, leaf: leaves[elsewhere] as Uint8Array }, root)).toBe(
          elsewhere === index,
        );
      }),
    );
  });

  test("a flipped bit of leaf, path or root fails", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.nat(39), fc.nat(), (count, at, bit) => {
        const leaves = leavesOf(entries(count));
        const root = rootOf(leaves);
        const index = at % count;
        const path = pathOf(leaves, index);
        const proof = { leaf: leaves[index] as Uint8Array, index, count, path };
        expect(verifyMerklePath(sha256, proof, flipped(root, bit % 256))).toBe(false);
        expect(verifyMerklePath(sha256, { ...proof, leaf: flipped(proof.leaf, bit % 256) }, root)).toBe(false);
        path.forEach((sibling, place) => {
          const bent = path.with(place, flipped(sibling, bit % 256));
          expect(verifyMerklePath(sha256, { ...proof, path: bent }, root)).toBe(false);
        });
      }),
    );
  });

  test("a path of another length fails, and so does a place that is not there", () => {
    const leaves = leavesOf(entries(5));
    const root = rootOf(leaves);
    const path = pathOf(leaves, 2);
    const proof = { leaf: leaves[2] as Uint8Array, index: 2, count: 5, path };
    for (const wrong of [[], path.slice(1), path.slice(0, -1), [...path, path[0] as Uint8Array]]) {
      expect(verifyMerklePath(sha256, { ...proof, path: wrong }, root)).toBe(false);
    }
    for (const index of [-1, 5, 2 ** 32]) expect(verifyMerklePath(sha256, { ...proof, index }, root)).toBe(false);
    expect(verifyMerklePath(sha256, { ...proof, count: 0 }, root)).toBe(false);
    expect(verifyMerklePath(sha256, { ...proof, count: 2 ** 32 - 1 }, root)).toBe(false);
  });

  test("second preimage: an inner node cannot pass for a leaf", () => {
    const leaves = leavesOf(entries(4));
    const root = rootOf(leaves);
    const [a, b, c, d] = leaves as [Uint8Array, Uint8Array, Uint8Array, Uint8Array];
    const left = rootOf([a, b]);
    const right = rootOf([c, d]);
    expect(toHex(rootOf(leavesOf([concatBytes([a, b]), concatBytes([c, d])])))).not.toBe(toHex(root));
    const forged = { leaf: leafHash(sha256, concatBytes([a, b])), index: 0, count: 2, path: [right] };
    expect(verifyMerklePath(sha256, forged, root)).toBe(false);
    // With a count of its own a prover could call an inner node a leaf: the count must come from what is signed.
    expect(verifyMerklePath(sha256, { ...forged, leaf: left, count: 4 }, root)).toBe(false);
  });

  test("an odd leaf is not paired with itself: no two lists have one root", () => {
    const [a, b, c] = leavesOf(entries(3)) as [Uint8Array, Uint8Array, Uint8Array];
    const lists = [[], [a], [a, a], [a, b], [b, a], [a, b, c], [a, b, c, c], [a, b, b, c], [a, a, b, c]];
    expect(new Set(lists.map((leaves) => toHex(rootOf(leaves)))).size).toBe(lists.length);
  });

  test("the largest block's paths are as short as they can be", () => {
    const leaves = leavesOf(entries(BLOCK_TRANSACTIONS_MAX));
    expect(pathOf(leaves, BLOCK_TRANSACTIONS_MAX - 1)).toHaveLength(Math.log2(BLOCK_TRANSACTIONS_MAX));
  });
});
