import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { expect, test } from "vitest";
import { HashColumn } from "./hash-column.ts";

test("is what a map of hashes is, wherever they are and whichever are missing", () => {
  const height = fc.oneof(
    fc.nat(20),
    fc.integer({ min: 4_090, max: 4_100 }),
    fc.integer({ min: 2 ** 40 - 3, max: 2 ** 40 }),
  );
  const hash = fc.oneof(fc.constant(new Uint8Array(32)), fc.uint8Array({ minLength: 32, maxLength: 32 }));
  fc.assert(
    fc.property(fc.array(fc.tuple(height, hash)), fc.array(height), (entries, others) => {
      const column = new HashColumn();
      for (const [at, one] of entries) column.set(at, one);
      const model = new Map(entries);
      for (const at of [...model.keys(), ...others]) expect(column.get(at)).toEqual(model.get(at));
    }),
  );
});

test("what it gives is the caller's", () => {
  const column = new HashColumn();
  column.set(7, new Uint8Array(32).fill(1));
  column.get(7)?.fill(2);
  expect(column.get(7)).toEqual(new Uint8Array(32).fill(1));
});

test("takes no heap for each hash, so that a log of any length fits", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const count = 100_000;
  collect();
  const before = process.memoryUsage();
  const column = new HashColumn();
  for (let height = 1; height <= count; height++) column.set(height, new Uint8Array(32));
  collect();
  const after = process.memoryUsage();
  expect(column.get(count)).toBeDefined();
  expect((after.heapUsed - before.heapUsed) / count).toBeLessThan(50);
  expect((after.arrayBuffers - before.arrayBuffers) / count).toBeLessThan(50);
});
