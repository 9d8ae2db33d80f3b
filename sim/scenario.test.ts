import { describe, expect, test } from "vitest";
import { trueClocks } from "./calm-options.ts";
import { decodePlan, encodePlan } from "./plan-file.ts";
import type { SeedResult } from "./run.ts";
import { type Scenario, scenarioOf, scenarioPlan, unmet } from "./scenario.ts";

const CRASH = { kind: "crash", target: 3, restartAfterMs: 100 };

function scenario(changes: object = {}): Scenario {
  return scenarioOf({ name: "a test", about: "of scenarios", timeline: [], ...changes });
}

describe("scenarios", () => {
  test("what is left out is calm; a larger cluster has as many true clocks", () => {
    const { options, seeds, faults } = scenario({ options: { nodes: 5, peers: { lossPermille: 100 } } });
    expect(options).toMatchObject({ nodes: 5, ...trueClocks(5) });
    expect(options.peers).toMatchObject({ lossPermille: 100, duplicatePermille: 0 });
    expect({ seeds, faults }).toEqual({ seeds: 3, faults: [] });
  });

  test("a line of the timeline can happen again and again, and lines may stand in any order", () => {
    const { faults } = scenario({
      timeline: [
        { atMs: 500, ...CRASH },
        { atMs: 100, everyMs: 300, times: 3, kind: "handOver" },
      ],
    });
    expect(faults.map(({ atMs, step }) => [atMs, step.kind])).toEqual([
      [100, "handOver"],
      [400, "handOver"],
      [500, "crash"],
      [700, "handOver"],
    ]);
  });

  test("a scenario's plan is a plan file like any other", () => {
    const plan = scenarioPlan(scenario({ timeline: [{ atMs: 500, ...CRASH }] }), 7);
    expect(decodePlan(encodePlan(plan))).toEqual(plan);
  });

  test.each([
    ["an unknown key", { hurry: 1 }, "hurry"],
    ["an unknown option", { options: { peers: { loss: 1 } } }, "options.peers.loss"],
    ["a wrong type", { options: { nodes: "five" } }, "options.nodes"],
    ["options that contradict each other", { options: { clockRates: [1_000] } }, "options.clockRates"],
    ["too many tellers for the bank's keys", { options: { workload: { tellers: 14 } } }, "options.workload.tellers"],
    ["a step without its time", { timeline: [CRASH] }, "timeline[0].atMs"],
    ["a step that is no fault", { timeline: [{ atMs: 1, kind: "rain" }] }, "timeline[0].kind"],
    ["a step at a node that there is not", { timeline: [{ atMs: 1, ...CRASH, target: 4 }] }, "timeline[0]"],
    ["a repetition past the end", { timeline: [{ atMs: 1, everyMs: 4_000, times: 9, ...CRASH }] }, "timeline[0].atMs"],
    [
      "a repetition that does not say how often",
      { timeline: [{ atMs: 1, everyMs: 5, ...CRASH }] },
      "timeline[0].times",
    ],
    ["one that does not say when", { timeline: [{ atMs: 1, times: 5, ...CRASH }] }, "timeline[0].everyMs"],
    ["bounds with nothing between them", { expect: { elections: { min: 2, max: 1 } } }, "expect.elections"],
    ["such bounds of a fault", { expect: { faults: { crash: { min: 2, max: 1 } } } }, "expect.faults.crash"],
    ["an expectation of nothing known", { expect: { faults: { rain: { min: 1 } } } }, "expect.faults.rain"],
  ])("%s is refused with its place", (_, changes, path) => {
    expect(() => scenario(changes)).toThrow(expect.objectContaining({ code: "scenario_invalid", facts: { path } }));
  });

  test("expectations are told where a run has not met them", () => {
    const expected = {
      transactions: { min: 10, max: 20 },
      elections: { min: 1 },
      restMs: { max: 500 },
      faults: { crash: { min: 2 } },
    };
    const { options } = scenario();
    const run = (changed: Partial<SeedResult>): readonly string[] => {
      const figures = {
        transactions: 15,
        elections: 1,
        simulatedMs: options.durationMs + 140,
        begunMs: 40,
        faults: { crash: 2 },
        reached: {},
      };
      return unmet(scenario({ expect: expected }), { ...figures, ...changed } as SeedResult);
    };
    expect(run({})).toEqual([]);
    expect(run({ transactions: 21, faults: {} })).toEqual([
      "transactions: 21, and 10 to 20 expected",
      "crash: 0, and at least 2 expected",
    ]);
    expect(run({ simulatedMs: options.durationMs + 541 })).toEqual(["restMs: 501, and 0 to 500 expected"]);
  });
});
