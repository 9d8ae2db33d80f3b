import { expect, test } from "vitest";
import { BATCH_RECORDS_MAX } from "./base/limits.ts";
import { sha256 } from "./host/node-crypto.ts";
import { warmUp } from "./warm-up.ts";

/** The base point of Ed25519: a proper key. */
const KEY = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 0x58 : 0x66));

test("what runs before a node serves is executed: full batches and single transfers, for as long as is said", () => {
  let turns = 3;
  expect(warmUp(sha256, KEY, () => turns-- > 0)).toBe(3 * (BATCH_RECORDS_MAX + 128));
  expect(warmUp(sha256, KEY, () => false)).toBe(0);
});
