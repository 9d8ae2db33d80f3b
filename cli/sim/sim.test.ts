/** What the simulator's commands refuse. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { ran } from "../run.contract.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-sim-"));
const BAD = join(DIRECTORY, "bad");
writeFileSync(BAD, '{\n"quoratePlan": 1,\n');

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

describe("the commands of the simulator", () => {
  test.each([
    [["replay"], "--seed N or --plan FILE"],
    [["replay", "--seed", "1", "--plan", BAD], "--seed N or --plan FILE"],
    [["shrink", "--plan", BAD, "--mutant", "voteNotPersisted"], "--seed N, with --mutant NAME"],
    [["shrink", "--seed", "1", "--mutant", "none"], 'no bug "none" is planted'],
    [["run", "--shard", "2/2"], "a part such as 0/8"],
    [["run", "--workers", "0"], "--workers"],
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
