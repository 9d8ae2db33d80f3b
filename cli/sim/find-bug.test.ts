import { setImmediate } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import { type Job, type Planted, runSeed, type SeedResult } from "../../sim/run.ts";
import { BugSearch } from "./find-bug.ts";
import { runHere } from "./pool.ts";

const MUTANT = "receiptOfAnotherPast";
const NEVER = new AbortController().signal;
const RESULT = runSeed(1, { mutant: MUTANT });
const { failed: _, ...CLEAN } = RESULT;

/** A product that is broken at some seeds, and a planted bug that others show; counts the runs without it. */
function searchOf(broken: readonly number[], showing: readonly number[]) {
  const cleanRuns: number[] = [];
  const run = async (job: Job): Promise<SeedResult> => {
    const { seed, mutant } = "plan" in job ? job.plan : job;
    if (mutant === undefined) cleanRuns.push(seed);
    await setImmediate();
    if (broken.includes(seed)) return { ...RESULT, failed: { checker: "durability", message: "", atMs: 1, step: 1 } };
    return mutant !== undefined && showing.includes(seed) ? RESULT : CLEAN;
  };
  const search = new BugSearch();
  const find = (mutant: Planted, seedsMax = 9, stopped = false) =>
    search.find(mutant, { seedsMax, run, at: () => undefined, stop: stopped ? AbortSignal.abort() : NEVER });
  return { search, find, cleanRuns };
}

describe("looking for a planted bug", () => {
  test("a seed that fails without it does not count, and is told", async () => {
    const { search, find } = searchOf([2, 4], [3, 5]);
    expect(await find(MUTANT)).toEqual({ seed: 3, failed: RESULT });
    expect(search.unclean).toEqual([{ seed: 2, checker: "durability" }]);
  });

  test("where only such seeds fail, it is not found", async () => {
    const { search, find } = searchOf([2, 4], []);
    expect(await find(MUTANT)).toBeUndefined();
    expect(search.unclean.map(({ seed }) => seed)).toEqual([2, 4]);
  });

  test("each seed is run without a bug once, whatever many bugs it shows", async () => {
    const { find, cleanRuns } = searchOf([1], [2]);
    await Promise.all([find(MUTANT), find("preVoteSkipped")]);
    await find("readByFollower");
    expect(cleanRuns).toEqual([1, 2]);
  });

  test("a search that is stopped finds nothing", async () => {
    expect(await searchOf([], [1]).find(MUTANT, 9, true)).toBeUndefined();
  });

  test("what is found fails as the bug has it", async () => {
    const found = await new BugSearch().find(MUTANT, {
      seedsMax: 1,
      run: runHere,
      at: () => undefined,
      stop: NEVER,
    });
    expect(found?.failed.failed?.checker).toBe("receipts");
  });
});
