import { expect, test } from "vitest";
import { accountBatches, TransferBatches } from "./flat-batches.ts";
import { decodeAccounts, decodeTransfers } from "./records.ts";

const SHAPE = { accounts: 8_200, ledger: 978, code: 7 };

test("accounts 1 to n come in full batches and a rest", () => {
  const batches = [...accountBatches(SHAPE)].map(decodeAccounts);
  expect(batches.map(({ length }) => length)).toEqual([8_190, 10]);
  expect(batches.flat().map(({ id }) => id)).toEqual(Array.from({ length: 8_200 }, (_, index) => BigInt(index + 1)));
  expect(batches[0]?.[0]).toMatchObject({ ledger: 978, code: 7, flags: 0, timestamp: 0n });
});

test("transfers have rising ids and two different accounts that exist; one seed gives one load", () => {
  const load = (seed: number): Uint8Array[] => {
    const batches = new TransferBatches({ ...SHAPE, accounts: 3 }, 100, seed);
    return [batches.next(50), batches.next(50)];
  };
  const transfers = load(1).flatMap(decodeTransfers);
  expect(transfers.map(({ id }) => id)).toEqual(Array.from({ length: 100 }, (_, index) => BigInt(100 + index)));
  for (const { debitAccountId, creditAccountId, amount } of transfers) {
    expect(debitAccountId).not.toBe(creditAccountId);
    for (const id of [debitAccountId, creditAccountId]) expect(id >= 1n && id <= 3n).toBe(true);
    expect(amount).toBeGreaterThan(0n);
  }
  expect(new Set(transfers.map(({ debitAccountId }) => debitAccountId)).size).toBe(3);
  expect(load(1)).toEqual(load(1));
  expect(load(2)).not.toEqual(load(1));
});
