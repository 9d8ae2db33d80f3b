import { describe, expect, test } from "vitest";
import { ForwardedReads } from "./forwarded-reads.ts";
import { ReadOnly, type ReadRequest } from "./read-only.ts";

const read = (requestId: number, from = 1): ReadRequest => ({ from, requestId, lease: false });

describe("rounds of reads (dissertation §6.4)", () => {
  test("reads that come before the heartbeats leave share a round, later ones begin another", () => {
    const reads = new ReadOnly([2, 3]);
    expect([reads.add(read(1), 5), reads.add(read(2), 5), reads.sequence]).toEqual([true, false, 1]);
    reads.leave();
    expect([reads.add(read(3), 6), reads.sequence, reads.count]).toEqual([true, 2, 3]);
  });

  test("a quorum's answers release the reads of their round and of those before, and none after", () => {
    const reads = new ReadOnly([2, 3, 4, 5]);
    reads.add(read(1), 5);
    reads.leave();
    reads.add(read(2), 6);
    reads.leave();
    expect(reads.answered(2, 1)).toEqual([]);
    expect(reads.answered(3, 2)).toMatchObject([{ requestId: 1, index: 5 }]);
    expect(reads.answered(4, 1)).toEqual([]);
    expect(reads.answered(2, 2)).toMatchObject([{ requestId: 2, index: 6 }]);
    expect(reads.count).toBe(0);
  });

  test("a repeated answer is one answer, and a late one takes nothing back", () => {
    const reads = new ReadOnly([2, 3, 4, 5]);
    reads.add(read(1), 5);
    reads.leave();
    reads.add(read(2), 5);
    reads.leave();
    for (const sequence of [2, 2, 1]) expect(reads.answered(3, sequence)).toEqual([]);
    expect(reads.answered(4, 2)).toHaveLength(2);
  });

  test("heartbeats that no read waits for have a round of their own, and the newest that a quorum has answered is known", () => {
    const reads = new ReadOnly([2, 3]);
    expect([reads.leave(), reads.leave(), reads.confirmed]).toEqual([1, 2, 0]);
    reads.add(read(1), 5);
    expect(reads.leave()).toBe(3);
    reads.answered(2, 2);
    expect(reads.confirmed).toBe(2);
    expect(reads.answered(3, 3)).toHaveLength(1);
    expect(reads.confirmed).toBe(3);
  });

  test("a round that nobody has begun cannot be answered", () => {
    expect(() => new ReadOnly([2, 3]).answered(2, 1)).toThrow("only rounds that were begun are answered");
  });

  test("reads that are held count, and are drained with the others", () => {
    const reads = new ReadOnly([2, 3]);
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
