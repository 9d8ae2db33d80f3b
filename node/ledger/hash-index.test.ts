/** The hash index against a Map, with ids that collide. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { HashIndex } from "./hash-index.ts";
import { hash128 } from "./id-hash.ts";
import { fromBigInt } from "./words.ts";

function wordsOf(id: bigint): Uint32Array {
  const words = new Uint32Array(4);
  fromBigInt(id, words, 0);
  return words;
}

/** Ids whose hashes begin with the same byte, so that all are in one table. */
const CROWDED: readonly bigint[] = Array.from({ length: 40_000 }, (_, index) => BigInt(index + 1)).filter(
  (id) => hash128(wordsOf(id), 0) >>> 24 === 3,
);

test("finds what was added, and not what was removed, in any order", () => {
  const step = fc.record({ which: fc.nat(CROWDED.length - 1), remove: fc.boolean() });
  const property = fc.property(fc.array(step, { maxLength: 150, size: "max" }), (steps) => {
    const index = new HashIndex();
    const map = new Map<bigint, number>();
    const ids: bigint[] = [];
    const slotOf = (id: bigint): number => index.find(wordsOf(id), 0, (slot) => ids[slot] === id);
    for (const { which, remove } of steps) {
      const id = CROWDED[which] as bigint;
      const slot = map.get(id);
      if (slot === undefined) {
        map.set(id, ids.length);
        index.add(wordsOf(id), 0, ids.length);
        ids.push(id);
      } else if (remove) {
        map.delete(id);
        index.remove(wordsOf(id), 0, slot);
      }
    }
    expect(index.count).toBe(map.size);
    expect(CROWDED.map(slotOf)).toEqual(CROWDED.map((id) => map.get(id) ?? -1));
  });
  fc.assert(property, { numRuns: 100 });
});
