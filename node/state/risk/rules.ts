/**
 * Risk rules: pure integer arithmetic over one payment and its payer's running window, so every node decides alike.
 * The highest verdict wins; all reasons that fired are kept, in the order of `REASONS`.
 */
import type { ConfigureRiskBody } from "../../wire/kinds.ts";

export const VERDICTS = ["accept", "review", "decline"] as const;
export type Verdict = (typeof VERDICTS)[number];

export const REASONS = ["payer_blocked", "amount_limit", "amount_review", "velocity_count", "velocity_amount"] as const;
export type Reason = (typeof REASONS)[number];

export type RiskRules = ConfigureRiskBody;

/** A payer as the rules see it; the window includes the payment in question. */
export interface PayerFacts {
  readonly blocked: boolean;
  /** Payments of the payer in the current window. */
  readonly count: number;
  /** Their sum, minor units. */
  readonly amount: bigint;
}

export interface Decision {
  readonly verdict: Verdict;
  readonly reasons: readonly Reason[];
}

/** Judges a payment of `amount` minor units. Without rules for the currency only the block list counts. */
export function decide(rules: RiskRules | undefined, amount: bigint, payer: PayerFacts): Decision {
  const fired: [Reason, Verdict][] = [];
  if (payer.blocked) fired.push(["payer_blocked", "decline"]);
  if (rules !== undefined) {
    if (reaches(amount, rules.declineAmount)) fired.push(["amount_limit", "decline"]);
    else if (reaches(amount, rules.reviewAmount)) fired.push(["amount_review", "review"]);
    if (exceeds(payer.count, rules.velocityDeclineCount)) fired.push(["velocity_count", "decline"]);
    else if (exceeds(payer.count, rules.velocityReviewCount)) fired.push(["velocity_count", "review"]);
    if (rules.velocityDeclineAmount !== 0n && payer.amount > rules.velocityDeclineAmount) {
      fired.push(["velocity_amount", "decline"]);
    }
  }
  const verdict = fired.reduce<Verdict>(
    (worst, [, each]) => (VERDICTS.indexOf(each) > VERDICTS.indexOf(worst) ? each : worst),
    "accept",
  );
  return { verdict, reasons: fired.map(([reason]) => reason) };
}

function reaches(amount: bigint, limit: bigint): boolean {
  return limit !== 0n && amount >= limit;
}

function exceeds(count: number, limit: number): boolean {
  return limit !== 0 && count > limit;
}

/** Start of the tumbling window that an instant (seconds) lies in. */
export function windowStart(seconds: bigint, windowSeconds: number): bigint {
  return seconds - (seconds % BigInt(windowSeconds));
}
