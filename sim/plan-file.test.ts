import { describe, expect, test } from "vitest";
import { decodePlan, decodePlanFile, encodePlan } from "./plan-file.ts";
import { type RunPlan, runPlan, runSeed } from "./run.ts";
import { TRICKS } from "./workload/options.ts";

interface PlanValue {
  readonly options: Record<string, unknown>;
  readonly faults: unknown[];
}

const SEEDS = [1, 2];

const PLAN: RunPlan = runSeed(1).plan;
const TIMING = PLAN.options.timing;

/** A plan file of seed 1 with something changed in it. */
function changed(change: (file: PlanValue) => void): string {
  const file = JSON.parse(encodePlan(PLAN)) as PlanValue;
  change(file);
  return JSON.stringify(file);
}

describe("plans as files", () => {
  test.each(SEEDS)("that of seed %d is read as it was written, and its run is the seed's own", (seed) => {
    const own = runSeed(seed);
    const plan = decodePlan(encodePlan(own.plan));
    expect(plan).toEqual(own.plan);
    expect(runPlan(plan)).toEqual(own);
  });

  test("a file says which program wrote it and what its run broke, and need not", () => {
    const origin = { program: "0123456789abcdef", breaks: "quorum" };
    expect(decodePlanFile(encodePlan(PLAN, origin))).toEqual({ plan: PLAN, ...origin });
    expect(decodePlanFile(encodePlan(PLAN))).toEqual({ plan: PLAN });
  });

  test("sides of a partition are two or more, and need not have all nodes", () => {
    for (const groups of [
      [[1, 2], [3]],
      [[1], [2], [3]],
      [[1], [3]],
    ]) {
      const faults = [{ atMs: 5, step: { kind: "partition", groups, oneWay: false, forMs: 5 } }];
      expect(decodePlan(changed((file) => Object.assign(file, { faults }))).faults).toEqual(faults);
    }
  });

  test("without its faults the run is another one, and without half of its turns less is done", () => {
    const done = { calm: 0, half: 0 };
    for (const seed of SEEDS) {
      const own = runSeed(seed);
      const calm = runPlan({ ...own.plan, faults: [] });
      expect(calm.traceHash).not.toBe(own.traceHash);
      expect(calm.faults.crash).toBeUndefined();
      const half = runPlan({ ...calm.plan, leftOut: [[1, Math.floor(calm.turns / 2)]] });
      expect([calm.failed, half.failed]).toEqual([undefined, undefined]);
      done.calm += calm.transactions;
      done.half += half.transactions;
    }
    expect(done.half).toBeLessThan(done.calm);
  });

  test.each([
    ["no JSON", '{\n  "quoratePlan": 2,\n  }', /^line 3: no JSON/],
    ["a text that ends too soon", '{\n  "quoratePlan": 2,\n  "seed":\n', /^line 3: no JSON/],
    ["an unknown key", changed((file) => Object.assign(file, { hurry: true })), /^line 1: hurry must be absent/],
    [
      "a wrong type",
      changed(({ options }) => Object.assign(options, { nodes: "3" })),
      /^line 1: options.nodes must be an integer/,
    ],
    ["a missing option", changed(({ options }) => delete options["peers"]), /^line 1: options.peers must be present/],
    [
      "another version, whatever else it has",
      changed((file) => Object.assign(file, { quoratePlan: 3, hurry: true })),
      /version 3, and version 2/,
    ],
    ["an unknown fault", withFault({ kind: "earthquake" }), /^line 1: faults\[0\]\.step\.kind must be one of/],
    [
      "a fault with a key too many",
      withFault({ kind: "handOver", forMs: 1 }),
      /^line 1: faults\[0\]\.step\.forMs must be absent/,
    ],
    ["a node that there is not", withFault({ kind: "crash", target: 9, restartAfterMs: 5 }), /there is no node 9/],
    [
      "a node on both sides",
      withFault({ kind: "partition", groups: [[1, 2], [2]], oneWay: false, forMs: 5 }),
      /one side only/,
    ],
    [
      "an upgrade where nothing is old",
      withFault({ kind: "upgrade", target: 1, restartAfterMs: 5 }),
      /faults\[0\]: only members of the beginning/,
    ],
    [
      "a zone that there is not",
      withFault({ kind: "zoneLoss", zone: 9, how: "power", forMs: 5 }),
      /faults\[0\]\.zone: there are \d zones/,
    ],
    [
      "a link that flaps to itself",
      withFault({ kind: "flap", groups: [[1], [1]], downMs: 5, upMs: 5, forMs: 9 }),
      /one side/,
    ],
    [
      "a partition with one side",
      withFault({ kind: "partition", groups: [[1, 2]], oneWay: false, forMs: 5 }),
      /faults\[0\]\.groups: there must be two sides or more/,
    ],
    ["an empty side", withFault({ kind: "partition", groups: [[1, 2], []], oneWay: false, forMs: 5 }), /empty/],
    ["a fault after the end", withFault({ kind: "handOver" }, 3_000_000), /faults\[0\]\.atMs/],
    [
      "a fault before the one above it",
      withFaults({ atMs: 5, step: { kind: "handOver" } }, { atMs: 4, step: { kind: "handOver" } }),
      /before/,
    ],
    [
      "unequal links that say too little",
      changed(({ options }) => Object.assign(options["peers"] as object, { unequal: { seed: 1 } })),
      /options\.peers\.unequal\.halvingsMax must be present/,
    ],
    [
      "an intruder who has nothing to try",
      changed(({ options }) => {
        const mix = Object.fromEntries(TRICKS.map((trick) => [trick, 0]));
        Object.assign(options["workload"] as object, { intruder: { thinkUs: 1, mix } });
      }),
      /options\.workload\.intruder\.mix: an intruder needs something/,
    ],
    [
      "unsynced writes of which nothing becomes",
      changed(({ options }) => Object.assign(options["disk"] as object, { unsynced: { lost: 0, kept: 0, torn: 0 } })),
      /^line 1: options.disk.unsynced: something becomes/,
    ],
    [
      "logs that are to be damaged in no way",
      changed(({ options }) => {
        const { weights, damages } = options["faults"] as Record<"weights" | "damages", Record<string, number>>;
        weights["damageLog"] = 1;
        for (const how of Object.keys(damages)) damages[how] = 0;
      }),
      /^line 1: options.faults.damages: damaged logs need/,
    ],
    ["clocks for other nodes", changed(({ options }) => Object.assign(options, { clockRates: [1_000] })), /clockRates/],
    [
      "offsets for other nodes",
      changed(({ options }) => Object.assign(options, { wallOffsetsMs: [] })),
      /wallOffsetsMs/,
    ],
    [
      "a wall clock by which nothing lives to the end",
      changed(({ options }) => Object.assign(options, { wallOffsetsMs: [100_001] })),
      /^line 1: options.wallOffsetsMs\[0\] must be/,
    ],
    [
      "a wall clock that is too fast for so long a run",
      changed(({ options }) => {
        const clocks = options["clockRates"] as readonly number[];
        Object.assign(options, { durationMs: 300_000, timing: { ...TIMING, leaseDriftPermille: 1_000 } });
        Object.assign(options, { clockRates: clocks.map(() => 1_500) });
      }),
      /^line 1: options.durationMs: a wall clock is so fast/,
    ],
    [
      "a wall clock that drifts by so much",
      changed(({ options }) => Object.assign(options, { wallDrifts: [5] })),
      /^line 1: options.wallDrifts\[0\] must be/,
    ],
    [
      "an unknown planted bug",
      changed((file) => Object.assign(file, { mutant: "none" })),
      /^line 1: mutant must be one of/,
    ],
  ])("%s is refused with the place and the reason", (_, text, why) => {
    expect(() => decodePlan(text)).toThrow(expect.objectContaining({ code: "plan_invalid" }));
    expect(() => decodePlan(text)).toThrow(why);
  });

  test.each([
    ["an option", /"nodes": \d/, '"nodes": "3"', "options.nodes must be an integer"],
    ["a fault", /"kind":"\w+"/, '"kind":"earthquake"', "faults[0].step.kind must be one of"],
    ["a time", /"atMs":\d+/, '"atMs":3000000', "faults[0].atMs: must be within"],
  ])("%s in a file that was written so is refused with its line", (_, right, wrong, why) => {
    const text = encodePlan(PLAN);
    const line = text.split("\n").findIndex((one) => right.test(one)) + 1;
    expect(line).toBeGreaterThan(2);
    expect(() => decodePlan(text.replace(right, wrong))).toThrow(`line ${line}: ${why}`);
  });
});

function withFault(step: object, atMs = 0): string {
  return withFaults({ atMs, step });
}

function withFaults(...faults: readonly object[]): string {
  return changed((file) => Object.assign(file, { faults }));
}
