/** Shrinking runs that are made up: what they need to fail is known, so what must be left is known, too. */
import { describe, expect, test } from "vitest";
import { CALM, trueClocks } from "../calm-options.ts";
import type { FaultStep, TimedFault } from "../fault/plan.ts";
import type { RunPlan, SeedResult } from "../run.ts";
import { sha256 } from "../virtual-crypto.ts";
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

/** What is left where what a run needs is known. */
function shrunk(checkerOf: (plan: RunPlan) => string | undefined): RunPlan {
  const run = runOf(checkerOf);
  const shrinking = new Shrinking(run(PLAN));
  const search = shrinking.search();
  for (let step = search.next(); step.done !== true; ) step = search.next(run(step.value.plan));
  return shrinking.best.plan;
}

function stepsOf({ faults }: RunPlan): readonly FaultStep[] {
  return faults.map(({ step }) => step);
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
    expect(stepsOf(plan)).toEqual([FAULTS[1]?.step, FAULTS[20]?.step]);
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
    expect(stepsOf(plan)).toEqual([FAULTS[4]?.step]);
  });

  test("what nothing can go of under its own seed gets small under another, and no plan is run twice", () => {
    const run: string[] = [];
    const plan = shrunk((tried) => {
      run.push(JSON.stringify(tried));
      if (tried.mutant === undefined) return undefined;
      const isWhole = tried.faults.length === FAULTS.length && tried.options.encrypted;
      return isWhole || (tried.seed === 7 && has(tried, 3)) ? "a" : undefined;
    });
    expect(plan).toMatchObject({ seed: 7, options: { nodes: 3, encrypted: false } });
    expect(stepsOf(plan)).toEqual([FAULTS[2]?.step]);
    expect(new Set(run).size).toBe(run.length);
  });

  test("another rule that is broken in a smaller run is another failure", () => {
    const plan = shrunk((tried) => {
      if (tried.mutant === undefined) return undefined;
      return has(tried, 3) ? "a" : "b";
    });
    expect(stepsOf(plan)).toEqual([FAULTS[2]?.step]);
  });

  test("what fails without the planted bug is not taken for its doing", () => {
    const plan = shrunk((tried) => (tried.mutant !== undefined || !has(tried, 3) ? "a" : undefined));
    expect(stepsOf(plan)).toEqual([FAULTS[2]?.step]);
    expect(plan.mutant).toBe("retryExecutedTwice");
  });

  test("time before the first fault goes, and clients pause longer", () => {
    const plan = shrunk((tried) => (has(tried, 3) && has(tried, 9) && tried.mutant !== undefined ? "a" : undefined));
    expect(plan.faults.map(({ atMs }) => atMs)).toEqual([0, 600]);
    expect(plan.options.workload.thinkUs).toBeGreaterThan(PLAN.options.workload.thinkUs);
  });

  test("where chance decides whether a part fails, nothing that is left can go when the search is over", () => {
    for (let chance = 1; chance <= 20; chance++) {
      const fails = (tried: RunPlan): boolean =>
        has(tried, 3) && asks(tried, 300) && (sha256(Buffer.from(`${chance}${JSON.stringify(tried)}`))[0] ?? 0) < 25;
      const isFirst = (tried: RunPlan): boolean => tried === PLAN;
      const plan = shrunk((tried) =>
        tried.mutant !== undefined && (isFirst(tried) || fails(tried)) ? "a" : undefined,
      );
      expect(plan.faults.length).toBeLessThanOrEqual(PLAN.faults.length / 2);
      for (const fault of plan.faults)
        expect(fails({ ...plan, faults: plan.faults.filter((other) => other !== fault) })).toBe(false);
    }
  });

  test("a run may be twice as long as the best one, but for one that must keep all rules", () => {
    const run = runOf(({ mutant }) => (mutant === undefined ? undefined : "a"));
    const search = new Shrinking({ ...run(PLAN), events: 400 }).search();
    const first = search.next().value;
    expect(first).toMatchObject({ plan: { mutant: PLAN.mutant }, eventsMax: 800 });
    const bounds: unknown[] = [];
    for (let step = search.next({ ...run(PLAN), events: 90 }); step.done !== true; ) {
      const { plan, eventsMax } = step.value;
      bounds.push([plan.mutant === undefined, eventsMax]);
      step = search.next({ ...run(plan), events: 90 });
    }
    expect(bounds).toContainEqual([true, undefined]);
    expect(bounds).toContainEqual([false, 180]);
    expect(bounds).not.toContainEqual([true, 180]);
  });
});
