/** The simulator as a researcher runs it: processes of their own, what they print, and how they end. */
import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { Spawned } from "../spawned.contract.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-sim-"));

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

function file(name: string): string {
  return join(DIRECTORY, name);
}

function lastJson(out: string): Record<string, unknown> {
  return JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
}

async function printed(...args: readonly string[]): Promise<string> {
  const spawned = new Spawned(["sim", ...args]);
  expect(await spawned.code(), spawned.err).toBe(0);
  return spawned.out;
}

describe("quorate sim", () => {
  test("replays a seed byte for byte in two processes, trace and all", async () => {
    const args = ["replay", "--seed", "5", "--trace", "--json"];
    const [one, two] = await Promise.all([printed(...args), printed(...args)]);
    expect(two).toBe(one);
    const last = JSON.parse(one.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
    expect(last).toMatchObject({ seed: 5, failed: false });
    expect(last["traceHash"]).toMatch(/^[0-9a-f]{16}$/);
  });

  test("run ends with one JSON object of what it did", async () => {
    const out = await printed("run", "--seeds", "1..3", "--json");
    const last = JSON.parse(out.trim().split("\n").at(-1) ?? "") as Record<string, unknown>;
    expect(last).toMatchObject({ seeds: 3, failed: [] });
    expect(Object.keys(last)).toEqual([
      ...["seeds", "failed", "unavoidableLoss", "unavoidableHalt", "failureRateMax", "simulatedSeconds", "wallSeconds"],
      ...["faults", "skipped", "reached", "transactions", "states", "neverReached"],
    ]);
    expect(last["transactions"]).toBeGreaterThan(0);
  });

  test("a campaign's file is the same with any number of workers, and goes on where it was cut off", async () => {
    const run = ["run", "--seeds", "1..6", "--shard", "1/2", "--json"];
    const [one, three] = [file("one.jsonl"), file("three.jsonl")];
    await printed(...run, "--out", one);
    await printed(...run, "--out", three, "--workers", "3");
    const whole = readFileSync(one, "utf8");
    expect(readFileSync(three, "utf8")).toBe(whole);
    truncateSync(three, Math.floor(whole.length / 2));
    expect(lastJson(await printed(...run, "--out", three, "--workers", "2"))).toMatchObject({ seeds: 3 });
    expect(readFileSync(three, "utf8")).toBe(whole);
    const page = file("report.html");
    expect(lastJson(await printed("report", one, three, "--out", page, "--json"))).toMatchObject({ seeds: 3, page });
    expect(readFileSync(page, "utf8")).toContain("<svg");
  });

  test("a guided campaign is the same with any number of workers, and tells what its variations brought", async () => {
    const run = ["run", "--seeds", "1..32", "--guided", "--json"];
    const [one, two] = [lastJson(await printed(...run)), lastJson(await printed(...run, "--workers", "2"))];
    expect({ ...two, wallSeconds: 0 }).toEqual({ ...one, wallSeconds: 0 });
    expect(one).toMatchObject({ seeds: 32, failed: [], guided: { fresh: { runs: 28 }, varied: { runs: 4 } } });
  });

  test("where the last copy is given up, what nothing could have kept is counted, and is no failure", async () => {
    const [out, page] = [file("given-up.jsonl"), file("given-up.html")];
    const run = ["run", "--seeds", "1..6", "--give-up-last-copy", "--out", out, "--json"];
    const told = lastJson(await printed(...run, "--workers", "2"));
    const lost = told["unavoidableLoss"] as readonly number[];
    expect(told).toMatchObject({ seeds: 6, failed: [] });
    expect(lost.length).toBeGreaterThan(0);
    const again = lastJson(await printed("replay", "--seed", String(lost[0]), "--give-up-last-copy", "--json"));
    expect(again).toMatchObject({ failed: false, unavoidableLoss: { heights: expect.any(Array) } });
    expect(lastJson(await printed("report", out, "--out", page, "--json"))).toMatchObject({ unavoidableLoss: lost });
    expect(readFileSync(page, "utf8")).toContain("lost what nothing could have kept");
    const ordinary = new Spawned(["sim", "run", "--seeds", "1..6", "--out", out]);
    expect(await ordinary.code()).toBe(1);
    expect(ordinary.err).toContain("campaign_mismatch");
  });

  test("what Ctrl-C leaves in a campaign's file is whole, and is where it goes on", async () => {
    const out = file("stopped.jsonl");
    const spawned = new Spawned(["sim", "run", "--seeds", "1..500", "--workers", "2", "--out", out, "--json"]);
    while (!existsSync(out) || readFileSync(out, "utf8").split("\n").length < 4) await sleep(50);
    spawned.ctrlC();
    expect(await spawned.code()).toBe(130);
    const { seeds } = lastJson(spawned.out);
    const lines = readFileSync(out, "utf8").split("\n");
    expect(lines.at(-1)).toBe("");
    expect(lines.length - 2).toBe(seeds);
  });

  test("a run's plan gives the run again, in another process and without the seed", async () => {
    const [plan, trace] = [file("5.plan"), file("5.trace")];
    const own = lastJson(await printed("replay", "--seed", "5", "--write-plan", plan, "--trace-file", trace, "--json"));
    const again = lastJson(await printed("replay", "--plan", plan, "--json"));
    expect(again).toEqual(own);
    expect(lastJson(await printed("diff", plan, trace, "--json"))).toMatchObject({ same: true });
  });

  test("a planted bug is found, shrunk to a plan, and the plan still fails", async () => {
    const mutant = "retryExecutedTwice";
    const told = lastJson(await printed("mutants", "--only", mutant, "--shrink", "--runs", "20", "--json"));
    expect(told).toMatchObject({
      planted: 1,
      found: 1,
      missed: [],
      medianSeeds: told["maxSeeds"],
      unclean: [],
      shrinkingStopped: 1,
      maxFaults: told["medianFaults"],
      maxShrinkRuns: 20,
    });
    const seed = String(told["maxSeeds"]); // the first that shows it; they begin at 1
    const plan = file("small.plan");
    const small = lastJson(
      await printed("shrink", "--seed", seed, "--mutant", mutant, "--runs", "20", "--out", plan, "--json"),
    );
    expect(small).toMatchObject({ checker: "exactlyOnce", after: { nodes: 3 }, runs: 20, complete: false });
    const again = new Spawned(["sim", "replay", "--plan", plan, "--json"]);
    expect(await again.code()).toBe(1);
    expect(lastJson(again.out)).toMatchObject({
      failed: { checker: "exactlyOnce" },
      traceHash: small["traceHash"],
    });
  });

  test("bugs are found and shrunk alike by one thread and by two, and told in their order", async () => {
    const rows = async (workers: string): Promise<readonly string[]> => {
      const only = ["--only", "sentCountsAsStored,preVoteSkipped", "--shrink", "--runs", "8"];
      const out = await printed("mutants", ...only, "--workers", workers, "--json");
      return out.replaceAll(/"(seconds|m\w+Seconds)":[\d.]+/g, "").split("\n");
    };
    const told = await rows("1");
    expect(told.map((line) => /"(?:mutant":"\w+|found":\d)/.exec(line)?.[0])).toEqual([
      '"mutant":"sentCountsAsStored',
      '"mutant":"preVoteSkipped',
      '"found":2',
      undefined,
    ]);
    expect(await rows("2")).toEqual(told);
  });

  test("the simulator tells its own speed, and on what it was measured", async () => {
    const told = lastJson(await printed("bench", "--rounds", "1", "--warm-up", "1", "--json"));
    const pace = {
      ...{ of: expect.stringContaining("3 nodes"), simulatedSecondsPerSecond: expect.any(Number) },
      simulatedSecondsPerCpuSecond: expect.any(Number),
    };
    const paces = [1, 5].map((requestsPerSecond) => ({ requestsPerSecond, ...pace }));
    expect(told).toMatchObject({ rounds: 1, paces, bulk: expect.any(String) });
    expect(told["transfersPerSecond"]).toBeGreaterThan(0);
  });

  test("a scenario in TypeScript runs on every Node, with what it imports; what is none is refused with its line", async () => {
    const [ladder, whole, broken] = [file("ladder.ts"), file("whole.ts"), file("broken.ts")];
    writeFileSync(
      ladder,
      "export const rungs = (most: number): readonly number[] => Array.from({ length: most }, (_, i) => i);\n",
    );
    const timeline =
      '  timeline: rungs(3).map((rung) => ({ atMs: 500 * rung, kind: "pause", target: 1, forMs: 100 })),';
    const text = [`import { rungs } from "./ladder.ts";`, "interface Named { readonly name: string }"];
    const scenario = [
      "export const scenario: Named & Record<string, unknown> = {",
      '  name: "a ladder", about: "rungs",',
      timeline,
      "};",
    ];
    writeFileSync(whole, [...text, ...scenario].join("\n"));
    const told = lastJson(await printed("run", "--scenario", whole, "--seeds", "1", "--json"));
    expect(told).toMatchObject({ scenario: "a ladder", faults: { pause: 3 }, unmet: [] });
    writeFileSync(broken, [...text, "export const scenario: = 1;"].join("\n"));
    const spawned = new Spawned(["sim", "run", "--scenario", broken, "--seeds", "1"]);
    expect(await spawned.code()).not.toBe(0);
    expect(spawned.err).toMatch(/broken\.ts.*line 3/s);
  });

  test("a scenario runs in workers, too, and says where it was not as expected", async () => {
    const scenario = join(import.meta.dirname, "../../sim/scenarios/power-failures.yaml");
    const told = lastJson(await printed("run", "--scenario", scenario, "--seeds", "1..2", "--workers", "2", "--json"));
    expect(told).toMatchObject({ scenario: "power failures", seeds: 2, failed: [], unmet: [] });
    const hopeless = file("hopeless.yaml");
    writeFileSync(
      hopeless,
      "name: hopeless\nabout: it\noptions: { durationMs: 500 }\ntimeline: []\nexpect: { elections: { min: 9 } }\n",
    );
    const spawned = new Spawned(["sim", "run", "--scenario", hopeless, "--seeds", "1", "--json"]);
    expect(await spawned.code()).toBe(1);
    expect(spawned.err).toContain("seed 1: elections: 1, and at least 9 expected");
    expect(spawned.err).toContain(`again: npx quorate sim replay --scenario ${hopeless} --seed 1 --trace`);
  });
});
