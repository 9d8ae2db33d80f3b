/** What the simulator's commands refuse. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { campaignHead, campaignLine } from "../../sim/campaign.ts";
import { FAULTS } from "../../sim/counts.ts";
import { POINTS } from "../../sim/reached.ts";
import { ran } from "../run.contract.ts";
import { programHash } from "./program.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-sim-"));
const BAD = join(DIRECTORY, "bad");
writeFileSync(BAD, '{\n"quoratePlan": 2,\n');

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

/** The file of a campaign over the seeds from 1 on that came to everything but these, and is done. */
function campaignWithout(program: string, seeds: number, ...missed: readonly string[]): string {
  const met = (names: readonly string[]): object =>
    Object.fromEntries(names.filter((name) => !missed.includes(name)).map((name) => [name, 1]));
  const common = { simulatedMs: 1, transactions: 1, stateCount: 2, traceHash: "0".repeat(16) };
  const counts = { faults: met(FAULTS), skipped: {}, reached: met(POINTS) };
  const head = campaignHead({ program, giveUpLastCopy: false, seeds: { first: 1, last: seeds, shard: 0, shards: 1 } });
  const lines = Array.from({ length: seeds }, (_, index) =>
    campaignLine({ seed: index + 1, ...common, ...counts, newStates: index < 1_000 ? [index] : [] }),
  );
  const file = join(DIRECTORY, `campaign-${program}-${seeds}-${missed.join("-")}`);
  writeFileSync(file, [head, ...lines, ""].join("\n"));
  return file;
}

describe("a campaign that never came to something", () => {
  test.each([
    [2_000, ["holdVoided"], 1, { points: ["holdVoided"], faults: [], isFailure: true }],
    [2_000, ["lostDisk"], 1, { points: [], faults: ["lostDisk"], isFailure: true }],
    [1_999, ["holdVoided"], 0, { points: ["holdVoided"], faults: [], isFailure: false }],
    [2_000, ["acquirerDown"], 0, { points: [], faults: [], isFailure: false }],
  ])("over %d seeds, without %j, ends with %d", async (seeds, missed, code, neverReached) => {
    const file = campaignWithout(programHash(), seeds, ...missed);
    const states = { distinct: 1_000, byNewestTenth: 0, perThousandRuns: Math.round(1e6 / seeds) };
    const run = await ran("sim", "run", "--seeds", `1..${seeds}`, "--out", file, "--json");
    expect(run.code, run.err).toBe(code);
    expect(JSON.parse(run.out)).toMatchObject({ seeds, states, neverReached });
    const report = await ran("sim", "report", file, "--out", `${file}.html`, "--json");
    expect(report.code, report.err).toBe(code);
    expect(JSON.parse(report.out)).toMatchObject({ seeds, states, neverReached });
  });
});

describe("a campaign that another program made", () => {
  const other = "f".repeat(16);

  test("is not gone on with, and is left as it was", async () => {
    const file = campaignWithout(other, 2);
    const before = readFileSync(file, "utf8");
    const { code, err } = await ran("sim", "run", "--seeds", "1..2", "--out", file);
    expect(code).toBe(1);
    expect(err).toContain(`made by the program ${other}, and this is ${programHash()}: name another file, or remove`);
    expect(err).toContain("(campaign_mismatch)");
    expect(readFileSync(file, "utf8")).toBe(before);
  });

  test("is told from others in a report", async () => {
    const files = [campaignWithout(programHash(), 2), campaignWithout(other, 2)];
    const { code, out } = await ran("sim", "report", ...files, "--out", join(DIRECTORY, "two.html"));
    expect(code).toBe(0);
    expect(out).toContain("made by 2 programs");
  });
});

describe("the commands of the simulator", () => {
  test.each([
    [["replay"], "--seed N, with --mutant NAME"],
    [["replay", "--seed", "1", "--plan", BAD], "--seed N, with --mutant NAME"],
    [["shrink", "--plan", BAD, "--mutant", "voteNotPersisted"], "--seed N, with --mutant NAME"],
    [["shrink", "--seed", "1", "--mutant", "none"], 'no bug "none" is planted'],
    [["run", "--shard", "2/2"], "a part such as 0/8"],
    [["run", "--workers", "0"], "--workers"],
    [["run", "--guided", "--shard", "0/2"], "--shard"],
    [["mutants", "--only", "none"], 'no bug "none" is planted'],
  ])("%j is wrong use", async (args, why) => {
    const { code, out, err } = await ran("sim", ...args);
    expect({ code, out }).toEqual({ code: 2, out: "" });
    expect(err).toContain(why);
  });

  test.each([
    [["replay", "--plan", BAD], "plan_invalid"],
    [["diff", "1", BAD], "plan_invalid"],
    [["report", BAD], "campaign_invalid"],
    [["run", "--seeds", "1..2", "--out", BAD], "campaign_invalid"],
    [["shrink", "--seed", "2"], "nothing_failed"],
    [["replay", "--plan", join(DIRECTORY, "missing")], "file_unusable"],
  ])("%j fails with %s", async (args, error) => {
    const { code, err } = await ran("sim", ...args);
    expect(code).toBe(1);
    expect(err).toContain(`(${error})`);
  });
});
