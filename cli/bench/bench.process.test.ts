/** The benchmark does the work it says and checks the results; nothing here is about how fast. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Spawned } from "../spawned.contract.ts";

async function bench(...args: readonly string[]): Promise<Record<string, unknown>> {
  const spawned = new Spawned(["bench", "--json", ...args]);
  expect(await spawned.code(), spawned.err).toBe(0);
  const { figures } = JSON.parse(spawned.out.trim().split("\n").at(-1) ?? "") as { figures: Record<string, unknown> };
  return figures;
}

const SPREAD = { p50: expect.any(Number), p99: expect.any(Number), max: expect.any(Number) };

test("bulk transfers go through a cluster of its own, and all nodes agree", async () => {
  const figures = await bench("--transfers", "3000", "--accounts", "50", "--batch", "500", "--clients", "2");
  expect(figures).toMatchObject({ batchLatencyMs: SPREAD, queryLatencyMs: SPREAD });
  expect(figures["transfersPerSecond"]).toBeGreaterThan(0);
  expect(Object.keys(figures["cpuSeconds"] as object)).toEqual(["client", "node-1", "node-2", "node-3"]);
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
  const directory = mkdtempSync(join(tmpdir(), "quorate-bench-test-"));
  try {
    const file = join(directory, "before.json");
    const args = ["--transfers", "1000", "--accounts", "50", "--batch", "500"];
    const before = new Spawned(["bench", "--json", ...args]);
    expect(await before.code(), before.err).toBe(0);
    writeFileSync(file, before.out);
    const now = new Spawned(["bench", ...args, "--compare", file]);
    expect(await now.code(), now.err).toBe(0);
    expect(now.out).toMatch(/figure +before +now +ratio\n.*\n?.*transfersPerSecond +\d+ +\d+ +[\d.]+/);
    const other = new Spawned(["bench", "--nodes", "1", ...args, "--compare", file]);
    expect([await other.code(), other.err]).toEqual([1, expect.stringContaining("nodes was 3, and is 1 now")]);
  } finally {
    rmSync(directory, { recursive: true });
  }
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
    const spawned = new Spawned(["bench", "--load", load, ...args]);
    expect(await spawned.code()).toBe(2);
    expect(spawned.err).toMatch(/^error: --(cluster|nodes|rounds): .*\(usage\)$/m);
  });
});
