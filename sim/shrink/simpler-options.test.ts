import { expect, test } from "vitest";
import { CALM, trueClocks } from "../calm-options.ts";
import type { FaultStep } from "../fault/plan.ts";
import { checkFaults, checkOptions } from "../plan-check.ts";
import type { RunPlan } from "../run.ts";
import { simplerPlans } from "./simpler-options.ts";

const STEPS: readonly FaultStep[] = [
  ...[1, 4, "leader" as const].map((target): FaultStep => ({ kind: "upgrade", target, restartAfterMs: 5 })),
  { kind: "crash", target: 4, restartAfterMs: 5 },
];
const PLAN: RunPlan = {
  seed: 1,
  options: { ...CALM, nodes: 5, spares: 2, ...trueClocks(7), oldRelease: 1 },
  faults: STEPS.map((step) => ({ atMs: 0, step })),
  leftOut: [],
};

test("each simpler plan is one that could stand in a file", () => {
  for (const { options, faults } of simplerPlans(PLAN)) {
    checkOptions(options);
    checkFaults(faults, options, "faults");
  }
});

test("upgrades go with the old programs, and with nodes that are none of the first any more", () => {
  const stepsOf = (change: (plan: RunPlan) => boolean): readonly FaultStep[] | undefined =>
    simplerPlans(PLAN)
      .find(change)
      ?.faults.map(({ step }) => step);
  expect(stepsOf(({ options }) => options.oldRelease === undefined)).toEqual(STEPS.slice(3));
  expect(stepsOf(({ options }) => options.nodes === 3)).toEqual([STEPS[0], STEPS[2], STEPS[3]]);
});
