/** The benchmark does the work it says and checks the results; nothing here is about how fast. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { endCluster, freshCluster } from "../fresh-cluster.test-support.ts";
import { Spawned } from "../spawned.contract.ts";
import { fileSystemOf } from "./file-system.ts";

/** Not among other temporary files, which may be in memory: on a disk, and with nothing of anybody else's. */
const HOME = mkdtempSync("/var/tmp/quorate-bench-test-");
afterAll(() => rmSync(HOME, { recursive: true }));

function spawnBench(...args: readonly string[]): Spawned {
  return new Spawned(["bench", ...args], { TMPDIR: HOME });
}

interface Result {
  readonly settings: Record<string, unknown>;
  readonly figures: Record<string, unknown>;
}

async function benchResult(...args: readonly string[]): Promise<Result> {
  const spawned = spawnBench("--json", ...args);
  expect(await spawned.code(), spawned.err).toBe(0);
  return JSON.parse(spawned.out.trim().split("\n").at(-1) ?? "") as Result;
}

async function bench(...args: readonly string[]): Promise<Result["figures"]> {
  return (await benchResult(...args)).figures;
}

/** What benchmarks have left: directories, and the processes that were started with files of theirs. */
function leftBehind(): { readonly directories: readonly string[]; readonly processes: readonly number[] } {
  const processes = readdirSync("/proc").filter((name) => {
    try {
      return readFileSync(`/proc/${name}/cmdline`, "utf8").includes(`${HOME}/quorate-bench-`);
    } catch {
      return false; // no process, or one that has just ended
    }
  });
  return { directories: readdirSync(HOME), processes: processes.map(Number) };
}

const NOTHING = { directories: [], processes: [] };

const SPREAD = { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) };

test("bulk transfers go through a cluster of its own, and all nodes agree", async () => {
  const figures = await bench("--transfers", "3000", "--accounts", "50", "--batch", "500", "--clients", "2");
  expect(figures).toMatchObject({ batchLatencyMs: SPREAD, queryLatencyMs: SPREAD });
  expect(figures["transfersPerSecond"]).toBeGreaterThan(0);
  expect(figures["fsyncsPerSecond"]).toBeGreaterThan(0);
  expect(Object.keys(figures["cpuSeconds"] as object)).toEqual(["client", "node-1", "node-2", "node-3"]);
  expect(leftBehind()).toEqual(NOTHING);
});

test("signed payments are executed, each by its payer's key, in a closed and in an open loop", async () => {
  const load = ["--payers", "20", "--payments", "200", "--connections", "3"];
  const closed = await bench("--load", "signed", ...load);
  expect(closed).toMatchObject({ latencyMs: SPREAD });
  const open = await bench("--load", "open", "--rate", "500", ...load);
  // 400 ms, of which a fifth is the warm-up.
  expect(open["warmUpSeconds"]).toBe(0.08);
  expect(open["seconds"]).toBeGreaterThanOrEqual(0.31);
});

test("payments through risk, transfers in two phases and questions go side by side", async () => {
  const figures = await bench("--load", "mixed", "--payers", "20", "--payments", "200", "--connections", "3");
  expect(figures).toMatchObject({ paymentLatencyMs: SPREAD, twoPhaseLatencyMs: SPREAD, queryLatencyMs: SPREAD });
  expect(figures["operationsPerSecond"]).toBeGreaterThan(0);
});

test("a cluster that has grown is measured beside one that has not, and one with many accounts", async () => {
  const small = ["--accounts", "50", "--many-accounts", "500", "--batch", "500"];
  const figures = await bench("--load", "growth", "--transfers", "2000", ...small);
  for (const name of ["transfersPerSecond", "keptWithTransfers", "keptWithAccounts", "rssMiB", "rssMiBManyAccounts"]) {
    expect(figures[name], name).toBeGreaterThan(0);
  }
});

test("what was measured before stands beside what is measured now", async () => {
  const directory = mkdtempSync(join(HOME, "compare-"));
  try {
    const file = join(directory, "before.json");
    const args = ["--transfers", "1000", "--accounts", "50", "--batch", "500"];
    const before = spawnBench("--json", ...args);
    expect(await before.code(), before.err).toBe(0);
    writeFileSync(file, before.out);
    const now = spawnBench(...args, "--compare", file);
    expect(await now.code(), now.err).toBe(0);
    expect(now.err).toContain("nodes 3, encrypt false");
    expect(now.out).toMatch(/figure +before +now +ratio\n.*\n?.*transfersPerSecond +\d+ +\d+ +[\d.]+/);
    const other = spawnBench("--nodes", "1", ...args, "--compare", file);
    expect([await other.code(), other.err]).toEqual([1, expect.stringContaining("nodes was 3, and is 1 now")]);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("each node's profile is written when it ends, and what they come to by stage", async () => {
  const directory = mkdtempSync(join(HOME, "profile-"));
  try {
    await bench("--nodes", "1", "--transfers", "3000", "--accounts", "50", "--profile", directory);
    expect(readdirSync(directory)).toEqual(["breakdown.txt", "node-1.cpuprofile"]);
    const breakdown = readFileSync(join(directory, "breakdown.txt"), "utf8");
    for (const stage of ["decode", "verify", "append", "fsync", "send", "apply", "reply"]) {
      expect(breakdown).toMatch(new RegExp(`^${stage} +\\d+ +[\\d.]+ %$`, "m"));
    }
    expect(breakdown).toMatch(/^apply +[1-9]/m);
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("a cluster that is there already is written into only while it is empty", async () => {
  const local = await freshCluster({ name: "bench-given", nodes: 1, patienceMs: 60_000 });
  try {
    const args = ["--cluster", local.clusterFile, "--transfers", "1000", "--accounts", "50", "--batch", "500"];
    const { settings, figures } = await benchResult(...args);
    expect(settings).toEqual({
      ownCluster: false,
      nodes: 1,
      accounts: 50,
      transfers: 1000,
      batch: 500,
      clients: 1,
      seed: 1,
    });
    expect(figures).not.toHaveProperty("bytesWrittenPerTransfer");
    expect(Object.keys(figures["cpuSeconds"] as object)).toEqual(["client"]);
    const again = spawnBench(...args);
    expect([await again.code(), again.err]).toEqual([1, expect.stringContaining("(cluster_not_empty)")]);
  } finally {
    await endCluster(local);
  }
});

describe("a benchmark that does not come to its end", () => {
  const LONG = ["--transfers", "100000000", "--accounts", "50"];

  test.each(["SIGTERM", "SIGHUP"] as const)("is broken off by %s: no process and no file is left", async (signal) => {
    const spawned = spawnBench("--json", ...LONG);
    await spawned.says("Creating 100000000 transfers");
    expect(leftBehind().processes).toHaveLength(3);
    spawned.send(signal);
    expect(await spawned.code(), spawned.err).toBe(1);
    expect(spawned.out).toContain('"code":"interrupted"');
    expect(leftBehind()).toEqual(NOTHING);
  });

  test("loses a node: it says so at once, and leaves what the nodes have logged", async () => {
    const spawned = spawnBench(...LONG);
    await spawned.says("Creating 100000000 transfers");
    const [node = 0] = leftBehind().processes;
    process.kill(node, "SIGKILL");
    expect(await spawned.code()).toBe(1);
    expect(spawned.err).toContain("(process_ended)");
    const [, directory = ""] = /Data and logs stay in (\S+);/.exec(spawned.err) ?? [];
    expect(existsSync(join(directory, "node-1", "node-1.log"))).toBe(true);
    rmSync(directory, { recursive: true });
    expect(leftBehind()).toEqual(NOTHING);
  });

  test.skipIf(!existsSync("/dev/shm") || fileSystemOf("/dev/shm") !== "tmpfs")("is not begun in memory", async () => {
    const spawned = new Spawned(["bench"], { TMPDIR: "/dev/shm" });
    expect([await spawned.code(), spawned.err]).toEqual([
      1,
      expect.stringMatching(/tmpfs.*TMPDIR.*\(nothing_durable\)/),
    ]);
  });
});

describe("outages", () => {
  const ROUND = ["--rounds", "1"];

  test("a leader is killed: the next one answers, and nothing acknowledged is lost", async () => {
    const figures = await bench("--load", "failover", "--fast", ...ROUND);
    expect(figures).toMatchObject({ lost: 0, medianMs: figures["maxMs"] });
    expect(figures["medianMs"]).toBeGreaterThan(0);
    expect(figures["everyClientMedianMs"]).toBeGreaterThanOrEqual(figures["medianMs"] as number);
    expect(figures["acknowledged"]).toBeGreaterThan(50);
  });

  test("a leader is stopped and hands over first", async () => {
    const figures = await bench("--load", "handover", ...ROUND);
    expect(figures).toMatchObject({ lost: 0, longestGapMs: figures["longestGapMaxMs"] });
    expect(figures["longestGapMs"]).toBeGreaterThan(0);
    expect(figures["acknowledged"]).toBeGreaterThan(50);
  });

  test("an empty node comes as far as the others, which go on", async () => {
    const figures = await bench("--load", "catchup", "--transfers", "20000", "--accounts", "1000", ...ROUND);
    expect(figures).toMatchObject({ lost: 0, seconds: figures["secondsMax"] });
    expect(figures["megabytesPerSecond"]).toBeGreaterThan(0);
    expect(figures["commitRateKept"]).toBeGreaterThan(0);
  });

  test("a node is started again after a stop and after a crash", async () => {
    const figures = await bench("--load", "restart", "--transfers", "2000", "--accounts", "50", ...ROUND);
    expect(Object.keys(figures)).toEqual(["cleanMs", "cleanMaxMs", "crashMs", "crashMaxMs"]);
    expect(Math.min(...(Object.values(figures) as number[]))).toBeGreaterThan(0);
  });

  test.each([
    ["a cluster that is there already", "failover", ["--cluster", "cluster.json"]],
    ["fewer nodes than go on without one", "handover", ["--nodes", "2"]],
    ["no rounds", "restart", ["--rounds", "0"]],
  ])("are not measured with %s", async (_, load, args) => {
    const spawned = spawnBench("--load", load, ...args);
    expect(await spawned.code()).toBe(2);
    expect(spawned.err).toMatch(/^error: --(cluster|nodes|rounds): .*\(usage\)$/m);
  });
});
