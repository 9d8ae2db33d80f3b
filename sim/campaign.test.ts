import { describe, expect, test } from "vitest";
import {
  type CampaignHead,
  type CampaignResult,
  type CampaignSeeds,
  campaignHead,
  campaignLine,
  readCampaign,
  seedCount,
  seedsOf,
} from "./campaign.ts";

const ALL: CampaignSeeds = { first: 1, last: 10, shard: 0, shards: 1 };

function result(seed: number): CampaignResult {
  const failure = { checker: "durability", message: "lost", atMs: 3, step: 4 };
  const counts = { faults: { crash: seed }, skipped: { rotLog: 1 }, reached: { balanced: 1 } };
  const figures = { simulatedMs: 10 * seed, transactions: seed, ...counts, traceHash: `${seed}`.padStart(16, "0") };
  const states = { stateCount: 3, newStates: [2 ** 48 - seed, seed] };
  const halt = { atMs: 3, step: 4, refusals: [{ node: 2, how: "blocks_lost" }] };
  const loss = { ...halt, heights: [[1, 5] as const, [7, 7] as const] };
  const special: readonly Partial<CampaignResult>[] = [
    { failed: failure },
    { unavoidableLoss: loss },
    { unavoidableHalt: halt },
  ];
  return { seed, ...figures, ...states, ...special[[2, 6, 10].indexOf(seed)] };
}

function headOf(seeds: CampaignSeeds): CampaignHead {
  return { program: "0123456789abcdef", giveUpLastCopy: seeds.shard === 1, seeds };
}

/** A campaign's head, and all of its results. */
function readAll(text: string): CampaignHead & { readonly results: readonly CampaignResult[] } {
  const campaign = readCampaign(text.split("\n").slice(0, -1));
  return { ...campaign, results: [...campaign.results] };
}

function fileOf(seeds: CampaignSeeds, results: readonly CampaignResult[]): string {
  return [campaignHead(headOf(seeds)), ...results.map(campaignLine), ""].join("\n");
}

describe("which seeds a campaign runs", () => {
  test.each([1, 2, 3, 7, 12])("in %d parts, each seed is in one", (shards) => {
    const parts = Array.from({ length: shards }, (_, shard) => ({ ...ALL, shard, shards }));
    const seeds = parts.map((part) => [...seedsOf(part)]);
    expect(seeds.map((part) => part.length)).toEqual(parts.map(seedCount));
    expect(seeds.flat().sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

describe("campaigns as files", () => {
  const three = { ...ALL, shard: 1, shards: 4 };
  const results = [result(2), result(6), result(10)];
  const text = fileOf(three, results);

  test("are read as they were written", () => {
    expect(readAll(text)).toEqual({ ...headOf(three), results });
  });

  test.each([
    ["another version", text.replace('"quorateCampaign":4', '"quorateCampaign":9'), /line 1: version 9/],
    ["a version that named no program", '{"quorateCampaign":2,"seeds":[1,1],"shard":[0,1]}\n', /line 1: version 2/],
    ["nothing yet", "", /line 1: there is no whole line/],
    ["no program", text.replace(/"program":"\w+",/, ""), /line 1: program/],
    ["no campaign", '{"hello":1}\n', /line 1/],
    ["no JSON", `${campaignHead(headOf(three))}\n{\n`, /line 2/],
    ["a seed out of order", fileOf(three, [result(2), result(10)]), /line 3: seed 10 stands where 6 should/],
    ["a seed too many", fileOf({ ...three, last: 2 }, [result(2), result(6)]), /where none should/],
    ["an unknown key", text.replace('"seed":6', '"seed":6,"mood":"good"'), /line 3: mood/],
  ])("%s is refused with the line", (_, bad, why) => {
    expect(() => readAll(bad)).toThrow(why);
  });
});
