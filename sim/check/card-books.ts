/**
 * No double charge: the acquirer never authorises or captures a payment twice, and when nothing is open any more its
 * books name exactly the payments that the ledger counts as captured by card. Where it has contradicted itself about a
 * payment nobody can tell from its answers what it has done, and only the first holds.
 */
import type { AcquirerReport } from "../acquirer/core.ts";
import { ALL_SEEING, type Readable } from "./readers.ts";
import type { Verdict } from "./verdict.ts";

const PAGE = 1_000;

/**
 * Compares the acquirer's books with a state in which no intent is open; both without the payments about which it has
 * contradicted itself. What it has blocked on a card must be of use.
 */
export function checkCardBooks(
  verdict: Verdict,
  report: AcquirerReport,
  state: Readable,
  contradicted: ReadonlySet<string>,
): void {
  verdict.expect(
    report.doubled.length === 0,
    "doubleCharge",
    () => `the acquirer acted twice on the payments ${report.doubled.join(", ")}`,
  );
  const { count: captured, amount } = cardPayments(state, "captured", contradicted);
  const { count: authorized } = cardPayments(state, "authorized", contradicted);
  const blocked = report.authorized - report.captured - report.voided;
  verdict.expect(
    report.captured === captured && BigInt(report.capturedAmount) === amount,
    "doubleCharge",
    () =>
      `the acquirer captured ${report.captured} payments of ${report.capturedAmount}, the ledger ${captured} of ${amount}`,
  );
  verdict.expect(
    blocked === authorized,
    "cardHolds",
    () => `the acquirer keeps money of ${blocked} card holders, and the ledger has ${authorized} authorized payments`,
  );
}

/** Payments by card in a state, and their sum. */
function cardPayments(
  state: Readable,
  of: "captured" | "authorized",
  except: ReadonlySet<string>,
): { count: number; amount: bigint } {
  const sums = { count: 0, amount: 0n };
  for (let after = 0; ; ) {
    const page = state.query({ type: "payments", state: of, after, limit: PAGE }, ALL_SEEING);
    if (page.type !== "payments") return sums;
    for (const payment of page.payments) {
      if (payment.channel !== "card" || except.has(payment.id)) continue;
      sums.count += 1;
      sums.amount += BigInt(payment.amount);
    }
    if (page.next === 0) return sums;
    after = page.next;
  }
}
