import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { drawPlan } from "../fault/plan.ts";
import { drawOptions } from "../options.ts";
import { decodePlan, encodePlan } from "../plan-file.ts";
import type { Job, RunPlan, SeedResult } from "../run.ts";
import { Guided } from "./guided.ts";
import { varied } from "./vary.ts";

/** The plan of a seed's own run, as a run draws it, without the run. */
function planOf(seed: number): RunPlan {
  const random = new Prng(seed);
  const options = drawOptions(random.fork("options"));
  return {
    seed,
    options,
    faults: drawPlan(random.fork("faults"), { ...options, nodes: options.nodes + options.spares }),
    leftOut: [],
  };
}

describe("variations of a plan", () => {
  test("are plans that a file may hold, whatever they were made of", () => {
    const random = new Prng(7);
    let plan = planOf(1);
    const seen = new Set<string>();
    for (let seed = 2; seed < 400; seed++) {
      const next = varied(random, plan, planOf(seed));
      expect(decodePlan(encodePlan(next))).toEqual(next);
      seen.add(JSON.stringify(next));
      plan = seed % 20 === 0 ? planOf(seed) : next;
    }
    expect(seen.size).toBeGreaterThan(350);
  });

  test("are the same for the same chance, and leave what they are made of alone", () => {
    const [plan, other] = [planOf(3), planOf(4)];
    const before = encodePlan(plan);
    expect(varied(new Prng(1), plan, other)).toEqual(varied(new Prng(1), plan, other));
    expect(encodePlan(plan)).toBe(before);
  });
});

function resultOf(job: Job): SeedResult {
  const plan = "plan" in job ? job.plan : planOf(job.seed);
  const figures = {
    simulatedMs: 1,
    begunMs: 0,
    faults: {},
    skipped: {},
    reached: {},
    states: [],
    transfers: 0,
    events: 0,
    transactions: 1,
    elections: 1,
    turns: 1,
  };
  return { seed: plan.seed, plan, ...figures, traceHash: "" };
}

/** All runs of a campaign in which each run adds what `added` says. */
function campaign(seeds: { first: number; last: number }, added: (place: number) => number): [Guided, Job[]] {
  const guided = new Guided(seeds);
  const jobs: Job[] = [];
  for (const generation of guided.generations()) {
    for (const job of generation) {
      jobs.push(job);
      guided.told(resultOf(job), added(jobs.length));
    }
  }
  return [guided, jobs];
}

describe("a campaign that novelty leads", () => {
  test("has as many runs as it was given seeds, half of them fresh once there is something to vary", () => {
    const [guided, jobs] = campaign({ first: 10, last: 109 }, (place) => place % 5);
    expect(jobs).toHaveLength(100);
    const fresh = jobs.filter((job) => "seed" in job);
    expect(fresh).toEqual(Array.from({ length: fresh.length }, (_, index) => ({ seed: 10 + index })));
    const { fresh: ofFresh, varied: ofVaried } = guided.read();
    expect([ofFresh.runs, ofVaried.runs]).toEqual([24 + 38, 38]);
    expect(ofFresh.added + ofVaried.added).toBe(200);
  });

  test("is the same when the same is told, and another when something else was new", () => {
    const runs = (added: (place: number) => number): string =>
      JSON.stringify(campaign({ first: 1, last: 60 }, added)[1]);
    expect(runs((place) => place % 7)).toBe(runs((place) => place % 7));
    expect(runs((place) => place % 7)).not.toBe(runs((place) => place % 3));
  });

  test("varies nothing where nothing was new", () => {
    expect(campaign({ first: 1, last: 60 }, () => 0)[1]).toEqual(
      Array.from({ length: 60 }, (_, index) => ({ seed: index + 1 })),
    );
  });
});
