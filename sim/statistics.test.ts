import { describe, expect, test } from "vitest";
import { failureRateBound, median } from "./statistics.ts";

describe("the bound on the failure rate", () => {
  test.each([1, 10, 300, 10_000])(
    "of %d clean seeds is the rate at which one in twenty campaigns is clean",
    (seeds) => {
      expect((1 - failureRateBound(seeds)) ** seeds).toBeCloseTo(0.05, 9);
    },
  );

  test("is about three in n, and nothing is known from nothing", () => {
    expect(failureRateBound(1_000)).toBeCloseTo(0.003, 4);
    expect(failureRateBound(0)).toBe(1);
  });
});

test.each([
  [[], undefined],
  [[5], 5],
  [[9, 1, 5], 5],
  [[10, 2, 1, 9], 2],
])("the median of %j is %j", (numbers, middle) => {
  expect(median(numbers)).toBe(middle);
});
