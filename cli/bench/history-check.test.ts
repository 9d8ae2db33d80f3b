import { expect, test } from "vitest";
import { assertAddsUp } from "./history-check.ts";

const ACCOUNT = { id: 7n, debitsPosted: 30n, creditsPosted: 5n };
const out = (id: bigint, amount: bigint) => ({ id, debitAccountId: 7n, creditAccountId: 8n, amount });
const back = (id: bigint, amount: bigint) => ({ id, debitAccountId: 8n, creditAccountId: 7n, amount });

test("a history adds up to the balances: all of it exactly, a page of it to no more", () => {
  const transfers = [out(1n, 10n), back(2n, 5n), out(3n, 20n)];
  expect(() => assertAddsUp(ACCOUNT, { transfers, isWhole: true })).not.toThrow();
  expect(() => assertAddsUp(ACCOUNT, { transfers: transfers.slice(1), isWhole: false })).not.toThrow();
});

test.each([
  ["lacks a transfer", [out(1n, 10n), back(2n, 5n)], true],
  ["lacks a credit", [out(1n, 30n)], true],
  ["has one too many", [out(1n, 30n), back(2n, 5n), back(3n, 1n)], true],
  ["has one too many on its first page", [out(1n, 31n)], false],
  ["has somebody else's", [{ id: 1n, debitAccountId: 8n, creditAccountId: 9n, amount: 0n }], false],
])("a history that %s is a wrong result", (_, transfers, isWhole) => {
  const wrong = expect.objectContaining({ code: "bench_wrong_result" });
  expect(() => assertAddsUp(ACCOUNT, { transfers, isWhole })).toThrow(wrong);
});
