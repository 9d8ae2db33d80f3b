import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accountFilterFlags } from "./filters.ts";
import { Ledger } from "./ledger.ts";
import { accountFlags, transferFlags } from "./records.ts";
import { Statement, type StatementBalances, type StatementLine } from "./statement.ts";

const SECOND = 1_000_000_000n;
const START = 1_700_000_000n * SECOND;
const ACCOUNTS = [1n, 2n, 3n];
const BOTH: number = accountFilterFlags.debits | accountFilterFlags.credits;

/** The error of a transfer that is none of the statement's. */
function refused(message: string): object {
  return expect.objectContaining({ code: "malformed_record", message: expect.stringContaining(message) });
}

interface Made {
  readonly opening: StatementBalances;
  readonly closing: StatementBalances;
  readonly lines: readonly StatementLine[];
}

/** The statement of an account from all its transfers. */
function made(ledger: Ledger, account: bigint, from: bigint, to: bigint, now: bigint): Made {
  const statement = new Statement(account, from, to);
  const transfers = ledger.getAccountTransfers({ accountId: account, limit: 10_000, flags: BOTH });
  const lines = transfers.flatMap((transfer) => statement.add(transfer));
  lines.push(...statement.end(now));
  return { opening: statement.opening, closing: statement.closing, lines };
}

function balancesOf(ledger: Ledger, id: bigint): StatementBalances {
  const account = ledger.lookupAccount(id);
  if (account === undefined) throw new Error("there is no such account");
  const { debitsPending, debitsPosted, creditsPending, creditsPosted } = account;
  return { debitsPending, debitsPosted, creditsPending, creditsPosted };
}

function opened(): Ledger {
  const ledger = new Ledger({ segmentRows: 4 });
  ledger.createAccounts(
    ACCOUNTS.map((id) => ({ id, ledger: 978, code: 1, flags: accountFlags.history })),
    START,
  );
  return ledger;
}

describe("a statement", () => {
  const { pending, postPendingTransfer, voidPendingTransfer } = transferFlags;
  const between = { debitAccountId: 1n, creditAccountId: 2n, ledger: 978, code: 1 };
  const at = (seconds: number): bigint => START + BigInt(seconds) * SECOND;

  function story(): Ledger {
    const ledger = opened();
    const run = (seconds: number, special: object): void => {
      ledger.expirePendingTransfers(at(seconds) - 1n);
      const [result] = ledger.createTransfers([{ ...between, ...special } as never], at(seconds));
      expect(result?.status).toBe(0xffff_ffff);
    };
    run(1, { id: 10n, amount: 100n });
    run(2, { id: 11n, amount: 50n, flags: pending, timeout: 3 });
    run(3, { id: 12n, amount: 40n, flags: pending });
    run(4, { id: 13n, pendingId: 12n, amount: 30n, flags: postPendingTransfer });
    run(7, { id: 14n, amount: 7n, flags: pending, timeout: 100 });
    run(8, { id: 15n, pendingId: 14n, flags: voidPendingTransfer });
    return ledger;
  }

  const lines = ({ lines: all }: Made): unknown[] =>
    all.map(({ step, transfer, debit, timestamp, balances }) => [
      ...[(timestamp - START) / SECOND, step, transfer.id, debit],
      ...[balances.debitsPosted, balances.debitsPending],
    ]);

  test("has every step of holds, also one that ran out of time", () => {
    expect(lines(made(story(), 1n, 0n, at(60), at(60)))).toEqual([
      [1n, "moved", 10n, true, 100n, 0n],
      [2n, "held", 11n, true, 100n, 50n],
      [3n, "held", 12n, true, 100n, 90n],
      [4n, "posted", 13n, true, 130n, 50n],
      [5n, "expired", 11n, true, 130n, 0n],
      [7n, "held", 14n, true, 130n, 7n],
      [8n, "voided", 15n, true, 130n, 0n],
    ]);
  });

  test.each([
    ["its first moment included, its last not", 2, 4, [2n, 3n], 100n, 0n, 100n, 90n],
    ["beginning between two", 4, 5, [4n], 100n, 90n, 130n, 50n],
    ["with nothing in it but an expiry", 5, 6, [5n], 130n, 50n, 130n, 0n],
    ["with nothing in it", 6, 7, [], 130n, 0n, 130n, 0n],
    ["before everything", 0, 1, [], 0n, 0n, 0n, 0n],
    ["after everything", 20, 30, [], 130n, 0n, 130n, 0n],
  ])("of a period %s", (_, from, to, times, opening, openingHeld, closing, closingHeld) => {
    const statement = made(story(), 1n, at(from), at(to), at(60));
    expect(lines(statement).map((line) => (line as unknown[])[0])).toEqual(times);
    expect(statement.opening).toMatchObject({ debitsPosted: opening, debitsPending: openingHeld });
    expect(statement.closing).toMatchObject({ debitsPosted: closing, debitsPending: closingHeld });
  });

  test("of the other side mirrors it", () => {
    expect(made(story(), 2n, 0n, at(60), at(60)).closing).toEqual({
      ...{ debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 130n },
    });
  });

  test("refuses what cannot be the account's next transfer", () => {
    const [first, second, , post] = story().getAccountTransfers({ accountId: 1n, limit: 10, flags: BOTH });
    expect(() => new Statement(1n, 0n, at(60)).add(post as never)).toThrow(
      refused("is the account's history complete?"),
    );
    expect(() => new Statement(9n, 0n, at(60)).add(first as never)).toThrow(refused("is one of another account"));
    const statement = new Statement(1n, 0n, at(60));
    statement.add(second as never);
    expect(() => statement.add(first as never)).toThrow(refused("the oldest come first"));
  });

  test.each([
    ["an account that is a number", 1, 0n, 1n],
    ["no beginning", 1n, undefined, 1n],
    ["an end below zero", 1n, 0n, -1n],
  ])("refuses %s", (_, account, from, to) => {
    const make = (): Statement => new Statement(account as bigint, from as bigint, to);
    expect(make).toThrow(expect.objectContaining({ code: "malformed_argument" }));
  });
});

type Step =
  | {
      readonly do: "move";
      readonly from: number;
      readonly to: number;
      readonly amount: bigint;
      readonly timeout: number;
    }
  | {
      readonly do: "hold";
      readonly from: number;
      readonly to: number;
      readonly amount: bigint;
      readonly timeout: number;
    }
  | { readonly do: "end"; readonly which: number; readonly posts: boolean; readonly amount: bigint }
  | { readonly do: "pass"; readonly seconds: number };

const place = fc.nat(ACCOUNTS.length - 1);
const amount = fc.bigInt({ min: 0n, max: 50n });
const timeout = fc.integer({ min: 0, max: 4 });
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("move" as const), from: place, to: place, amount, timeout }),
  fc.record({ do: fc.constant("hold" as const), from: place, to: place, amount, timeout }),
  fc.record({ do: fc.constant("end" as const), which: fc.nat(5), posts: fc.boolean(), amount }),
  fc.record({ do: fc.constant("pass" as const), seconds: fc.integer({ min: 1, max: 3 }) }),
);

describe("random histories", () => {
  test("close with the ledger's balances, open with those of any moment before, and agree with its history", () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40 }), fc.nat(40), (all, cut) => {
        const ledger = opened();
        let now = START;
        let atCut = { time: START + 1n, balances: ACCOUNTS.map((id) => balancesOf(ledger, id)) };
        all.forEach((each, index) => {
          now += each.do === "pass" ? BigInt(each.seconds) * SECOND : 1_000n;
          // Where nothing else happens at that moment, what is over then is over.
          ledger.expirePendingTransfers(each.do === "pass" ? now : now - 1n);
          const id = 100n + BigInt(index);
          if (each.do === "end") {
            const flags = each.posts ? transferFlags.postPendingTransfer : transferFlags.voidPendingTransfer;
            const pendingId = 100n + BigInt(index - 1 - each.which);
            ledger.createTransfers([{ id, pendingId, amount: each.posts ? each.amount : 0n, flags }], now);
          } else if (each.do !== "pass") {
            const accounts = { debitAccountId: ACCOUNTS[each.from] ?? 0n, creditAccountId: ACCOUNTS[each.to] ?? 0n };
            const held = each.do === "hold" ? { flags: transferFlags.pending, timeout: each.timeout } : {};
            ledger.createTransfers([{ id, ...accounts, amount: each.amount, ledger: 978, code: 1, ...held }], now);
          }
          if (index === cut) {
            atCut = { time: now + 1n, balances: ACCOUNTS.map((account) => balancesOf(ledger, account)) };
          }
        });
        ledger.expirePendingTransfers(now + 1n);
        ACCOUNTS.forEach((id, index) => {
          const { opening, closing, lines } = made(ledger, id, atCut.time, now + 2n, now + 1n);
          expect(closing).toEqual(balancesOf(ledger, id));
          expect(opening).toEqual(atCut.balances[index]);
          const rows = ledger.getAccountBalances({
            accountId: id,
            limit: 1_000,
            flags: BOTH,
            timestampMin: atCut.time,
          });
          const moves = lines.filter((line) => line.step !== "expired");
          expect(moves.map(({ timestamp, balances }) => ({ ...balances, timestamp }))).toEqual(rows);
        });
      }),
      { numRuns: 200 },
    );
  });
});
