import { describe, expect, test } from "vitest";
import type { PaymentView } from "../../node/state/queries.ts";
import type { PaymentRow } from "../payments/payment-row.ts";
import { type Books, balanced, reckon } from "./reckon.ts";

function row(id: bigint, payee: bigint, amount: bigint, cardToken?: string): PaymentRow {
  return { id, seconds: 0n, payer: 7n, payee, amount, ledger: 978, ...(cardToken === undefined ? {} : { cardToken }) };
}

function payment(id: number, payee: number, amount: number, fields: Partial<PaymentView> = {}): PaymentView {
  return {
    ...{ id: `${id}`, state: "captured", channel: "wallet", payer: "7", payee: `${payee}`, amount: `${amount}` },
    ...{ ledger: 978, capture: "automatic", reference: "", verdict: "accept", reasons: [], failure: "", signer: 1 },
    ...{ hold: "0", networkReference: "", window: 1, initiatedAt: "0", createdAt: "0", updatedAt: "0", ...fields },
  };
}

const CARD = { channel: "card" };

/** Two payments by wallet, one by card, one under review; payee 9 was given 1,000 because it pays, too. */
const GOOD: Books = {
  rows: [row(1n, 8n, 100n), row(2n, 9n, 50n), row(3n, 8n, 30n, "tok"), row(4n, 8n, 9_000n)],
  executed: new Set([1n, 2n, 3n, 4n]),
  payments: [payment(1, 8, 100), payment(2, 9, 50), payment(3, 8, 30, CARD), payment(4, 8, 9_000, { state: "review" })],
  given: new Map([
    [8n, 0n],
    [9n, 1_000n],
    [7n, 1_000n],
  ]),
  credits: new Map([
    [8n, 130n],
    [9n, 1_050n],
    [7n, 1_000n],
  ]),
  acquirer: { captured: 1, capturedAmount: "30", doubled: [] },
};

function credits(...changed: readonly (readonly [bigint, bigint])[]): Books["credits"] {
  return new Map([...GOOD.credits, ...changed]);
}

describe("the reckoning", () => {
  test("finds nothing on a good day", () => {
    expect(reckon(GOOD)).toEqual({ missing: 0, invented: 0, doubled: 0, captured: 180n });
  });

  test.each<readonly [string, Partial<Books>, object]>([
    [
      "a payment that was answered and is gone",
      { payments: GOOD.payments.filter(({ id }) => id !== "4") },
      { missing: 1 },
    ],
    [
      "a payment that nobody submitted",
      { payments: [...GOOD.payments, payment(5, 8, 1, { state: "declined" })] },
      { invented: 1 },
    ],
    [
      "a payment of another amount",
      { payments: [...GOOD.payments.slice(0, 3), payment(4, 8, 9_001, { state: "review" })] },
      { invented: 1 },
    ],
    [
      "a payment that is there twice",
      { payments: [...GOOD.payments, payment(4, 8, 9_000, { state: "review" })] },
      { doubled: 1 },
    ],
    ["a payee credited twice", { credits: credits([8n, 230n]) }, { doubled: 1 }],
    ["a payee not credited", { credits: credits([8n, 30n]) }, { doubled: 1 }],
    ["a payee's account gone", { credits: new Map([...GOOD.credits].slice(1)) }, { doubled: 1 }],
    ["a credit to somebody who was not paid", { credits: credits([7n, 1_001n]) }, { doubled: 1 }],
    ["a capture only the network knows", { acquirer: { ...GOOD.acquirer, captured: 2 } }, { doubled: 1 }],
    ["another sum at the network", { acquirer: { ...GOOD.acquirer, capturedAmount: "60" } }, { doubled: 1 }],
    ["what the network saw twice", { acquirer: { ...GOOD.acquirer, doubled: ["3"] } }, { doubled: 1 }],
  ])("finds %s", (_, changed, found) => {
    expect(reckon({ ...GOOD, ...changed })).toMatchObject({ missing: 0, invented: 0, doubled: 0, ...found });
  });

  test("a payment without a definite answer that is there after all is neither missing nor invented", () => {
    expect(reckon({ ...GOOD, executed: new Set([1n, 2n, 3n]) })).toMatchObject({ missing: 0, invented: 0 });
  });
});

describe("debits equal credits", () => {
  const total = { ledger: 978, debitsPending: "5", debitsPosted: "10", creditsPending: "5", creditsPosted: "10" };

  test("when they do in every currency on every node", () => {
    expect(balanced([{ totals: [total, { ...total, ledger: 840 }] }, { totals: [total] }])).toBe(true);
  });

  test.each([
    ["posted", { ...total, creditsPosted: "11" }],
    ["pending", { ...total, debitsPending: "0" }],
  ])("not when one node has a difference in what is %s", (_, wrong) => {
    expect(balanced([{ totals: [total] }, { totals: [total, wrong] }])).toBe(false);
  });
});
