import fc from "fast-check";
import { expect, test } from "vitest";
import { DirtyPages } from "./paged.ts";

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
