import { describe, expect, test } from "vitest";
import { Coverage } from "./coverage.ts";

const RUNS: readonly (readonly number[])[] = [[1, 2, 3], [2, 3], [3, 4], [1, 4, 5, 6], [6]];

describe("the coverage of a campaign", () => {
  test("counts each state with the first run that came to it", () => {
    const coverage = new Coverage();
    for (const states of RUNS) coverage.add(states);
    expect(coverage.growth()).toEqual([3, 3, 4, 6, 6]);
    expect(coverage.read()).toEqual({ distinct: 6, byNewestTenth: 0, runs: 5 });
    expect(coverage.unmet([6, 7, 1])).toEqual([7]);
  });

  test("says what the newest tenth of many runs added", () => {
    const coverage = new Coverage();
    for (let run = 0; run < 25; run++) coverage.add([run, 100]);
    expect(coverage.read()).toMatchObject({ distinct: 26, byNewestTenth: 3 });
  });
});
