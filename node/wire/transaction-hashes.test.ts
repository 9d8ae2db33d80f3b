import { expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { leafHash } from "./merkle.ts";
import { TransactionHashes } from "./transaction-hashes.ts";

test("a transaction is known by its leaf, and hashed once while its bytes are held", () => {
  let hashed = 0;
  const hashes = new TransactionHashes((...chunks) => {
    hashed += 1;
    return sha256(...chunks);
  });
  const one = Uint8Array.of(1, 2, 3);
  const other = one.slice(0, 2);
  for (const bytes of [one, other, one, other]) expect(hashes.of(bytes)).toEqual(leafHash(sha256, bytes));
  expect(hashed).toBe(2);
});
