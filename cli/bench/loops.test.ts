/** What counts of a load, and what does not. */
import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import { closedLoop, openLoop } from "./loops.ts";

const SLOW_MS = 60;

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
}

test("a closed loop keeps as many under way as it may, and does not measure its first fifth", async () => {
  let underWay = 0;
  let most = 0;
  const turns: number[] = [];
  const measured = await closedLoop(4, { turns: 50 }, async (turn) => {
    turns.push(turn);
    underWay += 1;
    most = Math.max(most, underWay);
    // Only what is not measured is slow: the first ten, and whatever is under way with them.
    await pause(turn < 10 ? SLOW_MS : 1);
    underWay -= 1;
  });
  expect(turns).toEqual(Array.from({ length: 50 }, (_, turn) => turn));
  expect(most).toBe(4);
  expect(measured.done).toBe(50);
  expect(measured.latencyMs.p50).toBeLessThan(SLOW_MS);
  expect(measured.warmUpSeconds).toBeGreaterThanOrEqual((2 * SLOW_MS) / 1_000);
});

test("a closed loop of so many seconds ends after them", async () => {
  const startedAt = performance.now();
  const { done, seconds, warmUpSeconds } = await closedLoop(2, { seconds: 0.25 }, () => pause(5));
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(250);
  expect(warmUpSeconds).toBeGreaterThanOrEqual(0.05);
  expect(seconds).toBeGreaterThan(0);
  expect(done).toBeGreaterThan(2);
});

test("a closed loop with a failure begins nothing more", async () => {
  let begun = 0;
  const loop = closedLoop(2, { turns: 1_000 }, async (turn) => {
    begun += 1;
    await pause(1);
    if (turn === 7) throw new Error("the eighth");
  });
  await expect(loop).rejects.toThrow("the eighth");
  await pause(20);
  expect(begun).toBeLessThan(20);
});

test("an open loop counts a stall against all that was due in it, but for what is due in the first fifth", async () => {
  // A hundred a second; answers to those that are due from 200 ms on come at 500 ms, the others at once.
  const startedAt = performance.now();
  const { latencyMs, warmUpSeconds, done } = await openLoop(100, 50, (turn) =>
    turn < 20 ? Promise.resolve() : pause(Math.max(0, startedAt + 500 - performance.now())),
  );
  expect({ done, warmUpSeconds }).toEqual({ done: 50, warmUpSeconds: 0.1 });
  expect(latencyMs.max).toBeGreaterThan(250);
});
