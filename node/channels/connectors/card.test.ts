import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AcquirerCore } from "../../../sim/acquirer/core.ts";
import { U64_MAX, U128_MAX } from "../../base/bytes.ts";
import { Prng } from "../../base/prng.ts";
import type { Intent } from "../../state/outbox.ts";
import { actionRequest, type Interpretation, inquiryRequest, interpret } from "./card.ts";

const INTENT: Intent = {
  ...{ id: 1n, channel: "card", action: "authorize", payment: U128_MAX, amount: U64_MAX, ledger: 0xffff_ffff },
  ...{ cardToken: "tok_1", idempotencyKey: "ab".repeat(16), networkReference: "", openedAt: 0n },
};
const POST = actionRequest(INTENT);
const GET = inquiryRequest(INTENT);
const APPROVED = { outcome: "approved", reason: "", networkReference: "auth-1", amount: "100" };

function said(status: number, body: unknown, request = POST): Interpretation {
  return interpret(request, { kind: "answer", status, body: typeof body === "string" ? body : JSON.stringify(body) });
}

describe("a request", () => {
  test("is the same bytes for the same intent", () => {
    expect(actionRequest({ ...INTENT })).toEqual(POST);
    expect(POST).toMatchObject({ endpoint: "card", method: "POST", path: "/v1/authorizations" });
    expect(POST.headers).toMatchObject({ "idempotency-key": INTENT.idempotencyKey });
  });

  test("is one that the acquirer understands, whatever the intent", () => {
    const calm = {
      declinePermille: 0,
      timeoutPermille: 0,
      latePermille: 0,
      unavailablePermille: 0,
      contradictPermille: 0,
    };
    const intent = fc.record({
      action: fc.constantFrom("authorize" as const, "capture" as const, "void" as const),
      payment: fc.bigInt({ min: 1n, max: U128_MAX }),
      amount: fc.bigInt({ min: 1n, max: U64_MAX }),
      ledger: fc.integer({ min: 1, max: 0xffff_ffff }),
      cardToken: fc.string({ minLength: 1, maxLength: 64 }),
      networkReference: fc.string({ minLength: 1, maxLength: 64 }),
    });
    fc.assert(
      fc.property(intent, (special) => {
        const acquirer = new AcquirerCore({ random: new Prng(1), rates: calm });
        const request = actionRequest({ ...INTENT, ...special });
        const { status, body } = acquirer.handle(request);
        const interpreted = interpret(request, { kind: "answer", status, body });
        const outcome = special.action === "authorize" ? "approved" : "declined";
        const known = special.cardToken.startsWith("tok_decline_") ? "declined" : outcome;
        expect(interpreted).toMatchObject({ type: "decided", outcome: { outcome: known, amount: special.amount } });
      }),
    );
  });
});

describe("a response", () => {
  test.each<[string, unknown]>([
    ["an approval", APPROVED],
    ["a refusal", { outcome: "declined", reason: "do_not_honor", networkReference: "", amount: "100" }],
  ])("%s is definite, to a request and to an inquiry", (_, body) => {
    const outcome = { ...(body as object), amount: 100n };
    expect(said(200, body)).toEqual({ type: "decided", outcome });
    expect(said(200, body, GET)).toEqual({ type: "decided", outcome });
  });

  test("a refusal without a reason gets one", () => {
    const body = { outcome: "declined", reason: "", networkReference: "", amount: "1" };
    expect(said(200, body)).toMatchObject({ outcome: { reason: "declined" } });
  });

  test.each<[string, unknown]>([
    ["no JSON", "<html>"],
    ["nothing", ""],
    ["another object", { ok: true }],
    ["an unknown field", { ...APPROVED, extra: 1 }],
    ["an unknown outcome", { ...APPROVED, outcome: "maybe" }],
    ["an amount that is a number", { ...APPROVED, amount: 100 }],
    ["a fraction", { ...APPROVED, amount: "1.00" }],
    ["a negative amount", { ...APPROVED, amount: "-1" }],
    ["too large an amount", { ...APPROVED, amount: "9".repeat(39) }],
    ["an approval without a reference", { ...APPROVED, networkReference: "" }],
    ["a reference that is too long", { ...APPROVED, networkReference: "x".repeat(65) }],
  ])("a 200 with %s says nothing", (_, body) => {
    expect(said(200, body)).toEqual({ type: "silent" });
  });

  test.each([400, 413, 422])("a %d to a request is a refusal, to an inquiry nothing", (status) => {
    expect(said(status, "")).toEqual({ type: "refused", reason: `network_${status}` });
    expect(said(status, "", GET)).toEqual({ type: "silent" });
  });

  test("only the protocol's own 404 to an inquiry says that nothing is known", () => {
    expect(said(404, { error: "unknown" }, GET)).toEqual({ type: "unknown" });
    expect(said(404, { error: "unknown" }, POST)).toEqual({ type: "silent" });
    expect(said(404, "<h1>Not Found</h1>", GET)).toEqual({ type: "silent" });
    expect(said(404, { error: "no_such_path" }, GET)).toEqual({ type: "silent" });
  });

  test("no answer says nothing", () => {
    expect(interpret(POST, { kind: "no_answer", reason: "timeout" })).toEqual({ type: "silent" });
  });

  test("whatever else comes is never a decision", () => {
    const body = fc.oneof(fc.string(), fc.json(), fc.constant(JSON.stringify(APPROVED)));
    fc.assert(
      fc.property(fc.integer({ min: 100, max: 599 }), body, fc.constantFrom(POST, GET), (status, text, request) => {
        fc.pre(!(status === 200 && text === JSON.stringify(APPROVED)));
        expect(said(status, text, request).type).not.toBe("decided");
      }),
      { numRuns: 500 },
    );
  });
});
