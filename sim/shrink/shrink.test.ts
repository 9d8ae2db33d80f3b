/** Shrinking runs that are made up: what they need to fail is known, so what must be left is known, too. */
import { describe, expect, test } from "vitest";
import { CALM, trueClocks } from "../calm-options.ts";
import type { TimedFault } from "../fault/plan.ts";
import type { RunPlan, SeedResult } from "../run.ts";
import { Shrinking } from "./shrink.ts";

const TURNS = 500;
const FAULTS: readonly TimedFault[] = Array.from({ length: 40 }, (_, index) => ({
  atMs: 100 * index,
  step: { kind: "crash", target: (index % 5) + 1, restartAfterMs: 1 + index },
}));
const PLAN: RunPlan = {
  seed: 1,
  options: { ...CALM, nodes: 5, ...trueClocks(5), encrypted: true },
  faults: FAULTS,
  leftOut: [],
  mutant: "retryExecutedTwice",
};

/** Runs a plan: `checkerOf` says which rule it breaks, if any. */
function runOf(checkerOf: (plan: RunPlan) => string | undefined): (plan: RunPlan) => SeedResult {
  return (plan) => {
    const checker = checkerOf(plan);
    const figures = {
      simulatedMs: 1,
      begunMs: 0,
      faults: {},
      skipped: {},
      reached: {},
      states: [],
      transactions: 1,
      transfers: 0,
      events: 0,
      elections: 1,
      traceHash: "",
    };
    const failed = { message: "", atMs: 3_950, step: 1 };
    const result = { seed: 1, plan, turns: TURNS, ...figures };
    return checker === undefined ? result : { ...result, failed: { ...failed, checker } };
  };
}

function shrunk(checkerOf: (plan: RunPlan) => string | undefined): RunPlan {
  const run = runOf(checkerOf);
  const shrinking = new Shrinking(run(PLAN));
  const search = shrinking.search();
  for (let step = search.next(); step.done !== true; ) step = search.next(run(step.value.plan));
  return shrinking.best.plan;
}

function has({ faults }: RunPlan, restartAfterMs: number): boolean {
  return faults.some(({ step }) => "restartAfterMs" in step && step.restartAfterMs === restartAfterMs);
}

function asks({ leftOut }: RunPlan, turn: number): boolean {
  return !leftOut.some(([first, last]) => turn >= first && turn <= last);
}

describe("shrinking", () => {
  test("leaves the faults and turns that are needed, and no others; options become simple", () => {
    const plan = shrunk((tried) =>
      has(tried, 2) && has(tried, 21) && asks(tried, 7) && asks(tried, 300) && tried.mutant !== undefined
        ? "a"
        : undefined,
    );
    expect(plan.faults).toEqual([FAULTS[1], FAULTS[20]]);
    expect(plan.leftOut).toEqual([
      [1, 6],
      [8, 299],
      [301, TURNS],
    ]);
    expect(plan.options).toMatchObject({ nodes: 3, clockRates: [1_000, 1_000, 1_000], encrypted: false });
    expect(plan.options.workload).toMatchObject({ tellers: 1, readers: 0, auditor: false, inFlightMax: 1 });
    expect(plan.options.durationMs).toBeLessThanOrEqual(3_951);
  });

  test("the cluster stays as large as it must, with the faults of its nodes", () => {
    const plan = shrunk((tried) => (has(tried, 5) && tried.mutant !== undefined ? "a" : undefined));
    expect(plan.options.nodes).toBe(5);
    expect(plan.faults).toEqual([FAULTS[4]]);
  });

  test("what nothing can go of under its own seed gets small under another, and no plan is run twice", () => {
    const run: string[] = [];
    const plan = shrunk((tried) => {
      run.push(JSON.stringify(tried));
      if (tried.mutant === undefined) return undefined;
      const isWhole = tried.faults.length === FAULTS.length && tried.options.encrypted;
      return isWhole || (tried.seed === 7 && has(tried, 3)) ? "a" : undefined;
    });
    expect(plan).toMatchObject({ seed: 7, faults: [FAULTS[2]], options: { nodes: 3, encrypted: false } });
    expect(new Set(run).size).toBe(run.length);
  });

  test("another rule that is broken in a smaller run is another failure", () => {
    const plan = shrunk((tried) => {
      if (tried.mutant === undefined) return undefined;
      return has(tried, 3) ? "a" : "b";
    });
    expect(plan.faults).toEqual([FAULTS[2]]);
  });

  test("what fails without the planted bug is not taken for its doing", () => {
    const plan = shrunk((tried) => (tried.mutant !== undefined || !has(tried, 3) ? "a" : undefined));
    expect(plan.faults).toEqual([FAULTS[2]]);
    expect(plan.mutant).toBe("retryExecutedTwice");
  });
});
