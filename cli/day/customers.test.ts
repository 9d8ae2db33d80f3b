import { describe, expect, test } from "vitest";
import { newKey, type QuorateClient } from "../../node/client/index.ts";
import type { PaymentRow } from "../payments/payment-row.ts";
import { type Bank, type Banks, bankOf, newBankKeys, signerOf } from "./banks.ts";
import { customersOf } from "./customers.ts";
import { withCards } from "./run-day.ts";
import { givenTo } from "./set-up.ts";

function row(payer: bigint, payee: bigint, cardToken?: string): PaymentRow {
  const common = { id: 1n, seconds: 0n, payer, payee, amount: 1n, ledger: 978 };
  return cardToken === undefined ? common : { ...common, cardToken };
}

function bank(name: string): Bank {
  return { name, key: newKey(), client: {} as QuorateClient };
}

const issuers = [bank("issuer-1"), bank("issuer-2")];
const acquirers = [bank("acquirer-1"), bank("acquirer-2")];
const scheme = bank("scheme");
const BANKS: Banks = { all: [...issuers, ...acquirers, scheme], issuers, acquirers, scheme };

describe("customers", () => {
  const rows = [row(10n, 21n), row(11n, 10n), row(12n, 21n, "tok"), row(13n, 22n), row(13n, 22n)];
  const customers = customersOf(rows);

  test("who pays from an account is a payer, also when paid; who is only paid is a payee; card holders are neither", () => {
    expect([...customers.payers]).toEqual([10n, 11n, 13n]);
    expect([...customers.payees]).toEqual([21n, 22n]);
  });

  test("payers are given money, payees are not, and every account is in the list", () => {
    expect([...givenTo(customers)]).toEqual([
      [10n, 100_000n],
      [11n, 100_000n],
      [13n, 100_000n],
      [21n, 0n],
      [22n, 0n],
    ]);
  });

  test("payers bank with issuers, payees with acquirers, by their number", () => {
    const bankNames = [10n, 11n, 21n, 22n].map((account) => bankOf(BANKS, customers, account).name);
    expect(bankNames).toEqual(["issuer-1", "issuer-2", "acquirer-2", "acquirer-1"]);
  });

  test("a wallet payment is signed by the payer's bank, a card payment by the payee's, whoever that is", () => {
    expect(signerOf(BANKS, customers, row(11n, 21n)).name).toBe("issuer-2");
    expect(signerOf(BANKS, customers, row(12n, 21n, "tok")).name).toBe("acquirer-2");
    expect(signerOf(BANKS, customers, row(12n, 10n, "tok")).name).toBe("issuer-1");
  });

  test("the banks of a day have names and keys of their own", () => {
    const keys = newBankKeys();
    expect(keys.map(({ name }) => name)).toEqual([
      ...["issuer-1", "issuer-2", "issuer-3", "issuer-4"],
      ...["acquirer-1", "acquirer-2", "acquirer-3", "card-scheme"],
    ]);
    expect(new Set(keys.map(({ key }) => key.publicKey.toString())).size).toBe(keys.length);
  });
});

test("every tenth payment goes by card where the file names no cards", () => {
  const rows = Array.from({ length: 20 }, (_, index) => ({ ...row(7n, 8n), id: BigInt(index + 1) }));
  const tokens = withCards([...rows, { ...row(7n, 8n, "own"), id: 21n }]).map(({ cardToken }) => cardToken);
  expect(tokens.flatMap((token, index) => (token === undefined ? [] : [`${index + 1} ${token}`]))).toEqual([
    ...["10 tok_7", "20 tok_7", "21 own"],
  ]);
});
