/** The rule about settlement, shown windows that do not follow from their payments. */
import { describe, expect, test } from "vitest";
import type { PaymentView, WindowView } from "../../node/state/queries.ts";
import { transfer } from "../workload/bank.ts";
import { verdictOf } from "./raft-view.test-support.ts";
import type { Readable } from "./readers.ts";
import type { ModelTransfer } from "./reference-ledger.ts";
import { SettlementBooks } from "./settlement-books.ts";

const LEDGER = 978;
const SECOND = 1_000_000_000n;
const [BANK, SHOP, ADMIN] = [5, 6, 1];
/** Who owns which accounts: the payer's and the payee's, those to settle with, and the hub. */
const OWNERS = new Map([
  ...[200n, 410n].map((id) => [id, BANK] as const),
  ...[300n, 411n].map((id) => [id, SHOP] as const),
  [400n, ADMIN] as const,
]);

type Moved = Pick<ModelTransfer, "id" | "debitAccountId" | "creditAccountId" | "amount"> & Partial<ModelTransfer>;

function moved(special: Moved): ModelTransfer {
  return { ...transfer({ ledger: LEDGER, ...special }), ...special };
}

const HOLD = moved({ id: 9n, debitAccountId: 200n, creditAccountId: 300n, amount: 70n });
const PAID = [
  moved({ id: 21n, debitAccountId: 410n, creditAccountId: 400n, amount: 70n, code: 3, userData128: 1n }),
  moved({ id: 22n, debitAccountId: 400n, creditAccountId: 411n, amount: 70n, code: 3, userData128: 1n }),
];
const PAYMENT = { ledger: LEDGER, window: 1, amount: "70", updatedAt: "1000", hold: "9" };
const WINDOW = {
  ...{ id: 1, state: "settled", openedAt: "1000", closesAt: `${1_000n + 2n * SECOND}`, payments: 1, gross: "70" },
  positions: [
    { authority: BANK, debit: "70", credit: "0" },
    { authority: SHOP, debit: "0", credit: "70" },
  ],
};

const EMPTY = { payments: 0, gross: "0", positions: [], openedAt: "0", closesAt: "0", state: "open" };

interface Shown {
  readonly window?: Partial<WindowView>;
  readonly payments?: readonly Partial<PaymentView>[];
  readonly transfers?: readonly ModelTransfer[];
  readonly now?: bigint;
  /** So many windows without payments, numbered from 2 on, instead of the one. */
  readonly others?: number;
}

/** Which rule is broken by a node that shows this of one payment of 70 and its window. */
function judge({
  window = {},
  payments = [{}],
  transfers = PAID,
  now = 3n * SECOND,
  others,
}: Shown = {}): string | undefined {
  const state: Readable = {
    query: ({ type }) => {
      const shown = payments.map((payment) => ({ ...PAYMENT, ...payment }));
      const empty = Array.from({ length: others ?? 0 }, (_, index) => ({ ...EMPTY, id: index + 2 }));
      const windows = others === undefined ? [{ ...WINDOW, ...window }] : empty;
      return { type, timestamp: now.toString(), windows, payments: shown, next: 0 } as never;
    },
  };
  const all = [HOLD, ...transfers];
  return verdictOf((verdict) => {
    const books = new SettlementBooks(verdict, {
      transfers: all,
      transfer: (id) => all.find((one) => one.id === id),
      authorityOf: (account) => OWNERS.get(account),
    });
    books.executed({ kind: "configureSettlement", body: { ledger: LEDGER, hubAccount: 400n, windowSeconds: 2 } });
    for (const [authority, settlementAccount] of [
      [BANK, 410n],
      [SHOP, 411n],
    ] as const) {
      books.executed({ kind: "configureParticipant", body: { ledger: LEDGER, authority, settlementAccount } });
    }
    books.compare(state, () => "here");
  });
}

describe("settlement", () => {
  test("of one payment: its window, its positions, and a transfer from each to the other through the hub", () => {
    expect(judge()).toBeUndefined();
    expect(judge({ window: { state: "open" }, transfers: [], now: SECOND })).toBeUndefined();
    expect(judge({ window: EMPTY, payments: [], transfers: [] })).toBeUndefined();
    expect(judge({ payments: [{}, { ledger: 840, window: 7 }] })).toBeUndefined();
  });

  test("in a window that is too old to be shown is nobody's to see", () => {
    expect(judge({ others: 32, transfers: [] })).toBeUndefined();
    expect(judge({ others: 32, payments: [{ window: 34 }], transfers: [] })).toBe("settlement");
    expect(judge({ others: 31, transfers: [] })).toBe("settlement");
  });

  test.each<[string, Shown]>([
    ["a payment counted twice", { window: { payments: 2, gross: "140" } }],
    ["a payment that is in no window", { payments: [{}, { window: 0 }] }],
    ["a payment that is missed", { payments: [{}, {}] }],
    ["who owes for who is owed", { window: { positions: WINDOW.positions.toReversed() as never } }],
    ["a window that began at another time", { window: { openedAt: "999" } }],
    ["a window with another end", { window: { closesAt: "5000" } }],
    ["a window that is not closed", { window: { state: "open" }, transfers: [] }],
    ["a payment after the end", { payments: [{ updatedAt: `${3n * SECOND}` }, {}], now: 4n * SECOND }],
    ["nothing paid", { transfers: [] }],
    ["only half of it paid", { transfers: PAID.slice(0, 1) }],
    ["paid though it failed", { window: { state: "failed" } }],
    ["paid twice", { transfers: [...PAID, ...PAID] }],
  ])("%s: is seen", (_what, shown) => {
    expect(judge(shown)).toBe("settlement");
  });
});
