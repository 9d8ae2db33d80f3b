import { expect, test } from "vitest";
import { longestGap } from "./gaps.ts";

test.each<[string, readonly number[], number]>([
  ["between two answers within", [100, 110, 140, 150, 200], 50],
  ["between the last answer before the window and the first in it", [60, 160, 170, 180, 190, 200], 100],
  ["between the last answer in it and the first behind it", [100, 110, 130, 150, 170, 290], 120],
  ["not what lies outside", [0, 99, 120, 140, 160, 180, 200, 900], 21],
  ["the whole window and more, where nothing was answered in it", [90, 210], 120],
  ["up to the edges, where there is nothing outside", [130, 140], 60],
  ["the window, where nothing was answered at all", [], 100],
])("the longest gap is %s", (_, times, longest) => {
  expect(longestGap(times, { fromMs: 100, toMs: 200 })).toBe(longest);
});
