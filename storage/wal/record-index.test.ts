import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { record } from "./log-fixture.contract.ts";
import { RecordIndex } from "./record-index.ts";

describe("RecordIndex", () => {
  test("is what a list of records is, whatever is added and cut", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 90 }) }) },
      { weight: 1, arbitrary: fc.record({ keep: fc.nat(999) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        const index = new RecordIndex();
        const model: { term: number; hash: Uint8Array; segment: number; offset: number }[] = [];
        for (const [term, one] of steps.entries()) {
          if ("add" in one) {
            for (let i = 0; i < one.add; i++) {
              const added = record(model.length + 1, new Uint8Array(0), term);
              const place = { segment: 2 ** 40 + term, offset: i * 8 };
              index.add(added, place.segment, place.offset);
              model.push({ term, hash: added.hash, ...place });
            }
          } else {
            const from = Math.floor((one.keep / 1_000) * model.length) + 1;
            index.truncate(from);
            model.length = from - 1;
          }
        }
        expect(index.lastIndex).toBe(model.length);
        for (let i = 0; i <= model.length + 1; i++) {
          const expected = model[i - 1];
          expect(index.term(i)).toBe(expected?.term);
          expect(index.hash(i)).toEqual(expected?.hash);
          expect(index.place(i)).toEqual(expected && { segment: expected.segment, offset: expected.offset });
        }
      }),
      { numRuns: 50 },
    );
  });
});
