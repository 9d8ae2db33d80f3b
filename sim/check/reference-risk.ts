/**
 * What risk must say of a payment, written from docs/payments.md alone: all payments that were ever counted in a list, each
 * with the window that it fell into.
 */
import type { BlockPayerBody, ConfigureRiskBody } from "../../node/wire/kinds.ts";

export interface ModelDecision {
  readonly verdict: "accept" | "review" | "decline";
  readonly reasons: readonly string[];
}

/** A payment as risk sees it; `seconds` is when it was made. */
interface Subject {
  readonly ledger: number;
  readonly payer: bigint;
  readonly amount: bigint;
  readonly seconds: bigint;
}

interface Counted extends Subject {
  /** When the window began that it was counted in. */
  readonly window: bigint;
}

export class ReferenceRisk {
  readonly #rules = new Map<number, ConfigureRiskBody>();
  readonly #blocked = new Set<bigint>();
  readonly #counted: Counted[] = [];

  /** Payers who are on the block list. */
  get blocked(): readonly bigint[] {
    return [...this.#blocked];
  }

  configure(rules: ConfigureRiskBody): void {
    this.#rules.set(rules.ledger, rules);
  }

  block({ payer, blocked }: BlockPayerBody): void {
    if (blocked) this.#blocked.add(payer);
    else this.#blocked.delete(payer);
  }

  /** Judges a payment, and counts it. Without rules for its currency there are no windows. */
  judge(subject: Subject): ModelDecision {
    const rules = this.#rules.get(subject.ledger);
    const declined: string[] = this.#blocked.has(subject.payer) ? ["payer_blocked"] : [];
    const reviewed: string[] = [];
    if (rules !== undefined) {
      const { reviewAmount, declineAmount, velocityReviewCount, velocityDeclineCount, velocityDeclineAmount } = rules;
      const window = this.#count(subject, BigInt(rules.velocityWindowSeconds));
      const sum = window.reduce((total, { amount }) => total + amount, 0n);
      if (declineAmount > 0n && subject.amount >= declineAmount) declined.push("amount_limit");
      else if (reviewAmount > 0n && subject.amount >= reviewAmount) reviewed.push("amount_review");
      if (velocityDeclineCount > 0 && window.length > velocityDeclineCount) declined.push("velocity_count");
      else if (velocityReviewCount > 0 && window.length > velocityReviewCount) reviewed.push("velocity_count");
      if (velocityDeclineAmount > 0n && sum > velocityDeclineAmount) declined.push("velocity_amount");
    }
    const reasons = IN_ORDER.filter((reason) => declined.includes(reason) || reviewed.includes(reason));
    if (declined.length > 0) return { verdict: "decline", reasons };
    return { verdict: reviewed.length > 0 ? "review" : "accept", reasons };
  }

  /** The payments of its payer's window, this one among them. */
  #count(subject: Subject, seconds: bigint): readonly Counted[] {
    const own = this.#counted.filter(({ payer, ledger }) => payer === subject.payer && ledger === subject.ledger);
    const starts = [...own.map(({ window }) => window), (subject.seconds / seconds) * seconds];
    const window = starts.reduce((a, b) => (a > b ? a : b));
    const counted = { ...subject, window };
    this.#counted.push(counted);
    return [...own.filter((one) => one.window === window), counted];
  }
}

/** Reasons in the order in which they are told. */
const IN_ORDER = ["payer_blocked", "amount_limit", "amount_review", "velocity_count", "velocity_amount"];
