import { expect, test } from "vitest";
import type { PaymentView } from "../node/state/queries.ts";
import { CURRENCIES_ONLY } from "./amounts.ts";
import { paymentText } from "./payment-text.ts";

const PAYMENT: PaymentView = {
  ...{ id: "500", state: "captured", channel: "card", payer: "7", payee: "8", amount: "123450", ledger: 978 },
  ...{ capture: "automatic", reference: "invoice 12", verdict: "review", reasons: ["amount_review", "velocity_count"] },
  ...{ failure: "", signer: 1, hold: "0", networkReference: "net-1", window: 3, initiatedAt: "0" },
  ...{ createdAt: "1767225600000000000", updatedAt: "1767225601500000000" },
};

test("a payment is told a fact a line", () => {
  expect(paymentText(PAYMENT, CURRENCIES_ONLY).split("\n")).toEqual([
    "payment            500",
    "state              captured",
    "amount             1,234.50 EUR",
    "payer              7 by card",
    "payee              8",
    "risk               review: amount_review, velocity_count",
    "created            2026-01-01T00:00:00.000Z",
    "changed            2026-01-01T00:00:01.500Z",
    "network reference  net-1",
    "settlement window  3",
    "reference          invoice 12",
  ]);
});

test("a payer's text cannot overwrite what stands above it, nor pass for a line of its own", () => {
  const reference = "\u001b[5A\r\u001b[2Kamount 1.00 EUR\namount 1.00 EUR\u202e";
  const lines = paymentText({ ...PAYMENT, reference }, CURRENCIES_ONLY).split("\n");
  expect(lines).toHaveLength(11);
  expect(lines.at(-1)).toBe(
    "reference          \\u001b[5A\\u000d\\u001b[2Kamount 1.00 EUR\\u000aamount 1.00 EUR\\u202e",
  );
});

test("what is not there is not told, and a failure stands with the state", () => {
  const failed = { state: "failed", failure: "exceeds_credits", verdict: "accept", reasons: [] };
  const nothing = { networkReference: "", window: 0, reference: "" };
  const text = paymentText({ ...PAYMENT, ...failed, ...nothing }, CURRENCIES_ONLY);
  expect(text).toContain("state              failed: exceeds_credits\n");
  expect(text).toContain("risk               accept\n");
  expect(text).not.toMatch(/network reference|settlement window|invoice/);
});
