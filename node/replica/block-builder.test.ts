import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  BLOCK_BYTES_MAX,
  BLOCK_TRANSACTIONS_MAX,
  EVENT_SLOTS_PER_TRANSACTION,
  PROPOSAL_QUEUE_BYTES_MAX,
  TRANSACTION_BYTES_MAX,
} from "../base/limits.ts";
import type { Perturb } from "../base/ports/perturb.ts";
import { type Block, decodeBlock } from "../wire/block.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { TransactionHashes } from "../wire/transaction-hashes.ts";
import { BlockBuilder } from "./block-builder.ts";
import { headOf } from "./chain.ts";
import { CLUSTER_ID, chainOf, GENESIS_HEAD, STATE, sha256, TestClock } from "./replica.test-support.ts";

function builder(clock = new TestClock()): BlockBuilder {
  const blocks = new BlockBuilder({
    node: 3,
    clock,
    sha256,
    hashes: new TransactionHashes(sha256),
    clusterId: CLUSTER_ID,
  });
  blocks.lead(GENESIS_HEAD);
  return blocks;
}

function build(blocks: BlockBuilder, height: number): Block {
  return decodeBlock(sha256, blocks.build({ height, term: 1, state: STATE, configuration: THREE_VOTERS }).bytes);
}

describe("blocks", () => {
  test("a lone transaction gets a block at once", () => {
    const blocks = builder();
    blocks.offer(Uint8Array.of(7));
    const { header, transactions } = build(blocks, 1);
    expect(transactions).toEqual([Uint8Array.of(7)]);
    expect(header).toMatchObject({
      state: STATE,
      height: 1,
      term: 1,
      clusterId: CLUSTER_ID,
      previousHash: GENESIS_HEAD.hash,
    });
    expect(blocks.waiting).toBe(0);
  });

  test("come with what their bytes say, so that nobody must look again", () => {
    const blocks = builder();
    for (const byte of [3, 1, 2]) blocks.offer(Uint8Array.of(byte));
    const { bytes, ...block } = blocks.build({ height: 1, term: 1, state: STATE, configuration: THREE_VOTERS });
    expect(block).toEqual(decodeBlock(sha256, bytes));
  });

  test("what waits together shares a block, in the order it came", () => {
    const blocks = builder();
    for (const byte of [3, 1, 2]) blocks.offer(Uint8Array.of(byte));
    expect(build(blocks, 1).transactions.map(([byte]) => byte)).toEqual([3, 1, 2]);
  });

  test("have one transaction each where the simulator wants it so, and no other order", () => {
    const perturb: Perturb = (place) => place === "blockOfOne";
    const hashes = new TransactionHashes(sha256);
    const blocks = new BlockBuilder({
      node: 3,
      clock: new TestClock(),
      sha256,
      hashes,
      clusterId: CLUSTER_ID,
      perturb,
    });
    blocks.lead(GENESIS_HEAD);
    for (const byte of [3, 1, 2]) blocks.offer(Uint8Array.of(byte));
    const built = [1, 2, 3].map((height) => build(blocks, height));
    expect(built.map(({ transactions }) => transactions)).toEqual([3, 1, 2].map((byte) => [Uint8Array.of(byte)]));
    expect(blocks.waiting).toBe(0);
  });

  test("each is chained to the one before, an empty one too", () => {
    const blocks = builder();
    const first = build(blocks, 1);
    const second = build(blocks, 2);
    expect(second.header.previousHash).toEqual(first.hash);
    expect(second.transactions).toEqual([]);
  });

  test("a new leader goes on behind the last block of its log", () => {
    const [last] = chainOf(1, [[]]);
    const blocks = new BlockBuilder({
      node: 3,
      clock: new TestClock(),
      sha256,
      hashes: new TransactionHashes(sha256),
      clusterId: CLUSTER_ID,
    });
    blocks.lead(headOf(sha256, last as Uint8Array));
    expect(build(blocks, 2).header.previousHash).toEqual(decodeBlock(sha256, last as Uint8Array).hash);
  });

  test("have the release of the one before until it is raised, name who built them, and never fall back", () => {
    const blocks = builder();
    const place = { term: 1, state: STATE, configuration: THREE_VOTERS };
    const built = [undefined, 2, undefined].map((release, index) => {
      return blocks.build({ ...place, height: index + 1, release }).header;
    });
    expect(built.map(({ release, builder: by }) => [release, by])).toEqual([
      [1, 0],
      [2, 3],
      [2, 3],
    ]);
    expect(blocks.release).toBe(2);
    expect(() => blocks.build({ ...place, height: 4, release: 1 })).toThrow("does not follow");
  });

  test("only a leader builds", () => {
    const blocks = builder();
    blocks.follow();
    expect(() => blocks.build({ height: 1, term: 1, state: STATE, configuration: THREE_VOTERS })).toThrow(
      "only a leader builds blocks",
    );
  });

  test("a leader that stops hands back what it has not ordered, and has room again", () => {
    const blocks = builder();
    const large = new Uint8Array(TRANSACTION_BYTES_MAX);
    while (blocks.offer(large));
    const left = blocks.follow();
    expect(left.length).toBe(Math.floor(PROPOSAL_QUEUE_BYTES_MAX / TRANSACTION_BYTES_MAX));
    expect([blocks.waiting, blocks.offer(large), blocks.follow().length]).toEqual([0, true, 1]);
  });
});

describe("bounds", () => {
  test("a block has so many transactions and no more", () => {
    const blocks = builder();
    for (let i = 0; i < BLOCK_TRANSACTIONS_MAX + 2; i++) blocks.offer(Uint8Array.of(1));
    expect(build(blocks, 1).transactions.length).toBe(BLOCK_TRANSACTIONS_MAX);
    expect(build(blocks, 2).transactions.length).toBe(2);
  });

  test("a block has so many bytes and no more, but any one transaction fits", () => {
    const size = fc.oneof(fc.integer({ min: 1, max: 2_000 }), fc.integer({ min: 1, max: TRANSACTION_BYTES_MAX }));
    fc.assert(
      fc.property(fc.array(size, { minLength: 1, maxLength: 8 }), (sizes) => {
        const blocks = builder();
        for (const bytes of sizes) blocks.offer(new Uint8Array(bytes));
        const built: number[] = [];
        for (let height = 1; blocks.waiting > 0; height++) {
          const { header, transactions } = build(blocks, height);
          const next = sizes[built.length + transactions.length];
          expect(header.bodyBytes).toBeLessThanOrEqual(BLOCK_BYTES_MAX);
          expect(transactions.length).toBeGreaterThan(0);
          // The next one did not fit.
          if (next !== undefined) expect(header.bodyBytes + 4 + next).toBeGreaterThan(BLOCK_BYTES_MAX);
          built.push(...transactions.map(({ length }) => length));
        }
        expect(built).toEqual(sizes);
      }),
      { numRuns: 15 },
    );
  });

  test("the queue refuses what is too much, and takes it when there is room again", () => {
    const blocks = builder();
    const large = new Uint8Array(TRANSACTION_BYTES_MAX);
    while (blocks.offer(large));
    const waiting = blocks.waiting;
    expect(waiting * large.length).toBeLessThanOrEqual(PROPOSAL_QUEUE_BYTES_MAX);
    expect([blocks.offer(large), blocks.waiting]).toEqual([false, waiting]);
    build(blocks, 1);
    expect(blocks.offer(large)).toBe(true);
  });
});

describe("log time", () => {
  test("is the leader's clock", () => {
    const clock = new TestClock();
    clock.now += 5_000;
    expect(build(builder(clock), 1).header.timestamp).toBe(BigInt(clock.now) * 1_000_000n);
  });

  test("always rises and leaves room for every event, wherever the clock jumps", () => {
    const steps = fc.array(fc.tuple(fc.integer({ min: -100_000, max: 100_000 }), fc.nat(20)), { maxLength: 30 });
    fc.assert(
      fc.property(steps, (run) => {
        const clock = new TestClock();
        const blocks = builder(clock);
        let before = GENESIS_HEAD.timestamp;
        run.forEach(([jump, count], index) => {
          clock.now += jump;
          for (let i = 0; i < count; i++) blocks.offer(Uint8Array.of(i));
          const { timestamp } = build(blocks, index + 1).header;
          expect(timestamp - before).toBeGreaterThanOrEqual(BigInt((count + 1) * EVENT_SLOTS_PER_TRANSACTION));
          before = timestamp;
        });
      }),
      { numRuns: 50 },
    );
  });
});
