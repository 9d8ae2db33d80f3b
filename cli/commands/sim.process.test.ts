/** The simulator as a researcher runs it: processes of their own, what they print, and how they end. */
import { describe, expect, test } from "vitest";
import { Spawned } from "../spawned.contract.ts";

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
      ...["seeds", "failed", "simulatedSeconds", "wallSeconds", "faults", "reached", "transactions"],
    ]);
    expect(last["transactions"]).toBeGreaterThan(0);
  });
});
