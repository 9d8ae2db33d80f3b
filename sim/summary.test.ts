import { describe, expect, test } from "vitest";
import type { SeedResult } from "./run.ts";
import { Summary } from "./summary.ts";

function result(seed: number, changed: Partial<SeedResult> = {}): SeedResult {
  const figures = { simulatedMs: 1_500, transactions: 10 };
  return {
    seed,
    ...figures,
    faults: { crash: 2 },
    reached: { balanced: 1 },
    traceHash: `hash ${seed}`,
    plan: {} as never,
    turns: 0,
    transfers: 0,
    events: 0,
    elections: 1,
    ...changed,
  };
}

describe("the summary of many seeds", () => {
  test("adds up, and names what failed", () => {
    const summary = new Summary();
    const failure = { checker: "durability", message: "a receipt was given for nothing", atMs: 7, step: 8 };
    summary.add(result(1));
    summary.add(result(2, { failed: failure, faults: { partition: 1, crash: 1 } }));
    const { faults, reached, ...sums } = summary.read();
    expect(sums).toEqual({
      seeds: 2,
      failed: [{ seed: 2, ...failure, traceHash: "hash 2" }],
      simulatedMs: 3_000,
      transactions: 20,
    });
    expect(reached).toMatchObject({ balanced: 2, imported: 0 });
    expect(faults).toMatchObject({ crash: 3, partition: 1, drop: 0, duplicate: 0, reorder: 0, tornWrite: 0 });
  });

  test("of nothing is zero", () => {
    const { faults, reached, ...sums } = new Summary().read();
    expect(sums).toEqual({ seeds: 0, failed: [], simulatedMs: 0, transactions: 0 });
    expect(new Set(Object.values({ ...faults, ...reached }))).toEqual(new Set([0]));
  });
});
