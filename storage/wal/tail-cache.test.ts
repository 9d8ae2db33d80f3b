import { setImmediate as nextTurn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { record, records } from "./log-fixture.contract.ts";
import { TailCache } from "./tail-cache.ts";

function held(cache: TailCache, to: number): number[] {
  return Array.from({ length: to }, (_, i) => i + 1).filter((index) => cache.get(index) !== undefined);
}

describe("TailCache", () => {
  test("keeps the newest records that fit", () => {
    const cache = new TailCache(50);
    for (const one of records(1, 10)) cache.add(one, 10);
    expect(held(cache, 12)).toEqual([9, 10]);
    expect(cache.get(10)?.index).toBe(10);
    expect([cache.get(0), cache.get(11)]).toEqual([undefined, undefined]);
  });

  test("keeps what is not on disk, however much it is, and lets it go with the next record when it is", () => {
    const cache = new TailCache(50);
    for (const one of records(1, 10)) cache.add(one, 3);
    expect(held(cache, 10)).toEqual([4, 5, 6, 7, 8, 9, 10]);
    cache.add(record(11, new Uint8Array(20)), 10);
    expect(held(cache, 11)).toEqual([10, 11]);
  });

  test("lets go what is too much as soon as it is on disk, without another record", () => {
    const cache = new TailCache(50);
    for (const one of records(1, 10)) cache.add(one, 0);
    cache.trim(4);
    expect([held(cache, 10), cache.durableBytes]).toEqual([[5, 6, 7, 8, 9, 10], 0]);
    cache.trim(10);
    expect(held(cache, 10)).toEqual([9, 10]);
    expect(cache.durableBytes).toBeGreaterThan(0);
    expect(cache.durableBytes).toBeLessThanOrEqual(50);
    cache.truncate(10);
    expect([held(cache, 10), cache.durableBytes > 0]).toEqual([[9], true]);
  });

  test("a record that is larger than the cache is held until it is on disk", () => {
    const cache = new TailCache(50);
    cache.add(record(1, new Uint8Array(100)), 0);
    expect(held(cache, 1)).toEqual([1]);
    cache.add(record(2, new Uint8Array(100)), 2);
    expect(held(cache, 2)).toEqual([]);
  });

  test("what it has dropped is free at once, not when it has dropped much: blocks have a megabyte", async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const cache = new TailCache(50);
    const dropped: WeakRef<object>[] = [];
    for (let index = 1; index <= 20; index++) {
      const one = record(index, new Uint8Array(40));
      dropped.push(new WeakRef(one));
      cache.add(one, index);
    }
    // A weak reference holds what it was made of until the turn ends.
    await nextTurn();
    collect();
    expect(held(cache, 20)).toEqual([20]);
    expect(dropped.slice(0, 18).filter((one) => one.deref() !== undefined)).toEqual([]);
  });

  test("is what a list is, from which the oldest go while there is too much", () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ size: fc.nat(40), durable: fc.nat(100) }) },
      { weight: 1, arbitrary: fc.record({ cut: fc.nat(999) }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const cache = new TailCache(100);
        let model: { index: number; size: number }[] = [];
        let last = 0;
        for (const one of steps) {
          if ("size" in one) {
            last += 1;
            cache.add(record(last, new Uint8Array(one.size)), one.durable);
            model.push({ index: last, size: one.size });
            const bytes = (): number => model.reduce((sum, { size }) => sum + size, 0);
            while (bytes() > 100 && (model[0]?.index ?? Number.POSITIVE_INFINITY) <= one.durable) model.shift();
          } else {
            const from = Math.floor((one.cut / 1_000) * last) + 1;
            cache.truncate(from);
            model = model.filter(({ index }) => index < from);
            last = from - 1;
          }
          expect(held(cache, last + 1)).toEqual(model.map(({ index }) => index));
        }
      }),
      { numRuns: 50 },
    );
  });

  test("goes on over thousands of records without keeping those that left", () => {
    const cache = new TailCache(100);
    for (const one of records(1, 5_000)) cache.add(one, 5_000);
    expect(held(cache, 5_000)).toEqual([4_996, 4_997, 4_998, 4_999, 5_000]);
    cache.truncate(4_998);
    cache.add(record(4_998, new Uint8Array(20), 2), 0);
    expect(held(cache, 5_000)).toEqual([4_996, 4_997, 4_998]);
    expect(cache.get(4_998)?.term).toBe(2);
  });
});
