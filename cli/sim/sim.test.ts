/** What the simulator's commands refuse. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { campaignHead, campaignLine } from "../../sim/campaign.ts";
import { FAULTS } from "../../sim/counts.ts";
import { POINTS } from "../../sim/reached.ts";
import { ran, ranJson } from "../run.contract.ts";
import { programHash } from "./program.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-sim-"));
const BAD = join(DIRECTORY, "bad");
const NOWHERE = join(DIRECTORY, "missing", "file");
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
    const states = { distinct: 1_000, byNewestTenth: 0, runs: seeds };
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
    [["replay", "--plan", BAD, "--scenario", BAD], "--seed N, with --mutant NAME"],
    [["replay", "--seed", "1", "--scenario", BAD, "--give-up-last-copy"], "where its own options say so"],
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
    // That a file cannot be written breaks no rule, and is told before a long search, or many seeds.
    [["replay", "--seed", "2", "--history", NOWHERE], "file_unusable"],
    [
      ["shrink", "--seed", "1", "--mutant", "retryExecutedTwice", "--runs", "1000000", "--out", NOWHERE],
      "file_unusable",
    ],
    [["run", "--seeds", "1..1000000", "--write-plan", NOWHERE], "file_unusable"],
  ])("%j fails with %s", async (args, error) => {
    const { code, err } = await ran("sim", ...args);
    expect(code).toBe(1);
    expect(err).toContain(`(${error})`);
    if (args.includes(BAD)) expect(err).toContain(`${BAD}: line `);
  });

  test("a scenario's seed is run again by the scenario's name, and so is one that a plan was written of", async () => {
    const [scenario, plan] = [join(DIRECTORY, "short.yaml"), join(DIRECTORY, "short.plan")];
    writeFileSync(scenario, "name: short\nabout: it\noptions: { durationMs: 300 }\ntimeline: []\n");
    const own = await ranJson("sim", "replay", "--scenario", scenario, "--seed", "2", "--write-plan", plan);
    expect(own).toMatchObject({ seed: 2, failed: false, options: { durationMs: 300 } });
    expect(await ranJson("sim", "replay", "--plan", plan)).toEqual(own);
  });

  test("a scenario that a planted bug breaks is named with both", async () => {
    const scenario = join(import.meta.dirname, "../../sim/scenarios/power-failures.yaml");
    const which = ["--scenario", scenario, "--seed", "1", "--mutant", "brokenChainKept"];
    const { code, out } = await ran("sim", "replay", ...which);
    expect(code).toBe(1);
    expect(out).toContain(`npx quorate sim shrink ${which.join(" ")}\n`);
  });
});
