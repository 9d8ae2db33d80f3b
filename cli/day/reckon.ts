/**
 * The reckoning after the day: every payment that was submitted is looked for, every customer's account is compared with
 * the payments it was paid by, and the card network's books with the ledger's.
 */
import type { PaymentView } from "../../node/state/queries.ts";
import type { AcquirerReport } from "../../sim/acquirer/core.ts";
import type { PaymentRow } from "../payments/payment-row.ts";
import type { Summary } from "./read-books.ts";

/** What is compared. */
export interface Books {
  readonly rows: readonly PaymentRow[];
  /** Ids of the rows whose submission was answered with a payment. */
  readonly executed: ReadonlySet<bigint>;
  /** All payments of the ledger. */
  readonly payments: readonly PaymentView[];
  /** What each customer's account was given before the day. */
  readonly given: ReadonlyMap<bigint, bigint>;
  /** What each customer's account has been credited with in all. */
  readonly credits: ReadonlyMap<bigint, bigint>;
  readonly acquirer: Pick<AcquirerReport, "captured" | "capturedAmount" | "doubled">;
}

export interface Reckoning {
  /** Rows whose payment is not there though its submission was answered with one. */
  readonly missing: number;
  /** Payments that nobody submitted, or with another amount. */
  readonly invented: number;
  /** Payments executed more than once, anywhere: in the ledger or at the card network. */
  readonly doubled: number;
  /** Captured payments' sum. */
  readonly captured: bigint;
}

export function reckon(books: Books): Reckoning {
  const { rows, executed, payments, acquirer } = books;
  const ids = new Set(payments.map(({ id }) => BigInt(id)));
  const amounts = new Map(rows.map(({ id, amount }) => [id, amount]));
  const invented = payments.filter(({ id, amount }) => amounts.get(BigInt(id)) !== BigInt(amount)).length;
  const missing = [...executed].filter((id) => !ids.has(id)).length;
  const captured = payments.filter(({ state }) => state === "captured");
  const byCard = captured.filter(({ channel }) => channel === "card");
  const network = BigInt(acquirer.capturedAmount) === sum(byCard) && acquirer.captured === byCard.length ? 0 : 1;
  const repeated = payments.length - ids.size;
  const doubled = repeated + wronglyCredited(books, captured) + acquirer.doubled.length + network;
  return { missing, invented, doubled, captured: sum(captured) };
}

function sum(payments: readonly PaymentView[]): bigint {
  return payments.reduce((total, { amount }) => total + BigInt(amount), 0n);
}

/** How many accounts have another credit than what they were given and their captured payments add up to. */
function wronglyCredited({ given, credits }: Books, captured: readonly PaymentView[]): number {
  const due = new Map(given);
  for (const { payee, amount } of captured) due.set(BigInt(payee), (due.get(BigInt(payee)) ?? 0n) + BigInt(amount));
  return [...due].filter(([account, amount]) => credits.get(account) !== amount).length;
}

/** Whether debits equal credits, pending and posted, in every currency on every node. */
export function balanced(nodes: readonly Pick<Summary, "totals">[]): boolean {
  return nodes.every(({ totals }) =>
    totals.every((t) => t.debitsPosted === t.creditsPosted && t.debitsPending === t.creditsPending),
  );
}
