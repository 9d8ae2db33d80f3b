import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { u128Bytes } from "../base/bytes.ts";
import { consistencyProof, inclusionProof, verifyConsistency, verifyInclusion } from "../wire/history.ts";
import { leafHash, MerkleTree } from "../wire/merkle.ts";
import { History } from "./history.ts";

/** More than two pages of runs need more blocks than a test has time for; several runs, and a cut one, it has. */
const BLOCKS = 256 * 5 + 77;
const hashAt = (height: number): Uint8Array => sha256(u128Bytes(BigInt(height)));
const LEAVES = Array.from({ length: BLOCKS }, (_, place) => leafHash(sha256, hashAt(place + 1)));
const rootOf = (size: number): Uint8Array => new MerkleTree(sha256, LEAVES.slice(0, size)).root;

function historyOf(blocks: number): History {
  const history = new History(sha256);
  for (let height = 1; height <= blocks; height++) history.append(hashAt(height));
  return history;
}

/** A copy by way of a checkpoint's pages. */
function restored(history: History): History {
  const copy = new History(sha256);
  for (let page = 0; page < history.pageCount(); page++) copy.decodePage(page, history.encodePage(page));
  copy.restored();
  return copy;
}

const whole = historyOf(BLOCKS);
const range = fc
  .tuple(fc.nat(BLOCKS - 1), fc.nat(BLOCKS - 1))
  .map(([a, b]) => [Math.min(a, b), Math.max(a, b)] as const);

describe("the history of the log", () => {
  test("has the root of the whole tree, before the first block, within a run and at its ends", () => {
    for (const size of [0, 1, 2, 255, 256, 257, 511, 512, 513, 1_024, BLOCKS]) {
      expect(historyOf(size).root(), `${size}`).toEqual(rootOf(size));
    }
  });

  test("proves every block and every earlier log, asking for the hashes of at most two runs", () => {
    fc.assert(
      fc.property(range, fc.nat(), ([low, high], at) => {
        const asked = new Set<number>();
        const ask = (height: number): Uint8Array => {
          asked.add(Math.floor((height - 1) / 256));
          return hashAt(height);
        };
        const rangeRoot = (from: number, to: number): Uint8Array => whole.rangeRoot(ask, from, to);
        const size = high + 1;
        const index = at % size;
        const claim = { blockHash: hashAt(index + 1), index, size, root: rootOf(size) };
        expect(verifyInclusion(sha256, claim, inclusionProof(rangeRoot, index, size))).toBe(true);
        const earlier = low + 1;
        const growth = { earlier, earlierRoot: rootOf(earlier), size, root: rootOf(size) };
        asked.clear();
        expect(verifyConsistency(sha256, growth, consistencyProof(rangeRoot, earlier, size))).toBe(true);
        expect(asked.size).toBeLessThanOrEqual(2);
      }),
      { numRuns: 60 },
    );
  });

  test("goes on from a checkpoint as if nothing had happened", () => {
    fc.assert(
      fc.property(fc.nat(BLOCKS - 1), (kept) => {
        const copy = restored(historyOf(kept));
        for (let height = kept + 1; height <= BLOCKS; height++) copy.append(hashAt(height));
        expect(copy.root()).toEqual(whole.root());
        expect(copy.rangeRoot(hashAt, 0, BLOCKS)).toEqual(whole.root());
        for (let page = 0; page < whole.pageCount(); page++) {
          expect(copy.encodePage(page)).toEqual(whole.encodePage(page));
        }
      }),
      { numRuns: 20 },
    );
  });

  test("writes its edge, and a run's page only when a run is complete", () => {
    const history = historyOf(300);
    history.markClean();
    history.append(hashAt(301));
    expect(history.dirtyPages()).toEqual([0]);
    for (let height = 302; height <= 512; height++) history.append(hashAt(height));
    expect(history.dirtyPages()).toEqual([0, 1]);
  });

  test("whose pages do not fit each other is not taken", () => {
    const history = historyOf(600);
    const copy = new History(sha256);
    copy.decodePage(0, history.encodePage(0));
    expect(() => copy.restored()).toThrow("has 2 runs, not 0");
  });

  test("says who does not know a block's hash", () => {
    const forgetful = (height: number): Uint8Array => {
      throw new Error(`block ${height} is gone`);
    };
    expect(() => whole.rangeRoot(forgetful, 0, 3)).toThrow("block 1 is gone");
    expect(whole.rangeRoot(forgetful, 256, 512)).toHaveLength(32);
  });
});
