import fc from "fast-check";
import { expect, test } from "vitest";
import { type Deadline, DeadlineHeap } from "./heap.ts";

const deadline = fc.record({ at: fc.bigInt({ min: 0n, max: 20n }), slot: fc.nat(50) });
/** Undefined stands for a pop. */
const steps = fc.array(fc.option(deadline, { nil: undefined, freq: 3 }), { maxLength: 300 });

test("gives deadlines back by time, and those of one time by slot, as a sorted list would", () => {
  fc.assert(
    fc.property(steps, (script) => {
      const heap = new DeadlineHeap();
      const sorted: Deadline[] = [];
      for (const step of [...script, ...script.map(() => undefined), undefined]) {
        if (step === undefined) {
          expect(heap.peek()).toEqual(sorted[0]);
          expect(heap.pop()).toEqual(sorted.shift());
        } else {
          heap.push(step);
          sorted.push(step);
          sorted.sort((a, b) => (a.at === b.at ? a.slot - b.slot : a.at < b.at ? -1 : 1));
        }
      }
      expect(heap.pop()).toBeUndefined();
    }),
  );
});
