/** A planted bug's failing seed becomes a small plan that fails for the same reason, however often it is done. */
import { describe, expect, test } from "vitest";
import { decodePlan, encodePlan } from "../plan-file.ts";
import { runPlan, runSeed, type SeedResult } from "../run.ts";
import { Shrinking } from "./shrink.ts";

const RUNS_MAX = 60;

function shrink(failed: SeedResult): { readonly best: SeedResult; readonly runs: number } {
  const shrinking = new Shrinking(failed);
  const search = shrinking.search();
  let runs = 0;
  for (let step = search.next(); step.done !== true && runs < RUNS_MAX; runs++) {
    const { plan, stage: _stage, ...bound } = step.value;
    step = search.next(runPlan(plan, bound));
  }
  return { best: shrinking.best, runs };
}

describe("shrinking", () => {
  const failed = runSeed(6, { mutant: "readByDeposedLeader" });
  const once = shrink(failed);

  test("a failed run gets small, and the rule that it breaks and the bug's part in it stay", () => {
    const { best } = once;
    expect(failed.failed).toBeDefined();
    expect(failed.plan.faults.length).toBeGreaterThan(10);
    expect(best.plan.faults.length).toBeLessThanOrEqual(10);
    expect(best.failed?.checker).toBe(failed.failed?.checker);
    const kept = decodePlan(encodePlan(best.plan));
    expect(runPlan(kept)).toEqual(best);
    const { mutant, ...without } = kept;
    expect(mutant).toBe("readByDeposedLeader");
    expect(runPlan(without).failed).toBeUndefined();
  });

  test("is done in the same way each time", () => {
    expect(shrink(failed)).toEqual(once);
  });

  test("from five nodes it comes to three, and the faults that are left name no other", () => {
    const five = runSeed(32, { mutant: "commitOfOlderTerm" });
    expect(five.plan.options.nodes).toBe(5);
    const { plan } = shrink(five).best;
    expect(plan.options.nodes).toBe(3);
    expect(decodePlan(encodePlan(plan))).toEqual(plan);
  });
});
