import { describe, expect, test } from "vitest";
import type { CampaignRead, CampaignResult } from "../campaign.ts";
import { Coverage } from "../coverage.ts";
import { reportPage } from "./page.ts";
import { reportOf } from "./report.ts";

function campaign(...results: readonly CampaignResult[]): CampaignRead {
  return {
    program: "a".repeat(16),
    giveUpLastCopy: false,
    seeds: { first: 1, last: 9, shard: 0, shards: 1 },
    results,
  };
}

function result(seed: number, checker?: string): CampaignResult {
  const figures = {
    simulatedMs: 1_000 * seed,
    transactions: seed,
    faults: { crash: 2 },
    skipped: {},
    reached: {},
    stateCount: 0,
    newStates: [],
  };
  const failed = { checker: checker ?? "", message: "<b>lost</b>", atMs: 3, step: 4 };
  return { seed, ...figures, traceHash: "0".repeat(16), ...(checker === undefined ? {} : { failed }) };
}

describe("the report of several campaigns", () => {
  test("adds up, and counts a seed once that is in two of them", () => {
    const report = reportOf([campaign(result(1), result(3, "liveness")), campaign(result(1), result(2, "liveness"))]);
    expect(report).toMatchObject({ seeds: 3, transactions: 6, simulatedMs: 6_000, checkers: [["liveness", 2]] });
    expect(report.failed.map(({ seed }) => seed)).toEqual([2, 3]);
    expect(report.transactionsOfSeeds).toEqual([1, 2, 3]);
    expect(report.failureRateMax).toBeNull();
    const clean = reportOf([campaign(result(1))]);
    expect(clean.failureRateMax).toBeCloseTo(0.95);
    expect(reportPage(clean)).toMatch(/≤ 95 %.*of all seeds fail/s);
  });

  test("counts states as one campaign over all seeds would, in whatever parts they were run", () => {
    const states: readonly (readonly number[])[] = [
      [1, 2, 3],
      [3, 4],
      [2, 5],
      [5, 4, 6],
      [1, 7],
      [7, 8],
    ];
    const part = (...seeds: readonly number[]): CampaignRead => {
      const met = new Coverage();
      const results = seeds.map((seed) => {
        const all = states[seed - 1] ?? [];
        const newStates = met.unmet(all);
        met.add(all);
        return { ...result(seed), stateCount: all.length, newStates };
      });
      return campaign(...results);
    };
    const whole = reportOf([part(1, 2, 3, 4, 5, 6)]);
    expect(whole.statesAfterSeeds).toEqual([3, 4, 5, 6, 7, 8]);
    const parted = [
      [part(1, 3, 5), part(2, 4, 6)],
      [part(2, 4, 6), part(1, 3, 5)],
      [part(4, 5, 6), part(1, 2, 3)],
      [part(1, 2, 3, 4), part(3, 4, 5, 6)],
    ];
    for (const parts of parted) expect(reportOf(parts)).toEqual({ ...whole, repeated: expect.any(Number) });
  });

  test("says how many seeds no file has, and how many have the same run in several", () => {
    const part = (first: number, last: number, ...seeds: readonly number[]): CampaignRead => ({
      ...campaign(...seeds.map((seed) => result(seed))),
      seeds: { first, last, shard: 0, shards: 2 },
    });
    expect(reportOf([part(1, 4, 1, 3), part(1, 4, 2, 4)])).toMatchObject({ missing: 0, repeated: 0 });
    expect(reportOf([part(1, 4, 1, 3), part(1, 4, 1, 3)])).toMatchObject({ missing: 2, repeated: 2 });
    expect(reportOf([part(3, 9, 3), part(1, 4, 1), part(20, 21, 20)])).toMatchObject({ missing: 8, repeated: 0 });
    const page = reportPage(reportOf([part(1, 4, 1, 3), part(1, 4, 3)]));
    expect(page).toContain("2 seeds of these campaigns are in no file");
    expect(page).toContain("1 seeds are in several files");
  });

  test("of more seeds than a call can have arguments has a page", () => {
    const some = Array.from({ length: 200_000 }, (_, index) => result(index + 1));
    expect(reportPage(reportOf([campaign(...some.slice(0, 10)), { ...campaign(), results: some }]))).toContain(
      "200,000 simulated clusters",
    );
  });

  test("one seed with two runs is refused: somebody is not deterministic", () => {
    const other = { ...result(1), traceHash: "1".repeat(16) };
    expect(() => reportOf([campaign(result(1)), campaign(other)])).toThrow(/seed 1 has the trace hash/);
  });

  test("files that two programs made are told from those of one", () => {
    const own = campaign(result(1));
    const other = { ...campaign(result(2)), program: "b".repeat(16) };
    expect(reportOf([own, campaign(result(3))]).programs).toEqual([own.program]);
    expect(reportPage(reportOf([own, campaign(result(3))]))).not.toContain("programs");
    const report = reportOf([other, own]);
    expect(report.programs).toEqual([own.program, other.program]);
    expect(reportPage(report)).toContain(`made by 2 programs, so these are no runs of one campaign: ${own.program}`);
  });

  test("where the last copy was given up, the command says so; some of such and some of others are refused", () => {
    const given = { ...campaign(result(2, "durability")), giveUpLastCopy: true };
    expect(reportPage(reportOf([given]))).toContain("sim shrink --seed 2 --give-up-last-copy<");
    expect(reportPage(reportOf([campaign(result(2, "durability"))]))).toContain("sim shrink --seed 2<");
    expect(() => reportOf([given, campaign(result(1))])).toThrow(/some without/);
  });

  test("its page needs no other file, and what a failure says cannot become part of it", () => {
    const page = reportPage(reportOf([campaign(result(1), result(2, "durability"))]));
    expect(page).toContain("&lt;b&gt;lost&lt;/b&gt;");
    expect(page).not.toMatch(/<script|src=|href=|url\(/);
    expect(page).toContain("quorate sim shrink --seed 2");
    expect(page).toContain("<polyline");
    expect(page).toContain("never reached: accountClosed");
  });
});
