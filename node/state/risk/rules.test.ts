import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { U64_MAX } from "../../base/bytes.ts";
import { decide, type PayerFacts, REASONS, type RiskRules, VERDICTS, windowStart } from "./rules.ts";

const OFF: RiskRules = {
  ...{ ledger: 978, reviewAmount: 0n, declineAmount: 0n, velocityWindowSeconds: 60 },
  ...{ velocityReviewCount: 0, velocityDeclineCount: 0, velocityDeclineAmount: 0n },
};
const FIRST: PayerFacts = { blocked: false, count: 1, amount: 100n };

describe("a decision", () => {
  test.each<[string, Partial<RiskRules>, bigint, Partial<PayerFacts>, string, string]>([
    ["without rules", {}, U64_MAX, {}, "accept", ""],
    ["below the review amount", { reviewAmount: 200n }, 199n, {}, "accept", ""],
    ["at the review amount", { reviewAmount: 200n }, 200n, {}, "review", "amount_review"],
    ["below the limit", { reviewAmount: 200n, declineAmount: 300n }, 299n, {}, "review", "amount_review"],
    ["at the limit", { reviewAmount: 200n, declineAmount: 300n }, 300n, {}, "decline", "amount_limit"],
    ["as many as are free", { velocityReviewCount: 3 }, 1n, { count: 3 }, "accept", ""],
    ["one more", { velocityReviewCount: 3 }, 1n, { count: 4 }, "review", "velocity_count"],
    ["far more", { velocityReviewCount: 3, velocityDeclineCount: 5 }, 1n, { count: 6 }, "decline", "velocity_count"],
    ["as much as is free", { velocityDeclineAmount: 500n }, 1n, { amount: 500n }, "accept", ""],
    ["a unit more", { velocityDeclineAmount: 500n }, 1n, { amount: 501n }, "decline", "velocity_amount"],
    ["by a blocked payer", {}, 1n, { blocked: true }, "decline", "payer_blocked"],
  ])("%s", (_, rules, amount, facts, verdict, reasons) => {
    const decision = decide({ ...OFF, ...rules }, amount, { ...FIRST, ...facts });
    expect(decision).toEqual({ verdict, reasons: reasons === "" ? [] : [reasons] });
  });

  test("in a currency without rules knows the block list only", () => {
    expect(decide(undefined, U64_MAX, { ...FIRST, count: 1_000, amount: U64_MAX })).toEqual({
      ...{ verdict: "accept", reasons: [] },
    });
    expect(decide(undefined, 1n, { ...FIRST, blocked: true }).reasons).toEqual(["payer_blocked"]);
  });

  test("keeps every reason in the order of the list, and the worst verdict", () => {
    const limit = fc.bigInt({ min: 0n, max: 5n });
    const count = fc.integer({ min: 0, max: 5 });
    const rules = fc.record({
      ...{ reviewAmount: limit, declineAmount: limit, velocityDeclineAmount: limit },
      ...{ velocityReviewCount: count, velocityDeclineCount: count },
    });
    const facts = fc.record({ blocked: fc.boolean(), count: fc.integer({ min: 1, max: 6 }), amount: limit });
    fc.assert(
      fc.property(rules, limit, facts, (drawn, amount, payer) => {
        const { verdict, reasons } = decide({ ...OFF, ...drawn }, amount, payer);
        const decline = {
          payer_blocked: payer.blocked,
          amount_limit: drawn.declineAmount > 0n && amount >= drawn.declineAmount,
          velocity_count: drawn.velocityDeclineCount > 0 && payer.count > drawn.velocityDeclineCount,
          velocity_amount: drawn.velocityDeclineAmount > 0n && payer.amount > drawn.velocityDeclineAmount,
        };
        const review = {
          amount_review: drawn.reviewAmount > 0n && amount >= drawn.reviewAmount && !decline.amount_limit,
          velocity_count: drawn.velocityReviewCount > 0 && payer.count > drawn.velocityReviewCount,
        };
        const fired = { ...review, ...Object.fromEntries(Object.entries(decline).filter(([, is]) => is)) };
        expect(reasons).toEqual(REASONS.filter((reason) => (fired as Record<string, boolean>)[reason] === true));
        const worst = Object.values(decline).some(Boolean) ? 2 : Object.values(review).some(Boolean) ? 1 : 0;
        expect(verdict).toBe(VERDICTS[worst]);
      }),
      { numRuns: 1_000 },
    );
  });
});

test.each([
  [0n, 0n],
  [59n, 0n],
  [60n, 60n],
  [119n, 60n],
  [U64_MAX, U64_MAX - (U64_MAX % 60n)],
])("second %d lies in the window from %d", (seconds, start) => {
  expect(windowStart(seconds, 60)).toBe(start);
});
