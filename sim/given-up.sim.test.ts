/** Runs that may give up the last copy: what nothing could have kept is told, and whoever hides it is found. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { FaultStep, TimedFault } from "./fault/plan.ts";
import { decodePlan, encodePlan } from "./plan-file.ts";
import { type RunPlan, runPlan, runSeed } from "./run.ts";
import { scenarioOf, scenarioPlan } from "./scenario.ts";

function planOf(name: string): RunPlan {
  const text = readFileSync(join(import.meta.dirname, "scenarios", `${name}.yaml`), "utf8");
  return scenarioPlan(scenarioOf(parse(text)), 1);
}

const LOST = planOf("last-copy-lost");

function struckBy(...steps: readonly FaultStep[]): RunPlan {
  return { ...LOST, faults: steps.map((step): TimedFault => ({ atMs: 2_000, step })) };
}

describe("where all logs are gone", () => {
  test("the run tells which blocks are lost since when, and each node refuses", () => {
    const { failed, unavoidableLoss: loss, unavoidableHalt } = runPlan(LOST);
    expect([failed, unavoidableHalt]).toEqual([undefined, undefined]);
    expect(loss?.heights).toEqual([[1, expect.any(Number)]]);
    expect(loss?.atMs).toBeGreaterThan(2_000);
    expect(loss?.refusals.map(({ node }) => node)).toEqual([1, 2, 3]);
    expect(loss?.refusals.map(({ how }) => how)).toContain("blocks_lost");
  });

  test("a node that hides it and begins anew is found", () => {
    // A checkpoint would tell it that there was a log.
    const plan = { ...LOST, options: { ...LOST.options, checkpointBlocks: 10_000 } };
    expect(runPlan(plan)).toMatchObject({ unavoidableLoss: {} });
    expect(runPlan({ ...plan, mutant: "lossHidden" }).failed?.checker).toBe("undisturbed");
  });

  test("a plan file keeps that it may be so; where it may not, the last disk is spared", () => {
    expect(runPlan(decodePlan(encodePlan(LOST)))).toEqual(runPlan(LOST));
    const { failed, unavoidableLoss, skipped } = runPlan({
      ...LOST,
      options: { ...LOST.options, giveUpLastCopy: false },
    });
    expect([failed, unavoidableLoss]).toEqual([undefined, undefined]);
    expect(skipped).toEqual({ damageLog: 2 });
  });
});

describe("where disks are gone for good", () => {
  const loses = (...nodes: readonly number[]): RunPlan =>
    struckBy(...nodes.map((target): FaultStep => ({ kind: "loseDisk", target })));

  test("one of three is not missed", () => {
    expect(runPlan(loses(2))).toMatchObject({ faults: { lostDisk: 1 }, transactions: expect.any(Number) });
    const { failed, unavoidableLoss, unavoidableHalt } = runPlan(loses(2));
    expect([failed, unavoidableLoss, unavoidableHalt]).toEqual([undefined, undefined, undefined]);
  });

  test("without two of three nobody leads, and nothing is lost", () => {
    const { failed, unavoidableLoss, unavoidableHalt } = runPlan(loses(1, 3));
    expect([failed, unavoidableLoss]).toEqual([undefined, undefined]);
    expect(unavoidableHalt?.refusals).toEqual([
      { node: 1, how: "lost" },
      { node: 3, how: "lost" },
    ]);
  });

  test("without all of them everything is lost", () => {
    const { failed, unavoidableLoss, transactions } = runPlan(loses(1, 2, 3));
    expect(failed).toBeUndefined();
    expect(unavoidableLoss?.heights).toHaveLength(1);
    expect(transactions).toBeGreaterThan(0);
  });
});

test("what all nodes have lost in other places, each gets back from the others", () => {
  const { failed, unavoidableLoss, unavoidableHalt, reached } = runPlan(planOf("last-copy-kept"));
  expect([failed, unavoidableLoss, unavoidableHalt]).toEqual([undefined, undefined, undefined]);
  expect(reached["logMended"]).toBeGreaterThanOrEqual(3);
});

test("drawn seeds keep all rules, whatever is destroyed, and come to each end", () => {
  const results = Array.from({ length: 15 }, (_, index) => runSeed(index + 1, { giveUpLastCopy: true }));
  expect(results.flatMap(({ failed }) => failed ?? [])).toEqual([]);
  const ends = results.map(({ unavoidableLoss: loss, unavoidableHalt: halt }) => {
    if (loss !== undefined) return "loss";
    return halt === undefined ? "rest" : "halt";
  });
  expect([...new Set(ends)].sort()).toEqual(["halt", "loss", "rest"]);
});
