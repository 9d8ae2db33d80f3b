import fc from "fast-check";
import { expect, test } from "vitest";
import { concatBytes } from "./bytes.ts";
import { Slab } from "./slab.ts";

const chunk = fc.oneof(
  { weight: 9, arbitrary: fc.uint8Array({ maxLength: 90 }) },
  { weight: 1, arbitrary: fc.integer({ min: 1_000, max: 5_000 }).map((length) => new Uint8Array(length).fill(length)) },
);

test("what is cut is zeros, and no array shares a byte with another, however many slabs they fill", () => {
  const lengths = fc.array(fc.oneof(fc.nat(200), fc.nat(5_000)), { maxLength: 60 });
  fc.assert(
    fc.property(lengths, (wanted) => {
      const slab = new Slab();
      const cut = wanted.map((length) => slab.cut(length));
      expect(cut.map(({ length }) => length)).toEqual(wanted);
      expect(cut.every((bytes) => bytes.every((byte) => byte === 0))).toBe(true);
      for (const [at, bytes] of cut.entries()) bytes.fill(at + 1);
      expect(cut.every((bytes, at) => bytes.every((byte) => byte === at + 1))).toBe(true);
    }),
  );
});

test("chunks are joined in order", () => {
  const slab = new Slab();
  fc.assert(
    fc.property(fc.array(chunk, { maxLength: 5 }), (chunks) => {
      expect(slab.join(chunks)).toEqual(concatBytes(chunks));
    }),
  );
});
