import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { decodeAccounts, decodeTransfers, transferFlags } from "../ledger/records.ts";
import { TransferStatus } from "../ledger/status.ts";
import type { Command } from "../wire/body.ts";
import { batchResults } from "../wire/results.ts";
import {
  ALICE,
  BOB,
  CORNER_SHOP,
  FUNDS,
  HUB,
  payment,
  type Result,
  type Town,
  town,
  transfers,
} from "./chain.test-support.ts";
import type { QueryAnswer, StateQuery } from "./queries.ts";

const EVERYTHING = { authority: 1, seesAll: true };
const PAID = { id: 100n, debitAccountId: ALICE, creditAccountId: BOB, amount: 70n };

function reversal(id: bigint, amount: bigint, transfer: bigint = PAID.id): Command {
  return { kind: "reverseTransfer", body: { id, transfer, amount } };
}

function statusOf(result: Result): number | string | undefined {
  return result.status === "ok" ? batchResults(result)[0]?.status : result.status;
}

function ask<T extends StateQuery["type"]>(it: Town, query: StateQuery & { readonly type: T }): QueryAnswer {
  return it.chain.state.query(query, EVERYTHING);
}

function balance(it: Town, id: bigint): bigint {
  const answer = ask(it, { type: "accounts", ids: [id] });
  if (answer.type !== "accounts") throw new Error("another answer than was asked for");
  return decodeAccounts(answer.records).reduce((sum, each) => sum + each.creditsPosted - each.debitsPosted, 0n);
}

/** A town in which Alice has paid Bob, who banks with the same bank. */
function paid(): Town {
  const it = town();
  it.bank.must(transfers(PAID));
  return it;
}

describe("a reversal", () => {
  test("moves the money back and names what it corrects", () => {
    const it = paid();
    expect(statusOf(it.bank.submit(reversal(101n, 30n)))).toBe(TransferStatus.created);
    const answer = ask(it, { type: "transfers", ids: [101n] });
    expect(answer.type === "transfers" && decodeTransfers(answer.records)).toMatchObject([
      { debitAccountId: BOB, creditAccountId: ALICE, amount: 30n, userData128: PAID.id, code: 7, ledger: 978 },
    ]);
    expect(ask(it, { type: "reversed", id: PAID.id })).toMatchObject({ amount: "30" });
    expect(ask(it, { type: "reversed", id: 999n })).toMatchObject({ amount: null });
  });

  test("that is retried happens once, also when nothing is left to reverse", () => {
    const it = paid();
    for (const status of [TransferStatus.created, TransferStatus.exists, TransferStatus.exists]) {
      expect(statusOf(it.bank.submit(reversal(101n, 70n)))).toBe(status);
    }
    expect(statusOf(it.bank.submit(reversal(101n, 69n)))).toBe(TransferStatus.existsWithDifferentAmount);
    expect(statusOf(it.bank.submit(reversal(PAID.id, 1n)))).toBe(TransferStatus.existsWithDifferentDebitAccountId);
    expect(ask(it, { type: "reversed", id: PAID.id })).toMatchObject({ amount: "70" });
  });

  test("can be reversed itself", () => {
    const it = paid();
    it.bank.must(reversal(101n, 70n));
    expect(statusOf(it.bank.submit(reversal(102n, 70n, 101n)))).toBe(TransferStatus.created);
    expect(statusOf(it.bank.submit(reversal(103n, 1n)))).toBe("exceeds_original");
  });

  test("needs the authority of who was paid, and the money", () => {
    const it = paid();
    it.bank.must(transfers({ ...PAID, id: 110n, creditAccountId: CORNER_SHOP }));
    expect(statusOf(it.bank.submit(reversal(111n, 1n, 110n)))).toBe("not_authorized");
    expect(statusOf(it.bank.submit(reversal(111n, 71n, 110n)))).toBe("not_authorized");
    expect(statusOf(it.shopBank.submit(reversal(111n, 1n, 110n)))).toBe(TransferStatus.created);
    it.bank.must(transfers({ ...PAID, id: 120n, debitAccountId: BOB, creditAccountId: ALICE, amount: 10_070n }));
    expect(statusOf(it.bank.submit(reversal(121n, 70n)))).toBe(TransferStatus.exceedsCredits);
    expect(ask(it, { type: "reversed", id: PAID.id })).toMatchObject({ amount: "0" });
  });

  test.each([
    ["a transfer that is not there", 999n, "not_found"],
    ["one that is pending", 201n, "wrong_state"],
    ["one that voids", 202n, "wrong_state"],
  ])("of %s is refused", (_, transfer, refusal) => {
    const it = paid();
    const hold = { ...PAID, id: 201n, flags: transferFlags.pending };
    const lift = { ...PAID, id: 202n, pendingId: 201n, flags: transferFlags.voidPendingTransfer };
    it.bank.must(transfers(hold, lift));
    expect(it.bank.submit(reversal(203n, 1n, transfer))).toEqual({ status: refusal });
  });

  test("of what a payment moved is refused: it is settled, and would be paid out twice", () => {
    const it = town();
    it.bank.must(payment({ id: 500n, payer: ALICE, payee: CORNER_SHOP, amount: 70n }));
    const filter = { accountId: CORNER_SHOP, limit: 10, flags: 3, timestampMin: 0n, timestampMax: 0n };
    const answer = ask(it, { type: "accountTransfers", ...filter });
    const moved = answer.type === "accountTransfers" ? decodeTransfers(answer.records) : [];
    expect(moved.map(({ amount }) => amount)).toEqual([70n, 70n]);
    for (const { id } of moved) expect(it.shopBank.submit(reversal(600n, 1n, id))).toEqual({ status: "wrong_state" });
    expect(balance(it, CORNER_SHOP)).toBe(70n);
  });

  test("of a post gives back what was posted", () => {
    const it = paid();
    const hold = { ...PAID, id: 201n, flags: transferFlags.pending };
    const post = { ...PAID, id: 202n, pendingId: 201n, amount: 50n, flags: transferFlags.postPendingTransfer };
    it.bank.must(transfers(hold, post));
    expect(statusOf(it.bank.submit(reversal(203n, 51n, 202n)))).toBe("exceeds_original");
    expect(statusOf(it.bank.submit(reversal(203n, 50n, 202n)))).toBe(TransferStatus.created);
  });
});

test("whatever is reversed in whatever parts, no more than was paid comes back", () => {
  const amounts = fc.array(fc.bigInt({ min: 1n, max: 40n }), { maxLength: 12 });
  fc.assert(
    fc.property(amounts, (parts) => {
      const it = town();
      it.chain.admin.must(transfers({ id: 100n, debitAccountId: FUNDS, creditAccountId: HUB, amount: 70n }));
      let left = 70n;
      parts.forEach((amount, index) => {
        const made = statusOf(it.chain.admin.submit(reversal(200n + BigInt(index), amount)));
        expect(made).toBe(amount <= left ? TransferStatus.created : "exceeds_original");
        if (amount <= left) left -= amount;
        expect(balance(it, HUB)).toBe(left);
      });
    }),
    { numRuns: 30 },
  );
});
