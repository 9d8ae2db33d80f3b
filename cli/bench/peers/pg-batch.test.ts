/** Batches are what PostgreSQL's array_recv reads. */
import { expect, test } from "vitest";
import { Prng } from "../../../node/base/prng.ts";
import { PgBatch } from "./pg-batch.ts";

const TRANSFERS = 50;
const ACCOUNTS = 3;

/** The values of an array: dimensions, nulls, type, length and first number, then each value behind its length. */
function valuesOf(bytes: Buffer, type: number): readonly Buffer[] {
  const header = [0, 4, 8, 12, 16].map((at) => bytes.readInt32BE(at));
  expect(header).toEqual([1, 0, type, TRANSFERS, 1]);
  const values: Buffer[] = [];
  for (let at = 20; at < bytes.length; ) {
    const end = at + 4 + bytes.readInt32BE(at);
    values.push(Buffer.from(bytes.subarray(at + 4, end)));
    at = end;
  }
  expect(values).toHaveLength(TRANSFERS);
  return values;
}

test("ids are new in every batch, and money moves between two accounts that there are", () => {
  const batch = new PgBatch(TRANSFERS, ACCOUNTS, new Prng(1));
  const ids = new Set<string>();
  const seen = new Set<bigint>();
  for (let count = 1; count <= 2; count++) {
    const [uuids, ...numbers] = batch.next();
    for (const id of valuesOf(uuids as Buffer, 2_950)) ids.add(id.toString("hex"));
    expect(ids.size).toBe(count * TRANSFERS);
    const [debits = [], credits = [], amounts = []] = numbers.map((bytes) =>
      valuesOf(bytes, 20).map((value) => value.readBigInt64BE()),
    );
    expect(debits.some((debit, index) => debit === credits[index])).toBe(false);
    for (const account of [...debits, ...credits]) seen.add(account);
    expect(amounts.every((amount) => amount >= 1n && amount <= 1_000n)).toBe(true);
  }
  expect(seen).toEqual(new Set([1n, 2n, 3n]));
});
