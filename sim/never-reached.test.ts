import { describe, expect, test } from "vitest";
import { allOf, FAULTS } from "./counts.ts";
import { neverReached, neverReachedLines } from "./never-reached.ts";
import { POINTS } from "./reached.ts";

const EVERYTHING = {
  faults: Object.fromEntries(FAULTS.map((fault) => [fault, 1])) as Record<(typeof FAULTS)[number], number>,
  reached: Object.fromEntries(POINTS.map((point) => [point, 1])) as Record<(typeof POINTS)[number], number>,
};

describe("what a campaign never came to", () => {
  test("is nothing when all was met at least once", () => {
    const never = neverReached({ seeds: 5_000, ...EVERYTHING });
    expect(never).toEqual({ points: [], faults: [], isFailure: false });
    expect(neverReachedLines(never)).toEqual([]);
  });

  test("is said of a small campaign, and makes one of 2,000 seeds fail", () => {
    const figures = {
      faults: { ...EVERYTHING.faults, lostDisk: 0 },
      reached: { ...EVERYTHING.reached, holdVoided: 0, imported: 0 },
    };
    const missing = { points: ["holdVoided", "imported"], faults: ["lostDisk"] };
    expect(neverReached({ seeds: 1_999, ...figures })).toEqual({ ...missing, isFailure: false });
    const never = neverReached({ seeds: 2_000, ...figures });
    expect(never).toEqual({ ...missing, isFailure: true });
    expect(neverReachedLines(never)).toEqual([
      "never reached: holdVoided, imported, fault lostDisk; 2000 seeds must come to everything",
    ]);
  });

  test("one point is enough to fail, and so is one kind of fault; what is not drawn is not asked for", () => {
    const noPoint = { ...EVERYTHING, reached: { ...EVERYTHING.reached, imported: 0 } };
    const noFault = { ...EVERYTHING, faults: { ...EVERYTHING.faults, pause: 0 } };
    const noOutage = { ...EVERYTHING, faults: { ...EVERYTHING.faults, acquirerDown: 0 } };
    const failures = [noPoint, noFault, noOutage].map(
      (figures) => neverReached({ seeds: 2_000, ...figures }).isFailure,
    );
    expect(failures).toEqual([true, true, false]);
    const nothing = neverReached({ seeds: 0, faults: allOf(FAULTS, {}), reached: allOf(POINTS, {}) });
    expect(nothing.points).toEqual(POINTS);
  });
});
