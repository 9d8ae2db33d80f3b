import { describe, expect, test } from "vitest";
import type { CampaignFile, CampaignResult } from "../campaign.ts";
import { reportPage } from "./page.ts";
import { reportOf } from "./report.ts";

function campaign(...results: readonly CampaignResult[]): CampaignFile {
  return { seeds: { first: 1, last: 9, shard: 0, shards: 1 }, results, whole: 0 };
}

function result(seed: number, checker?: string): CampaignResult {
  const figures = { simulatedMs: 1_000 * seed, transactions: seed, faults: { crash: 2 }, reached: {} };
  const failed = { checker: checker ?? "", message: "<b>lost</b>", atMs: 3, step: 4 };
  return { seed, ...figures, traceHash: "0".repeat(16), ...(checker === undefined ? {} : { failed }) };
}

describe("the report of several campaigns", () => {
  test("adds up, and counts a seed once that is in two of them", () => {
    const report = reportOf([campaign(result(3, "liveness"), result(1)), campaign(result(2, "liveness"), result(1))]);
    expect(report).toMatchObject({ seeds: 3, transactions: 6, simulatedMs: 6_000, checkers: [["liveness", 2]] });
    expect(report.failed.map(({ seed }) => seed)).toEqual([2, 3]);
    expect(report.transactionsOfSeeds).toEqual([1, 2, 3]);
    expect(report.failureRateMax).toBeNull();
    expect(reportOf([campaign(result(1))]).failureRateMax).toBeCloseTo(0.95);
  });

  test("one seed with two runs is refused: somebody is not deterministic", () => {
    const other = { ...result(1), traceHash: "1".repeat(16) };
    expect(() => reportOf([campaign(result(1)), campaign(other)])).toThrow(/seed 1 has the trace hash/);
  });

  test("its page needs no other file, and what a failure says cannot become part of it", () => {
    const page = reportPage(reportOf([campaign(result(1), result(2, "durability"))]));
    expect(page).toContain("&lt;b&gt;lost&lt;/b&gt;");
    expect(page).not.toMatch(/<script|src=|href=|url\(/);
    expect(page).toContain("quorate sim shrink --seed 2");
  });
});
