/** What an open loop does with what is due, and with what fails. */
import { performance } from "node:perf_hooks";
import { expect, test } from "vitest";
import { paced } from "./paced.ts";

const ITEMS: readonly number[] = Array.from({ length: 500 }, (_, index) => index);

test("each item is started once, in order, not before it is due", async () => {
  const startedAt = performance.now();
  const dueAt = (index: number): number => startedAt + index / 10;
  const started: number[] = [];
  await paced(ITEMS, dueAt, async (item) => {
    expect(performance.now()).toBeGreaterThanOrEqual(dueAt(item));
    started.push(item);
    await Promise.resolve();
  });
  expect(started).toEqual(ITEMS);
});

test("an item that fails while others are still to come ends the loop, with its own error", async () => {
  const startedAt = performance.now();
  let started = 0;
  const loop = paced(
    ITEMS,
    (index) => startedAt + index,
    async (item) => {
      started += 1;
      await Promise.resolve();
      if (item >= 10) throw new Error(`item ${item}`);
    },
  );
  await expect(loop).rejects.toThrow("item 10");
  expect(started).toBeLessThan(ITEMS.length);
});

test("the last item may fail, too", async () => {
  const loop = paced(
    ITEMS,
    () => 0,
    async (item) => {
      await new Promise((resolve) => {
        setTimeout(resolve, 5);
      });
      if (item === ITEMS.length - 1) throw new Error("the last");
    },
  );
  await expect(loop).rejects.toThrow("the last");
});
