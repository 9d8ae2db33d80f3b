import { createHash } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { sha256 } from "./node-crypto.ts";

test("is SHA-256 of the chunks joined, however many and long they are", () => {
  const chunk = fc.uint8Array({ maxLength: 100 });
  const long = fc.integer({ min: 16_000, max: 17_000 }).map((length) => new Uint8Array(length).fill(7));
  fc.assert(
    fc.property(fc.array(fc.oneof({ weight: 9, arbitrary: chunk }, { weight: 1, arbitrary: long })), (chunks) => {
      const expected = createHash("sha256").update(Buffer.concat(chunks)).digest();
      expect(sha256(...chunks)).toEqual(new Uint8Array(expected));
    }),
  );
});
