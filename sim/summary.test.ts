import { describe, expect, test } from "vitest";
import type { CampaignResult } from "./campaign.ts";
import { Summary } from "./summary.ts";

function result(seed: number, changed: Partial<CampaignResult> = {}): CampaignResult {
  const counts = {
    faults: { crash: 2 },
    skipped: { pause: 1 },
    reached: { balanced: 1 },
    stateCount: 2,
    newStates: [7, seed],
  };
  return { seed, simulatedMs: 1_500, transactions: 10, ...counts, traceHash: `hash ${seed}`, ...changed };
}

describe("the summary of many seeds", () => {
  test("adds up, and names what failed", () => {
    const summary = new Summary();
    const halt = { atMs: 5, step: 6, refusals: [] };
    const failure = { checker: "durability", message: "a receipt was given for nothing", atMs: 7, step: 8 };
    summary.add(result(1, { unavoidableHalt: halt }));
    summary.add(result(2, { failed: failure, faults: { partition: 1, crash: 1 }, skipped: { pause: 2, crash: 1 } }));
    summary.add(result(3, { unavoidableLoss: { ...halt, heights: [[1, 2]] }, faults: {}, skipped: {}, newStates: [] }));
    const { faults, reached, ...sums } = summary.read();
    expect(sums).toEqual({
      seeds: 3,
      unavoidableLoss: [3],
      unavoidableHalt: [1],
      failed: [{ seed: 2, ...failure, traceHash: "hash 2" }],
      simulatedMs: 4_500,
      transactions: 30,
      skipped: { crash: 1, pause: 3 },
      states: { distinct: 3, byNewestTenth: 0, runs: 3 },
    });
    expect(reached).toMatchObject({ balanced: 3, imported: 0 });
    expect(faults).toMatchObject({ crash: 3, partition: 1, drop: 0, duplicate: 0, reorder: 0, tornWrite: 0 });
  });

  test("of nothing is zero", () => {
    const { faults, reached, states, ...sums } = new Summary().read();
    expect(sums).toEqual({
      seeds: 0,
      unavoidableLoss: [],
      unavoidableHalt: [],
      failed: [],
      simulatedMs: 0,
      transactions: 0,
      skipped: {},
    });
    expect(new Set(Object.values({ ...faults, ...reached, ...states }))).toEqual(new Set([0]));
  });
});
