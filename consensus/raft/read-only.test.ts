import { describe, expect, test } from "vitest";
import { votersUpTo } from "./configurations.test-support.ts";
import { ForwardedReads } from "./forwarded-reads.ts";
import { ReadOnly, type ReadRequest } from "./read-only.ts";

/** The leader is node 1. */
const VOTERS = votersUpTo(5);

/** A voter answers a round; returns what that releases. */
function answered(reads: ReadOnly, from: number, sequence: number, configuration = VOTERS): readonly object[] {
  reads.answered(from, sequence);
  return reads.takeConfirmed(configuration);
}

const read = (requestId: number, from = 1): ReadRequest => ({ from, requestId, lease: false });

describe("rounds of reads (dissertation §6.4)", () => {
  test("reads that come before the heartbeats leave share a round, later ones begin another", () => {
    const reads = new ReadOnly(1);
    expect([reads.add(read(1), 5), reads.add(read(2), 5), reads.sequence]).toEqual([true, false, 1]);
    reads.leave();
    expect([reads.add(read(3), 6), reads.sequence, reads.count]).toEqual([true, 2, 3]);
  });

  test("a quorum's answers release the reads of their round and of those before, and none after", () => {
    const reads = new ReadOnly(1);
    reads.add(read(1), 5);
    reads.leave();
    reads.add(read(2), 6);
    reads.leave();
    expect(answered(reads, 2, 1)).toEqual([]);
    expect(answered(reads, 3, 2)).toMatchObject([{ requestId: 1, index: 5 }]);
    expect(answered(reads, 4, 1)).toEqual([]);
    expect(answered(reads, 2, 2)).toMatchObject([{ requestId: 2, index: 6 }]);
    expect(reads.count).toBe(0);
  });

  test("a repeated answer is one answer, and a late one takes nothing back", () => {
    const reads = new ReadOnly(1);
    reads.add(read(1), 5);
    reads.leave();
    reads.add(read(2), 5);
    reads.leave();
    for (const sequence of [2, 2, 1]) expect(answered(reads, 3, sequence)).toEqual([]);
    expect(answered(reads, 4, 2)).toHaveLength(2);
  });

  test("a joint configuration needs both majorities, a leader without a say only others, and learners have none", () => {
    const waiting = (): ReadOnly => {
      const reads = new ReadOnly(1);
      reads.add(read(1), 5);
      return reads;
    };
    const joint = { voters: [3, 4, 5], outgoing: [1, 2, 3], learners: [6] };
    let reads = waiting();
    expect([6, 2, 4].flatMap((from) => answered(reads, from, 1, joint))).toEqual([]);
    expect(answered(reads, 3, 1, joint)).toMatchObject([{ requestId: 1 }]);
    reads = waiting();
    const others = { voters: [2, 3], outgoing: [], learners: [] };
    expect(answered(reads, 2, 1, others)).toEqual([]);
    expect(answered(reads, 3, 1, others)).toMatchObject([{ requestId: 1 }]);
    expect(waiting().takeConfirmed({ voters: [1], outgoing: [], learners: [2, 3] })).toHaveLength(1);
  });

  test("heartbeats that no read waits for have a round of their own, and the newest that a quorum has answered is known", () => {
    const reads = new ReadOnly(1);
    expect([reads.leave(), reads.leave(), reads.confirmed]).toEqual([1, 2, 0]);
    reads.add(read(1), 5);
    expect(reads.leave()).toBe(3);
    answered(reads, 2, 2, votersUpTo(3));
    expect(reads.confirmed).toBe(2);
    expect(answered(reads, 3, 3, votersUpTo(3))).toHaveLength(1);
    expect(reads.confirmed).toBe(3);
  });

  test("a round that nobody has begun cannot be answered", () => {
    expect(() => new ReadOnly(1).answered(2, 1)).toThrow("only rounds that were begun are answered");
  });

  test("reads that are held count, and are drained with the others", () => {
    const reads = new ReadOnly(1);
    reads.hold(read(1));
    reads.add(read(2, 3), 7);
    expect(reads.count).toBe(2);
    expect(reads.drain()).toMatchObject([read(2, 3), read(1)]);
    expect([reads.count, reads.takeHeld()]).toEqual([0, []]);
  });
});

describe("forwarded reads", () => {
  test("have names of their own, which are answered once", () => {
    const reads = new ForwardedReads(8, () => 3);
    const names = [reads.add(7), reads.add(7)];
    expect(new Set(names).size).toBe(2);
    expect([reads.take(names[1] as number), reads.take(names[1] as number)]).toEqual([7, undefined]);
    expect(reads.drain()).toEqual([7]);
    expect(reads.take(names[0] as number)).toBeUndefined();
  });

  test("names of a node's life before are not known in the next", () => {
    const before = new ForwardedReads(8, () => 3).add(1);
    const after = new ForwardedReads(8, () => 4);
    after.add(1);
    expect(after.take(before)).toBeUndefined();
  });

  test("the oldest makes room", () => {
    const reads = new ForwardedReads(2, () => 0);
    reads.add(1);
    expect(reads.isFull).toBe(false);
    reads.add(2);
    expect([reads.isFull, reads.takeOldest(), reads.isFull, reads.drain()]).toEqual([true, 1, false, [2]]);
  });
});
