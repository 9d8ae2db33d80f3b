import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { median, percentiles } from "./percentiles.ts";

describe("percentiles", () => {
  test("are samples at their nearest rank, whatever the order", () => {
    const samples = Array.from({ length: 100 }, (_, index) => ((index * 37) % 100) + 1);
    expect(percentiles(samples)).toEqual({ p50: 50, p99: 99, max: 100 });
    expect(percentiles([7.126])).toEqual({ p50: 7.13, p99: 7.13, max: 7.13 });
    expect(percentiles([])).toEqual({ p50: 0, p99: 0, max: 0 });
  });

  test("half of the samples lie at or below the median rank", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 1_000 }), { minLength: 1 }), (samples) => {
        const { p50, p99, max } = percentiles(samples);
        expect(samples.filter((sample) => sample <= p50).length * 2).toBeGreaterThanOrEqual(samples.length);
        expect(p50 <= p99 && p99 <= max && max === Math.max(...samples)).toBe(true);
      }),
    );
  });

  test("the median of an even number of figures is the mean of the middle two", () => {
    expect([median([3, 1, 2]), median([4, 1, 3, 2]), median([])]).toEqual([2, 2.5, 0]);
  });
});
