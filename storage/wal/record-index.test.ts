import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { record, startAt } from "./log-fixture.contract.ts";
import type { LogStart } from "./log-store.ts";
import { RecordColumns } from "./record-columns.ts";
import { RecordIndex } from "./record-index.ts";

describe("RecordIndex", () => {
  test("is what a list of records is, whatever is added, cut, given up and begun anew", () => {
    const step = fc.oneof(
      { weight: 3, arbitrary: fc.record({ add: fc.integer({ min: 1, max: 90 }) }) },
      { weight: 1, arbitrary: fc.record({ keep: fc.nat(999) }) },
      { weight: 1, arbitrary: fc.record({ drop: fc.nat(999) }) },
      { weight: 1, arbitrary: fc.record({ reset: fc.nat(99) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.array(step, { maxLength: 12 }), (chunkRecords, steps) => {
        const columns = new RecordColumns(chunkRecords);
        const index = new RecordIndex(undefined, columns);
        let model: { term: number; hash: Uint8Array; segment: number; offset: number }[] = [];
        let start: LogStart | undefined;
        const base = (): number => start?.index ?? 0;
        for (const [term, one] of steps.entries()) {
          if ("add" in one) {
            for (let i = 0; i < one.add; i++) {
              const added = record(base() + model.length + 1, new Uint8Array(0), term);
              const place = { segment: 2 ** 40 + term, offset: 32 + i * 8 };
              index.add(added, place.segment, place.offset);
              model.push({ term, hash: added.hash, ...place });
            }
          } else if ("keep" in one) {
            const kept = Math.floor((one.keep / 1_000) * model.length);
            index.truncate(base() + kept + 1);
            model.length = kept;
          } else if ("drop" in one) {
            const dropped = model.splice(0, Math.floor((one.drop / 1_000) * model.length));
            const last = dropped.at(-1);
            if (last === undefined) continue;
            start = { index: base() + dropped.length, term: last.term, hash: last.hash };
            index.compact(start);
          } else {
            start = startAt(base() + one.reset, term);
            index.reset(start);
            model = [];
          }
        }
        const chunkOf = (at: number): number => Math.floor(at / chunkRecords);
        const chunks = chunkOf(base() + model.length) + 1 - chunkOf(base() + 1);
        if (model.length > 0) expect(columns.capacity).toBe(chunks * chunkRecords);
        expect([index.firstIndex, index.lastIndex]).toEqual([base() + 1, base() + model.length]);
        for (let i = 0; i <= model.length + 2; i++) {
          const at = base() - 1 + i;
          const expected = model[i - 2];
          const known = expected ?? (i === 1 ? start : undefined);
          expect(index.term(at)).toBe(known?.term);
          expect(index.hash(at)).toEqual(known?.hash);
          expect(index.place(at)).toEqual(expected && { segment: expected.segment, offset: expected.offset });
        }
      }),
      { numRuns: 80 },
    );
  });

  test("grows by a chunk at a time, however long the log is", () => {
    const columns = new RecordColumns(16);
    const index = new RecordIndex(undefined, columns);
    const one = record(1, new Uint8Array(0));
    for (let count = 1; count <= 2_000; count++) {
      const before = columns.capacity;
      index.add(one, 1, 32);
      expect(columns.capacity - before).toBe(count === 1 || count % 16 === 0 ? 16 : 0);
    }
  });

  test("a log may be longer than one array can be, and begin far on", () => {
    const columns = new RecordColumns();
    const far = 2 ** 45;
    const index = new RecordIndex(startAt(far), columns);
    index.add(record(7, new Uint8Array(0), 3), 2 ** 40, 2 ** 32 - 8);
    expect([index.lastIndex, index.term(far + 1), index.place(far + 1)]).toEqual([
      far + 1,
      3,
      { segment: 2 ** 40, offset: 2 ** 32 - 8 },
    ]);
    expect(index.term(far)).toBe(1);
  });
});
