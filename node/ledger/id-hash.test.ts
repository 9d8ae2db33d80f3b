import { afterEach, describe, expect, test } from "vitest";
import { Prng } from "../base/prng.ts";
import { drawIdHash, hash128 } from "./id-hash.ts";
import { Ledger } from "./ledger.ts";
import { fromBigInt } from "./words.ts";

const COUNT = 40_000;
const DRAWS = [2, 3, 4];

afterEach(() => drawIdHash(new Prng(1)));

/** How many of the ids have the hash of another one. */
function collisions(idOf: (i: bigint) => bigint): number {
  const words = new Uint32Array(4);
  const hashes = new Set<number>();
  for (let i = 0; i < COUNT; i++) {
    fromBigInt(idOf(BigInt(i)), words, 0);
    hashes.add(hash128(words, 0));
  }
  return COUNT - hashes.size;
}

describe.each([
  ["rising ids", (i: bigint) => i],
  ["ids that differ in their upper half", (i: bigint) => i << 64n],
  ["ids that differ in their uppermost bits", (i: bigint) => i << 112n],
  ["multiples", (i: bigint) => i * 0x1_0001_0001_0001n],
  ["ids whose words cancel each other out", (i: bigint) => (i << 96n) | (i << 64n) | (i << 32n) | i],
])("%s", (_, idOf) => {
  test.each(DRAWS)("collide as seldom as random ones by tables of seed %i", (seed) => {
    drawIdHash(new Prng(seed));
    // Of 40,000 random ones 0.2 do.
    expect(collisions(idOf)).toBeLessThan(8);
  });
});

test("ids that collide by some tables do not by others", () => {
  const words = new Uint32Array(4);
  const seen = new Map<number, bigint>();
  const pairs: [bigint, bigint][] = [];
  for (let i = 1n; pairs.length < 3; i++) {
    const id = (i * 0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835n) & (2n ** 128n - 1n);
    fromBigInt(id, words, 0);
    const hash = hash128(words, 0);
    const other = seen.get(hash);
    if (other !== undefined) pairs.push([other, id]);
    seen.set(hash, id);
  }
  drawIdHash(new Prng(7));
  const hashes = pairs.flat().map((id) => {
    fromBigInt(id, words, 0);
    return hash128(words, 0);
  });
  expect(new Set(hashes).size).toBe(pairs.length * 2);
});

test("what a ledger keeps and answers does not depend on them", () => {
  const [one, other] = DRAWS.map((seed) => {
    drawIdHash(new Prng(seed));
    const random = new Prng(99);
    const anyId = (): bigint => (BigInt(random.u32()) << 64n) | BigInt(random.below(600) + 1);
    const ledger = new Ledger({ segmentRows: 64 });
    const accounts = Array.from({ length: 300 }, () => ({ id: anyId(), ledger: 1, code: 1 }));
    const answers: unknown[] = [ledger.createAccounts(accounts, 1_000_000n)];
    for (let batch = 1n; batch <= 20n; batch++) {
      const of = (): bigint => accounts[random.below(accounts.length)]?.id ?? 1n;
      const transfers = Array.from({ length: 50 }, () => ({
        ...{ id: random.below(3) === 0 ? BigInt(random.below(100) + 1) : anyId(), ledger: 1, code: 1 },
        ...{ debitAccountId: random.below(9) === 0 ? 5n : of(), creditAccountId: of(), amount: 1n },
      }));
      answers.push(ledger.createTransfers(transfers, 1_000_000n + batch * 1_000n));
    }
    const pages = ledger.paged.map((part) =>
      Array.from({ length: part.pageCount() }, (__, page) => part.encodePage(page)),
    );
    return { answers, pages, effects: ledger.takeEffects().slice() };
  });
  expect(other).toEqual(one);
});
