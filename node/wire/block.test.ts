import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { InvariantError } from "../base/assert.ts";
import { toHex, U64_MAX, viewOf } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import { BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX, EVENT_SLOTS_PER_TRANSACTION, NODE_ID_MAX } from "../base/limits.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../base/release.ts";
import {
  BLOCK_HEADER_BYTES,
  type BlockContent,
  blockHash,
  decodeBlock,
  decodeBlockHeader,
  earliestTimestamp,
  encodeBlock,
  housekeepingTimestamp,
  releaseOf,
  transactionTimestamp,
} from "./block.ts";
import { describeHostileBytes, refusalOf } from "./hostile.contract.ts";
import { leafHash } from "./merkle.ts";

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const configurations: fc.Arbitrary<Configuration> = fc
  .uniqueArray(fc.tuple(fc.integer({ min: 1, max: 255 }), fc.constantFrom(1, 2, 3, 4, 6)), {
    ...{ minLength: 1, maxLength: 20, selector: ([id]) => id },
  })
  .map((members) => {
    const having = (bit: number): number[] => members.flatMap(([id, roles]) => ((roles & bit) === 0 ? [] : [id]));
    const sorted = (ids: number[]): number[] => ids.toSorted((a, b) => a - b);
    return { voters: sorted(having(1)), outgoing: sorted(having(2)), learners: sorted(having(4)) };
  })
  .filter(({ voters }) => voters.length > 0);
const contents: fc.Arbitrary<BlockContent> = fc
  .record({
    release: fc.constantFrom(FIRST_RELEASE, NEWEST_RELEASE),
    builder: fc.integer({ min: 0, max: NODE_ID_MAX }),
    group: fc.integer({ min: 0, max: 0xffff_ffff }),
    height: fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
    term: fc.maxSafeNat(),
    timestamp: fc.bigInt({ min: 0n, max: U64_MAX }),
    clusterId: fixed(16),
    previousHash: fixed(32),
    state: fc.record({ height: fc.maxSafeNat(), digest: fixed(32) }),
    configuration: configurations,
    transactions: fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
  })
  .map((content) => ({ ...content, state: { ...content.state, height: content.state.height % content.height } }));
const EXAMPLE: BlockContent = {
  ...{ group: 0, height: 5, term: 3, timestamp: 1_750_000_000_000_000_000n },
  clusterId: new Uint8Array(16).fill(0xc1),
  previousHash: new Uint8Array(32).fill(0xab),
  state: { height: 4, digest: new Uint8Array(32).fill(0xd1) },
  configuration: { voters: [1, 3], outgoing: [1, 2], learners: [7] },
  transactions: [new Uint8Array([1, 2, 3]), new Uint8Array(0), new Uint8Array(40).fill(9)],
};
const decode = (bytes: Uint8Array) => decodeBlock(sha256, bytes);
const encoded = (content: Partial<BlockContent>): Uint8Array => encodeBlock(sha256, { ...EXAMPLE, ...content }).bytes;

/** An example with bytes of its header overwritten. */
function altered(change: (view: DataView) => void, content: Partial<BlockContent> = {}): Uint8Array {
  const bytes = encoded(content);
  change(viewOf(bytes));
  return bytes;
}

describe("block", () => {
  test("comes back with its hash, leaves and root", () => {
    fc.assert(
      fc.property(contents, (content) => {
        const { bytes, hash } = encodeBlock(sha256, content);
        const block = decode(bytes);
        const { transactions, builder, ...links } = content;
        expect(block.header).toEqual({
          ...links,
          builder: content.release === FIRST_RELEASE ? 0 : builder,
          transactionCount: transactions.length,
          bodyBytes: transactions.reduce((sum, { length }) => sum + 4 + length, 0),
          transactionRoot: block.tree.root,
        });
        expect(block.transactions).toEqual(transactions);
        expect(block.tree.leaves).toEqual(transactions.map((transaction) => leafHash(sha256, transaction)));
        expect([toHex(block.hash), toHex(blockHash(sha256, bytes))]).toEqual([toHex(hash), toHex(hash)]);
        expect(block.headerBytes).toEqual(bytes.slice(0, BLOCK_HEADER_BYTES));
        expect(decodeBlockHeader(bytes)).toEqual(block.header);
      }),
    );
  });

  test("has its fields where the layout says", () => {
    const bytes = Buffer.from(encoded({ group: 7 }));
    expect(bytes.subarray(0, 4).toString("latin1")).toBe("QBLK");
    expect([bytes.readUInt16LE(4), bytes.readUInt16LE(6), bytes.readUInt32LE(8)]).toEqual([1, 0, 7]);
    expect([bytes.readUInt32LE(12), bytes.readUInt32LE(56), bytes.readUInt32LE(60)]).toEqual([3, 3 * 4 + 43, 0]);
    const wide = [16, 24, 32].map((offset) => bytes.readBigUInt64LE(offset));
    expect(wide).toEqual([5n, 3n, EXAMPLE.timestamp]);
    expect([bytes.toString("hex", 40, 56), bytes.toString("hex", 64, 96)]).toEqual(["c1".repeat(16), "ab".repeat(32)]);
    expect([bytes.readBigUInt64LE(128), bytes.toString("hex", 136, 168)]).toEqual([4n, "d1".repeat(32)]);
    expect(bytes.toString("hex", 168, 208)).toBe(`0103020203010704${"00".repeat(32)}`);
    expect([bytes.readUInt32LE(208), bytes.toString("hex", 212, 215)]).toEqual([3, "010203"]);
  });

  test("every bit is bound: flip one, and the block is refused or has another hash", () => {
    const { bytes, hash } = encodeBlock(sha256, EXAMPLE);
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const bent = bytes.slice();
      bent[bit >>> 3] = (bent[bit >>> 3] as number) ^ (1 << (bit & 7));
      const refusal = refusalOf(decode, bent);
      if (refusal !== undefined) expect(refusal).toBe("malformed_block");
      else expect(toHex(decode(bent).hash)).not.toBe(toHex(hash));
      // Of the body nothing may pass, and of the header neither magic, a release that is not known, lengths, reserved bytes nor root.
      const offset = bit >>> 3;
      const free =
        (offset === 4 && releaseOf(bent) > FIRST_RELEASE && releaseOf(bent) <= NEWEST_RELEASE) ||
        (offset >= 8 && offset < 12) ||
        (offset >= 16 && offset < 56) ||
        (offset >= 64 && offset < 96) ||
        (offset >= 128 && offset < 208);
      if (!free) expect([offset, refusal]).toEqual([offset, "malformed_block"]);
    }
  });

  test.each<readonly [string, Uint8Array]>([
    ["nothing", new Uint8Array(0)],
    ["a header that is cut", encoded({}).subarray(0, BLOCK_HEADER_BYTES - 1)],
    ["another magic", altered((view) => view.setUint8(0, 0))],
    ["no release", altered((view) => view.setUint16(4, 0, true))],
    ["a release that is not known", altered((view) => view.setUint16(4, NEWEST_RELEASE + 1, true))],
    ["a builder that there is not", altered((view) => view.setUint16(6, NODE_ID_MAX + 1, true), { release: 2 })],
    ["reserved bytes that are not zero", altered((view) => view.setUint8(6, 1))],
    ["a height that is not exact", altered((view) => view.setBigUint64(16, 2n ** 53n, true))],
    ["a state's height that is not exact", altered((view) => view.setBigUint64(128, 2n ** 53n, true))],
    ["a term that is not exact", altered((view) => view.setBigUint64(24, U64_MAX, true))],
    ["no members", altered((view) => view.setBigUint64(168, 0n))],
    ["members that do not ascend", altered((view) => view.setUint8(170, 1))],
    ["a member without a role", altered((view) => view.setUint8(169, 0))],
    ["a member with a role that there is not", altered((view) => view.setUint8(169, 9))],
    ["a member that is voter and learner", altered((view) => view.setUint8(169, 5))],
    [
      "no voter",
      altered((view) => {
        for (const at of [169, 173]) view.setUint8(at, 2);
      }),
    ],
    ["a member behind the last", altered((view) => view.setUint8(190, 9))],
    ["a transaction more than there is", altered((view) => view.setUint32(12, 4, true))],
    ["a transaction fewer than there is", altered((view) => view.setUint32(12, 2, true))],
    ["four thousand million transactions", altered((view) => view.setUint32(12, 0xffff_ffff, true))],
    ["another length than there is", altered((view) => view.setUint32(56, 54, true))],
    ["a transaction that reaches beyond the end", altered((view) => view.setUint32(208, 44, true))],
    ["a transaction of four thousand million bytes", altered((view) => view.setUint32(208, 0xffff_ffff, true))],
    [
      "too many transactions",
      encoded({ transactions: Array.from({ length: BLOCK_TRANSACTIONS_MAX + 1 }, () => new Uint8Array(0)) }),
    ],
    ["too many bytes", encoded({ transactions: [new Uint8Array(BLOCK_BYTES_MAX - 3)] })],
  ])("%s is refused", (_name, bytes) => {
    expect(refusalOf(decode, bytes)).toBe("malformed_block");
  });

  test("a release that is not known is said, and what to do about it", () => {
    const later = altered((view) => view.setUint16(4, NEWEST_RELEASE + 1, true));
    expect(releaseOf(later)).toBe(NEWEST_RELEASE + 1);
    const said = `release ${NEWEST_RELEASE + 1}, and this node reads up to release ${NEWEST_RELEASE}; this program knows`;
    expect(() => decodeBlockHeader(later)).toThrow(said);
  });

  test("from release 2 on a block says who built it; in release 1 those bytes are zero, whoever it was", () => {
    const [first, second] = [1, 2].map((release) => encoded({ release, builder: 3 }));
    expect([first, second].map((bytes) => toHex((bytes as Uint8Array).subarray(4, 8)))).toEqual([
      "01000000",
      "02000300",
    ]);
    expect(toHex((first as Uint8Array).subarray(8))).toBe(toHex((second as Uint8Array).subarray(8)));
    expect(encoded({})).toEqual(first);
    expect(decodeBlockHeader(second as Uint8Array)).toMatchObject({ release: 2, builder: 3 });
  });

  test("the largest blocks that may be are taken", () => {
    const many = Array.from({ length: BLOCK_TRANSACTIONS_MAX }, () => new Uint8Array(0));
    for (const transactions of [many, [new Uint8Array(BLOCK_BYTES_MAX - 4)], []]) {
      expect(decode(encoded({ transactions })).transactions).toHaveLength(transactions.length);
    }
  });

  test("a block with links of other lengths, a time that does not fit or a state of its own future is never built", () => {
    for (const wrong of [
      { clusterId: new Uint8Array(17) },
      { previousHash: new Uint8Array(31) },
      { timestamp: -1n },
      { release: NEWEST_RELEASE + 1 },
      { release: 2, builder: NODE_ID_MAX + 1 },
      { state: { ...EXAMPLE.state, height: EXAMPLE.height } },
    ]) {
      expect(() => encoded(wrong)).toThrow(InvariantError);
    }
  });
});

describe("log time", () => {
  test("every event of a block has a slot of its own, behind the block before, in order", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 62n }), fc.integer({ min: 0, max: 30 }), (previous, count) => {
        const timestamp = earliestTimestamp(previous, count);
        const transactions = Array.from({ length: count }, () => new Uint8Array(1));
        const { header } = decode(encoded({ timestamp, transactions }));
        const ends = [
          housekeepingTimestamp(header),
          ...transactions.map((_, index) => transactionTimestamp(header, index)),
        ];
        let earlier = previous;
        for (const end of ends) {
          expect(end - earlier).toBe(BigInt(EVENT_SLOTS_PER_TRANSACTION));
          earlier = end;
        }
        expect(earlier).toBe(timestamp);
      }),
    );
  });
});

describeHostileBytes("blocks", {
  valid: [encoded({}), encoded({ transactions: [] }), encoded({ release: 2, builder: 255 })],
  decode,
  encode: ({ header, transactions }) => encodeBlock(sha256, { ...header, transactions }).bytes,
  codes: ["malformed_block"],
});
