import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { CALM } from "../../sim/calm-options.ts";
import { type RunPlan, runPlan, type SeedResult } from "../../sim/run.ts";
import { KeptPlans } from "./kept-plans.ts";
import { readPlanFile, strangeness } from "./told.ts";

const ROOT = mkdtempSync(join(tmpdir(), "quorate-plans-"));
const PLAN: RunPlan = { seed: 1, options: { ...CALM, durationMs: 100 }, faults: [], leftOut: [] };
const RUN = runPlan(PLAN);
let directory = ROOT;

beforeEach(() => {
  directory = mkdtempSync(join(ROOT, "each-"));
});

afterAll(() => rmSync(ROOT, { recursive: true }));

function failed(seed: number): SeedResult {
  return { ...RUN, seed, plan: { ...PLAN, seed }, failed: { checker: "quorum", message: "", atMs: 1, step: 1 } };
}

test("seeds name their runs; the first one's plan is kept where that is wanted", () => {
  const file = join(directory, "failed.plan");
  const plans = new KeptPlans({ file, named: (seed) => `--seed ${seed}` });
  expect([3, 7].map((seed) => plans.keep(failed(seed)))).toEqual(["--seed 3", "--seed 7"]);
  expect(readPlanFile(file).plan.seed).toBe(3);
  expect(readdirSync(directory)).toEqual(["failed.plan"]);
});

test("of runs that no seed names each plan is kept, and each is named by its own", () => {
  const plans = new KeptPlans({ file: join(directory, "failed.plan"), named: undefined });
  const again = [3, 3, 7].map((seed) => plans.keep(failed(seed)));
  expect(again.map((one) => one.replace(directory, ""))).toEqual([
    ...["--plan /failed.plan", "--plan /failed-2.plan", "--plan /failed-3.plan"],
  ]);
  expect(again.map((one) => readPlanFile(one.replace("--plan ", "")).plan.seed)).toEqual([3, 3, 7]);
  expect(new KeptPlans({ file: undefined, named: undefined }).keep(failed(1))).toMatch(/--write-plan/);
});

test("a plan that is run again says where it breaks its rule no more, and where another program wrote it", () => {
  const file = join(directory, "failed.plan");
  new KeptPlans({ file, named: undefined }).keep(failed(3));
  const { plan, ...origin } = readPlanFile(file);
  expect(plan).toEqual({ ...PLAN, seed: 3 });
  expect(strangeness(origin, failed(3))).toEqual([]);
  expect(strangeness(origin, RUN)).toEqual(["it broke quorum when it was written"]);
  expect(strangeness({ ...origin, program: "another" }, failed(3))).toHaveLength(1);
});
