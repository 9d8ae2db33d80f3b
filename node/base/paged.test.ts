import fc from "fast-check";
import { expect, test } from "vitest";
import { DirtyPages } from "./paged.ts";

test("each reader clears the marks for itself", () => {
  const dirty = new DirtyPages();
  dirty.mark(3);
  dirty.clear(1);
  dirty.mark(70);
  expect([dirty.sorted(0), dirty.sorted(1)]).toEqual([[3, 70], [70]]);
  dirty.clear();
  expect([dirty.sorted(0), dirty.sorted(1)]).toEqual([[], [70]]);
});

test("remembers exactly the pages that were marked since the last clear, ascending", () => {
  /** -1 stands for a clear. */
  const steps = fc.array(fc.oneof(fc.nat(40), fc.nat(700), fc.constant(-1)), { maxLength: 100 });
  fc.assert(
    fc.property(steps, (script) => {
      const dirty = new DirtyPages();
      const model = new Set<number>();
      for (const step of script) {
        if (step < 0) {
          dirty.clear();
          model.clear();
        } else {
          dirty.mark(step);
          model.add(step);
        }
        expect(dirty.sorted()).toEqual([...model].sort((a, b) => a - b));
      }
    }),
  );
});
