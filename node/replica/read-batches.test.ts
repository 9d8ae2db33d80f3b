import { describe, expect, test } from "vitest";
import type { Question } from "../messages/consensus.ts";
import { ReadBatches } from "./read-batches.ts";

const question = (token: number): Question => ({ kind: "admission", token, transaction: new Uint8Array(0) });

describe("questions that wait for a read index", () => {
  test("all of one turn share a read, later ones have another", () => {
    const reads = new ReadBatches();
    reads.add(question(1));
    reads.add(question(2));
    const first = reads.seal(10, 5) as number;
    reads.add(question(3));
    const second = reads.seal(11, 5) as number;
    expect(reads.waiting).toBe(2);
    expect(reads.take(second)?.questions).toEqual([question(3)]);
    expect(reads.take(first)).toMatchObject({ questions: [question(1), question(2)], askedAtMs: 5 });
    expect(reads.waiting).toBe(0);
  });

  test("nothing is asked when nobody asks", () => {
    expect(new ReadBatches().seal(1, 5)).toBeUndefined();
  });

  test("what waits past its time is refused once, and a late answer finds nobody", () => {
    const reads = new ReadBatches();
    reads.add(question(1));
    const request = reads.seal(10, 5) as number;
    reads.add(question(2));
    reads.seal(12, 5);
    expect(reads.takeOverdue(9)).toEqual([]);
    expect(reads.takeOverdue(10)).toEqual([question(1)]);
    expect(reads.takeOverdue(11)).toEqual([]);
    expect(reads.take(request)).toBeUndefined();
    expect(reads.takeOverdue(99)).toEqual([question(2)]);
    expect(reads.waiting).toBe(0);
  });
});
