/**
 * No double charge: the acquirer never authorises or captures a payment twice, and when nothing is open any more its
 * books name exactly the payments that the ledger counts as captured by card.
 */
import type { AcquirerReport } from "../acquirer/core.ts";
import { ALL_SEEING, type Readable } from "./readers.ts";
import type { Verdict } from "./verdict.ts";

const PAGE = 1_000;

/** Compares the acquirer's books with a state in which no intent is open. */
export function checkCardBooks(verdict: Verdict, report: AcquirerReport, state: Readable): void {
  verdict.expect(
    report.doubled.length === 0,
    "doubleCharge",
    () => `the acquirer acted twice on the payments ${report.doubled.join(", ")}`,
  );
  let captured = 0;
  let amount = 0n;
  for (let after = 0; ; ) {
    const page = state.query({ type: "payments", state: "captured", after, limit: PAGE }, ALL_SEEING);
    if (page.type !== "payments") return;
    for (const payment of page.payments) {
      if (payment.channel !== "card") continue;
      captured += 1;
      amount += BigInt(payment.amount);
    }
    if (page.next === 0) break;
    after = page.next;
  }
  verdict.expect(
    report.captured === captured && BigInt(report.capturedAmount) === amount,
    "doubleCharge",
    () =>
      `the acquirer captured ${report.captured} payments of ${report.capturedAmount}, the ledger ${captured} of ${amount}`,
  );
}
