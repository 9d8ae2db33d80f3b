import { expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { CALM } from "../calm-options.ts";
import { drawPlan } from "./plan.ts";

const DESTROYERS = ["damageLog", "loseDisk"];

test.each([3, 5])("of %d nodes most are struck, each once, and the rest of the plan stays as it is", (nodes) => {
  const counts = new Set<number>();
  for (let seed = 1; seed <= 100; seed++) {
    const options = { ...CALM, nodes, faults: { ...CALM.faults, weights: { ...CALM.faults.weights, crash: 1 } } };
    const plan = drawPlan(new Prng(seed), { ...options, giveUpLastCopy: true });
    const struck = plan.flatMap(({ step }) => (DESTROYERS.includes(step.kind) && "target" in step ? step.target : []));
    const others = plan.filter(({ step }) => !DESTROYERS.includes(step.kind));
    expect(new Set(struck).size).toBe(struck.length);
    expect(others).toEqual(drawPlan(new Prng(seed), options));
    counts.add(struck.length);
  }
  expect(Math.max(...counts)).toBe(nodes);
  expect([...counts].filter((count) => count > nodes / 2).length).toBeGreaterThan(1);
});
