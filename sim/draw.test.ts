import { expect, test } from "vitest";
import { Prng } from "../node/base/prng.ts";
import { DELAYS, delay } from "./draw.ts";

const MEAN = 1_000;
const drawn = new Map(
  DELAYS.map((delays) => {
    const random = new Prng(1);
    return [delays, Array.from({ length: 200_000 }, () => delay(random, delays, MEAN)).sort((a, b) => a - b)];
  }),
);

/** The delay that so many of a thousand do not exceed. */
function quantile(delays: (typeof DELAYS)[number], permille: number): number {
  const all = drawn.get(delays) ?? [];
  return all[Math.ceil((permille * all.length) / 1_000) - 1] ?? 0;
}

test.each(DELAYS)("%s: whole numbers, never negative, with the mean that was asked for", (delays) => {
  const all = drawn.get(delays) ?? [];
  expect(all.every((us) => Number.isSafeInteger(us) && us >= 0)).toBe(true);
  const mean = all.reduce((sum, us) => sum + us, 0) / all.length;
  expect(Math.abs(mean - MEAN)).toBeLessThan(0.03 * MEAN);
  expect(delay(new Prng(1), delays, 0)).toBe(0);
});

test("they differ in how long the longest are", () => {
  expect(quantile("constant", 1_000)).toBe(MEAN);
  expect(quantile("uniform", 1_000)).toBeLessThanOrEqual(2 * MEAN);
  expect(quantile("exponential", 999)).toBeGreaterThan(6 * MEAN);
  expect(quantile("exponential", 999)).toBeLessThan(8 * MEAN);
  expect(quantile("heavyTailed", 500)).toBeLessThan(quantile("exponential", 500));
  expect(quantile("heavyTailed", 999)).toBeGreaterThan(15 * MEAN);
});
