import { describe, expect, test } from "vitest";
import { decodePlan, encodePlan } from "../plan-file.ts";
import { runSeed } from "../run.ts";
import type { TraceRecord } from "../trace-recorder.ts";
import type { Asked, Told } from "./messages.ts";
import { linkOfRun, runOfLink } from "./run-link.ts";
import { simulate } from "./simulate.ts";

function toldOf(asked: Asked): readonly Told[] {
  const told: Told[] = [];
  simulate(asked, (one) => told.push(one));
  return told;
}

function recordsOf(told: readonly Told[]): readonly TraceRecord[] {
  return told.flatMap((one) => (one.what === "went" ? one.records : []));
}

describe("a run for a page", () => {
  test("is told whole: its plan first, then everything that happens, and how it ends", () => {
    const records: TraceRecord[] = [];
    const result = runSeed(2, { record: (record) => records.push(record) });
    const told = toldOf({ seed: "2" });
    expect(told[0]).toMatchObject({ what: "begun", seed: 2, plan: encodePlan(result.plan) });
    expect(recordsOf(told)).toEqual(records);
    expect(told.at(-1)).toEqual({ what: "ended", traceHash: result.traceHash });
    const last = told.at(-2);
    if (last?.what !== "went") throw new Error("a piece of the run comes before its end");
    const { simulatedMs, elections, transactions } = result;
    expect(last.progress).toMatchObject({ simulatedMs, elections, transactions });
  });

  test("that comes out of a plan is that of its seed", () => {
    const told = toldOf({ seed: "2" });
    const [begun] = told;
    if (begun?.what !== "begun") throw new Error("a run begins with its plan");
    expect(decodePlan(begun.plan).seed).toBe(2);
    expect(toldOf({ plan: begun.plan })).toEqual(told);
  });

  test("is refused with the reason where there is none", () => {
    expect(toldOf({ seed: "-1" })).toEqual([
      { what: "refused", text: '"-1" is not a seed: a whole number up to 4294967295 (usage)' },
    ]);
    expect(toldOf({ seed: "1", mutant: "none" })).toMatchObject([{ what: "refused" }]);
    expect(toldOf({ plan: '{\n  "quoratePlan": 2,,' })).toMatchObject([
      { what: "refused", text: expect.stringMatching(/^line 2: no JSON: .*\(plan_invalid\)$/) as string },
    ]);
  });
});

describe("links to runs", () => {
  test.each([
    ["#seed=25&mutant=voteNotPersisted&step=12", { seed: "25", mutant: "voteNotPersisted" }],
    ["#seed=25&mutant=", { seed: "25" }],
    ["#seed=8&giveUpLastCopy=true&record=9", { seed: "8", giveUpLastCopy: true }],
    ["#seed=8&giveUpLastCopy=false", { seed: "8" }],
    ["#record=3&seed=7", { seed: "7" }],
    ["#step=12", undefined],
    ["", undefined],
  ])("%s", (hash, run) => {
    expect(runOfLink(hash)).toEqual(run);
    if (run !== undefined) expect(runOfLink(`#${linkOfRun(run)}&step=5`)).toEqual(run);
  });
});
