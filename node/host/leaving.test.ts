import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { DiskCalls } from "../../storage/disk-calls.ts";
import { hasLeft } from "./leaving.ts";

const PATIENCE = { quietMs: 200, longestMs: 500 };

/** A disk that brings back so many calls, one each 60 ms, and what waits for all of them. */
function slowDisk(count: number): { readonly calls: DiskCalls; readonly left: Promise<void> } {
  const calls = new DiskCalls();
  const bringBack = async (): Promise<void> => {
    for (let back = 0; back < count; back++) {
      calls.begin();
      await sleep(60);
      calls.end();
    }
  };
  return { calls, left: bringBack() };
}

test("a disk that is slow is waited for as long as it gets anything done", async () => {
  const { calls, left } = slowDisk(4);
  expect([await hasLeft(left, calls, PATIENCE), calls.isIdle, calls.completed]).toEqual([true, true, 4]);
});

test("but not for ever", async () => {
  const { calls, left } = slowDisk(20);
  expect([await hasLeft(left, calls, PATIENCE), calls.isIdle]).toEqual([false, false]);
  await left;
});

test("what is written to the store for long is waited for without a word, but not for ever either", async () => {
  for (const [takesMs, hasCome] of [
    [350, true],
    [900, false],
  ] as const) {
    const calls = new DiskCalls();
    const left = calls.unseen(async () => await sleep(takesMs, undefined));
    expect([await hasLeft(left, calls, PATIENCE), calls.isUnseen]).toEqual([hasCome, !hasCome]);
    await left;
  }
});

test("one that hangs is given up after a while in which nothing came back", async () => {
  const { calls } = slowDisk(1);
  calls.begin();
  const never = new Promise<void>(() => undefined);
  const since = performance.now();
  expect(await hasLeft(never, calls, PATIENCE)).toBe(false);
  expect(performance.now() - since).toBeLessThan(450);
});
