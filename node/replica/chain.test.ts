import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry } from "../../consensus/raft/messages.ts";
import { must } from "../base/assert.ts";
import { viewOf } from "../base/bytes.ts";
import { NEWEST_RELEASE } from "../base/release.ts";
import { BLOCK_HEADER_BYTES, type Block, decodeBlock, earliestTimestamp, encodeBlock } from "../wire/block.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { GROUP } from "../wire/transaction.ts";
import { type ChainGate, chainFault, headOf } from "./chain.ts";
import { blockBehind, CLUSTER_ID, chainOf, GENESIS_HEAD, STATE, sha256 } from "./replica.test-support.ts";

const chain = chainOf(2, [[], [Uint8Array.of(1)], [Uint8Array.of(2), Uint8Array.of(3)]]);
const entries: readonly Entry[] = chain.map((data, index) => ({ index: index + 1, term: 2, data }));

const YEAR_NS = 31_557_600_000_000_000n;

function decode(bytes: Uint8Array): Block {
  return decodeBlock(sha256, bytes);
}

function gate(releaseMax = NEWEST_RELEASE): ChainGate {
  return { decode, clusterId: CLUSTER_ID, releaseMax, latest: GENESIS_HEAD.timestamp + YEAR_NS };
}

function fault(list: readonly Entry[], before = GENESIS_HEAD): string | undefined {
  return chainFault(gate(), before, list);
}

function entryOf(changes: Partial<Parameters<typeof encodeBlock>[1]>): Entry {
  const content = {
    ...{ group: GROUP, height: 1, term: 2, timestamp: earliestTimestamp(GENESIS_HEAD.timestamp, 0) },
    ...{ clusterId: CLUSTER_ID, previousHash: GENESIS_HEAD.hash, transactions: [], state: STATE },
  };
  return {
    index: 1,
    term: 2,
    data: encodeBlock(sha256, { configuration: THREE_VOTERS, ...content, ...changes }).bytes,
  };
}

/** The first entry with bytes of its header overwritten. */
function alteredEntry(change: (view: DataView) => void): Entry {
  const entry = entryOf({});
  change(viewOf(entry.data));
  return entry;
}

describe("blocks of a peer", () => {
  test("that follow each other, and what is there, are taken", () => {
    expect(fault(entries)).toBeUndefined();
    expect(fault(entries.slice(1), headOf(sha256, chain[0] as Uint8Array))).toBeUndefined();
    expect(fault([])).toBeUndefined();
  });

  test("whose predecessor is not known here are taken for themselves: Raft will not", () => {
    expect(chainFault(gate(), undefined, entries.slice(1))).toBeUndefined();
    expect(chainFault(gate(), undefined, [entries[1] as Entry, entries[0] as Entry])).toBeDefined();
  });

  test.each<[string, readonly Entry[]]>([
    ["no block at all", [{ index: 1, term: 2, data: Uint8Array.of(1, 2, 3) }]],
    ["another height", [{ ...(entries[0] as Entry), index: 2 }]],
    ["another term", [{ ...(entries[0] as Entry), term: 3 }]],
    ["another cluster", [entryOf({ clusterId: new Uint8Array(16) })]],
    ["another group", [entryOf({ group: 1 })]],
    ["another history", [entryOf({ previousHash: new Uint8Array(32) })]],
    ["a state that is not before it", [alteredEntry((view) => view.setBigUint64(128, 1n, true))]],
    ["a time that goes back", [entryOf({ timestamp: GENESIS_HEAD.timestamp })]],
    ["a time that nobody's clock shows", [entryOf({ timestamp: GENESIS_HEAD.timestamp + YEAR_NS + 1n })]],
    ["a gap", [entries[0] as Entry, entries[2] as Entry]],
    ["another history further on", [entries[0] as Entry, { ...entryOf({ height: 2 }), index: 2 }]],
  ])("refused: %s", (_what, list) => {
    expect(fault(list)).toEqual(expect.any(String));
  });

  test("of a release above what this node reads are refused with what to do about it", () => {
    const second = blockBehind(GENESIS_HEAD, { height: 1, term: 2, release: 2 });
    const list = [{ index: 1, term: 2, data: second.bytes }];
    expect(fault(list)).toBeUndefined();
    expect(chainFault(gate(1), GENESIS_HEAD, list)).toBe(
      "block 1 is of release 2, and this node reads up to release 1; its configuration holds it back: raise or remove " +
        "releaseMax there",
    );
    const later = { ...(list[0] as Entry), data: second.bytes.slice() };
    viewOf(later.data).setUint16(4, NEWEST_RELEASE + 1, true);
    expect(fault([later])).toContain(`this program knows none above ${NEWEST_RELEASE}: use a newer one`);
  });

  test("of a release below that of the block before are refused, in one frame and across two", () => {
    const second = blockBehind(GENESIS_HEAD, { height: 1, term: 2, release: 2 });
    const first = blockBehind(second.head, { height: 2, term: 2, release: 1 });
    const [before, after] = [second, first].map(({ bytes: data }, at): Entry => ({ index: at + 1, term: 2, data }));
    expect(fault([before as Entry, after as Entry])).toBe("block 2 is of release 1, after release 2");
    expect(fault([after as Entry], headOf(sha256, second.bytes))).toBe("block 2 is of release 1, after release 2");
  });

  test("with any bit flipped are refused", () => {
    const { bytes } = blockBehind(GENESIS_HEAD, { height: 1, term: 2, transactions: [Uint8Array.of(5, 6, 7)] });
    fc.assert(
      fc.property(fc.nat(bytes.length * 8 - 1), (bit) => {
        const data = bytes.slice();
        const at = Math.floor(bit / 8);
        const before = must(bytes[at], "the bit is in the block");
        const after = before ^ (1 << (bit % 8));
        data[at] = after;
        const refused = fault([{ index: 1, term: 2, data }]) !== undefined;
        // Only a later time, a later release or another state digest makes another good block: a leader may say what time it
        // is and which release all read, and only those who execute the log know its digests.
        const laterTime = at >= 32 && at < 40 && after > before;
        const otherDigest = at >= 136 && at < BLOCK_HEADER_BYTES;
        const laterRelease = at === 4 && after > before && after <= NEWEST_RELEASE;
        expect(refused || laterTime || laterRelease || otherDigest).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});
