/** The benchmark does the work it says and checks the results; nothing here is about how fast. */
import { expect, test } from "vitest";
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
  expect(open["seconds"]).toBeGreaterThanOrEqual(0.39);
});
