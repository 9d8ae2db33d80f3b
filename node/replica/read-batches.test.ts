import { describe, expect, test } from "vitest";
import type { Question } from "../messages/consensus.ts";
import { ReadBatches } from "./read-batches.ts";

const question = (token: number): Question => ({
  kind: "admission",
  token,
  connection: 1,
  transaction: new Uint8Array(0),
});

describe("questions that wait for a read index", () => {
  test("all of one turn share a read, later ones have another", () => {
    const reads = new ReadBatches();
    reads.add(question(1));
    reads.add(question(2));
    const [first] = reads.seal(10, 5);
    reads.add(question(3));
    const [second] = reads.seal(11, 5);
    expect(reads.waiting).toBe(2);
    expect(reads.take(second?.request ?? 0)?.questions).toEqual([question(3)]);
    expect(reads.take(first?.request ?? 0)).toMatchObject({ questions: [question(1), question(2)], askedAtMs: 5 });
    expect(reads.waiting).toBe(0);
  });

  test("those for whom a lease will do are asked for by themselves", () => {
    const reads = new ReadBatches();
    reads.add(question(1), true);
    reads.add(question(2));
    reads.add(question(3), true);
    const [strict, leased] = reads.seal(10, 5);
    expect([strict?.lease, leased?.lease]).toEqual([false, true]);
    expect(reads.take(strict?.request ?? 0)).toMatchObject({ questions: [question(2)], lease: false });
    expect(reads.take(leased?.request ?? 0)).toMatchObject({ questions: [question(1), question(3)], lease: true });
  });

  test("nothing is asked when nobody asks", () => {
    expect(new ReadBatches().seal(1, 5)).toEqual([]);
  });

  test("what is forgotten is in no batch any more; the read goes on, for it says how fresh the state is", () => {
    const reads = new ReadBatches();
    for (const token of [1, 2]) reads.add(question(token));
    const [asked] = reads.seal(10, 5);
    for (const token of [3, 4]) reads.add(question(token));
    reads.forget(new Set([1, 2, 3]));
    expect(reads.take(asked?.request ?? 0)).toMatchObject({ questions: [], askedAtMs: 5 });
    reads.seal(12, 5);
    expect(reads.takeOverdue(12)).toEqual([question(4)]);
  });

  test("what waits past its time is refused once, and a late answer finds nobody", () => {
    const reads = new ReadBatches();
    reads.add(question(1));
    const [asked] = reads.seal(10, 5);
    reads.add(question(2));
    reads.seal(12, 5);
    expect(reads.takeOverdue(9)).toEqual([]);
    expect(reads.takeOverdue(10)).toEqual([question(1)]);
    expect(reads.takeOverdue(11)).toEqual([]);
    expect(reads.take(asked?.request ?? 0)).toBeUndefined();
    expect(reads.takeOverdue(99)).toEqual([question(2)]);
    expect(reads.waiting).toBe(0);
  });
});
