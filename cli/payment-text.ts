/** Payments as people read them. */
import type { PaymentView } from "../node/state/queries.ts";
import { type Assets, formatTime } from "./amounts.ts";
import { factLines } from "./output.ts";

/** One payment, a fact a line. */
export function paymentText(p: PaymentView, assets: Assets): string {
  const facts: readonly (readonly [string, string])[] = [
    ["payment", p.id],
    ["state", p.failure === "" ? p.state : `${p.state}: ${p.failure}`],
    ["amount", assets.formatAmount(BigInt(p.amount), p.ledger)],
    ["payer", `${p.payer} by ${p.channel}`],
    ["payee", p.payee],
    ["risk", p.reasons.length === 0 ? p.verdict : `${p.verdict}: ${p.reasons.join(", ")}`],
    ["created", formatTime(BigInt(p.createdAt))],
    ["changed", formatTime(BigInt(p.updatedAt))],
    ...(p.networkReference === "" ? [] : [["network reference", p.networkReference] as const]),
    ...(p.window === 0 ? [] : [["settlement window", String(p.window)] as const]),
    ...(p.reference === "" ? [] : [["reference", p.reference] as const]),
  ];
  return factLines(facts);
}
