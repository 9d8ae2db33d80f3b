/** Risk that lets too much pass, and decisions that do not stand. */
import { PaymentLifeCycle, type PaymentParts, type Step } from "../../node/state/payments/life-cycle.ts";
import { Risk, type RiskSubject } from "../../node/state/risk/risk.ts";
import type { Decision, RiskRules } from "../../node/state/risk/rules.ts";

/** One rule is off whatever an operator sets. */
export class PassesOverSums extends Risk {
  override configure(rules: RiskRules): void {
    super.configure({ ...rules, velocityDeclineAmount: 0n });
  }
}

/** Attempts that are declined count for nothing: a burst of them goes on until one passes. */
export class CountsWhatItAccepts extends Risk {
  #rules: RiskRules | undefined;

  override configure(rules: RiskRules): void {
    this.#rules = rules;
    super.configure(rules);
  }

  override assess(subject: RiskSubject): Decision {
    const { declineAmount = 0n } = this.#rules ?? {};
    if (declineAmount === 0n || subject.amount < declineAmount) return super.assess(subject);
    return { verdict: "decline", reasons: ["amount_limit"] };
  }
}

/** The block list is kept, and nobody looks at it. */
export class BlocksNobody extends Risk {
  override isBlocked(): boolean {
    return false;
  }
}

/** What was rejected can be approved all the same. */
export class DecidesTwice extends PaymentLifeCycle {
  readonly #parts: PaymentParts;

  constructor(parts: PaymentParts) {
    super(parts);
    this.#parts = parts;
  }

  override review(...decision: Parameters<PaymentLifeCycle["review"]>): Step {
    const { table } = this.#parts.payments;
    const slot = table.rows().findIndex(({ id, state }) => id === decision[1] && state === "rejected");
    if (slot >= 0) table.replace(slot, { ...table.row(slot), state: "review" });
    return super.review(...decision);
  }
}
