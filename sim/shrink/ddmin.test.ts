import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ddmin } from "./ddmin.ts";

/** Reduces a list under a condition; how many parts were tried. */
function reduce<T>(items: readonly T[], fails: (part: readonly T[]) => boolean): { kept: readonly T[]; tries: number } {
  const search = ddmin(items);
  let tries = 0;
  let step = search.next();
  while (step.done !== true) {
    tries += 1;
    step = search.next(fails(step.value));
  }
  return { kept: step.value, tries };
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);

describe("delta debugging", () => {
  test("nothing is left where nothing is needed", () => {
    expect(reduce(upTo(100), () => true)).toEqual({ kept: [], tries: 1 });
    expect(reduce([], () => true).kept).toEqual([]);
  });

  test("the items that are needed are left, in their order", () => {
    const needed = [3, 47, 48, 99];
    const { kept, tries } = reduce(upTo(100), (part) => needed.every((item) => part.includes(item)));
    expect(kept).toEqual(needed);
    expect(tries).toBeLessThan(200);
  });

  test("any one of several reasons is enough", () => {
    const { kept } = reduce(upTo(64), (part) => part.includes(7) || (part.includes(20) && part.includes(21)));
    expect([[7], [20, 21]]).toContainEqual(kept);
  });

  test("what is left fails, and without any one of its items it does not", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 }), (needed) => {
        const fails = (part: readonly number[]): boolean => needed.every((item) => part.includes(item));
        const { kept } = reduce(upTo(40), fails);
        expect(fails(kept)).toBe(true);
        for (const item of kept) expect(fails(kept.filter((other) => other !== item))).toBe(false);
      }),
    );
  });
});
