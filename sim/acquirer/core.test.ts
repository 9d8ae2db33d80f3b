import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { AcquirerCore, type AcquirerRates, type AcquirerReply, type AcquirerRequest, type Decision } from "./core.ts";

const CALM: AcquirerRates = {
  declinePermille: 0,
  timeoutPermille: 0,
  latePermille: 0,
  unavailablePermille: 0,
  contradictPermille: 0,
};
const KEYS = ["1", "2", "3", "4", "5", "6", "7", "8"].map((digit) => digit.repeat(32));

function core(rates: Partial<AcquirerRates> = {}, onDecision?: (decision: Decision) => void): AcquirerCore {
  const options = { random: new Prng(1), rates: { ...CALM, ...rates } };
  return new AcquirerCore(onDecision === undefined ? options : { ...options, onDecision });
}

interface Ask {
  readonly key?: string;
  readonly payment?: string;
  readonly amount?: string;
  readonly cardToken?: string;
  readonly authorization?: string;
}

const PATHS = { authorize: "/v1/authorizations", capture: "/v1/captures", void: "/v1/voids" } as const;

function request(action: keyof typeof PATHS, ask: Ask = {}): AcquirerRequest {
  const { key = KEYS[0], payment = "7", amount = "1250", cardToken = "tok_1", authorization = "" } = ask;
  const body = { payment, amount, ledger: 978, ...(action === "authorize" ? { cardToken } : { authorization }) };
  const headers = { "idempotency-key": key };
  return { method: "POST", path: PATHS[action], headers, body: JSON.stringify(body) };
}

function inquiry(key: string): AcquirerRequest {
  return { method: "GET", path: `/v1/requests/${key}`, headers: {}, body: "" };
}

function said(reply: AcquirerReply): unknown {
  return { status: reply.status, ...(JSON.parse(reply.body) as object) };
}

const REFERENCE = `auth-${KEYS[0]?.slice(0, 16)}`;
const APPROVED = { status: 200, outcome: "approved", reason: "", networkReference: REFERENCE, amount: "1250" };

describe("what the acquirer decides", () => {
  test("an authorisation is approved, captured and voided under its reference", () => {
    const acquirer = core();
    expect(said(acquirer.handle(request("authorize")))).toEqual(APPROVED);
    expect(said(acquirer.handle(request("capture", { key: KEYS[1] as string, authorization: REFERENCE })))).toEqual(
      APPROVED,
    );
    expect(acquirer.report()).toMatchObject({ authorized: 1, captured: 1, voided: 0, capturedAmount: "1250" });
    expect(said(acquirer.handle(request("void", { key: KEYS[2] as string, authorization: REFERENCE })))).toEqual(
      APPROVED,
    );
    expect(acquirer.report()).toMatchObject({ authorized: 1, captured: 0, voided: 1, capturedAmount: "0" });
  });

  test("one that contradicts itself says the opposite when it is asked once more; its books stand, and tell without what it is about", () => {
    const acquirer = core({ contradictPermille: 1_000 });
    expect(said(acquirer.handle(request("authorize")))).toEqual(APPROVED);
    expect(acquirer.contradicted).toEqual(new Set());
    for (const again of [request("authorize"), inquiry(KEYS[0] as string)])
      expect(said(acquirer.handle(again))).toMatchObject({ status: 200, outcome: "declined" });
    expect([acquirer.contradictions, acquirer.contradicted]).toEqual([2, new Set(["7"])]);
    expect(acquirer.report()).toMatchObject({ authorized: 1, declined: 0, doubled: [] });
    expect(acquirer.report(acquirer.contradicted)).toMatchObject({ authorized: 0, declined: 0, doubled: [] });
    const refused = { key: KEYS[1] as string, payment: "8", authorization: REFERENCE };
    acquirer.handle(request("capture", refused));
    expect(said(acquirer.handle(request("capture", refused)))).toMatchObject({ status: 200, outcome: "approved" });
  });

  test.each([
    ["an authorisation nobody gave", { authorization: "auth-0000" }],
    ["the authorisation of another payment", { payment: "8", authorization: REFERENCE }],
  ])("neither capture nor void acts on %s", (_, ask) => {
    for (const action of ["capture", "void"] as const) {
      const acquirer = core();
      acquirer.handle(request("authorize"));
      const reply = acquirer.handle(request(action, { key: KEYS[1] as string, ...ask }));
      expect(said(reply)).toMatchObject({ outcome: "declined", reason: "unknown_authorization" });
    }
  });

  test("no more is captured than was authorised; a void is of the whole", () => {
    const acquirer = core();
    acquirer.handle(request("authorize"));
    const more = { amount: "1251", authorization: REFERENCE };
    const capture = acquirer.handle(request("capture", { key: KEYS[1] as string, ...more }));
    expect(said(capture)).toMatchObject({ outcome: "declined", reason: "amount_exceeds_authorization" });
    expect(said(acquirer.handle(request("void", { key: KEYS[2] as string, ...more })))).toMatchObject({
      outcome: "approved",
    });
  });

  test("what was voided is not captured any more", () => {
    const acquirer = core();
    acquirer.handle(request("authorize"));
    acquirer.handle(request("void", { key: KEYS[1] as string, authorization: REFERENCE }));
    const late = acquirer.handle(request("capture", { key: KEYS[2] as string, authorization: REFERENCE }));
    expect(said(late)).toMatchObject({ outcome: "declined", reason: "authorization_voided" });
    expect(acquirer.report()).toMatchObject({ captured: 0, declined: 1, capturedAmount: "0" });
  });

  test.each([
    ["tok_decline_1", { kind: "answer", status: 200 }, { outcome: "declined", reason: "insufficient_funds" }],
    ["tok_timeout_1", { kind: "never" }, { outcome: "approved" }],
    ["tok_late_1", { kind: "answer", delayMs: 3_000 }, { outcome: "approved" }],
  ])("the token %s does what it says", (cardToken, reply, decision) => {
    const acquirer = core();
    expect(acquirer.handle(request("authorize", { cardToken }))).toMatchObject(reply);
    expect(said(acquirer.handle(inquiry(KEYS[0] as string)))).toMatchObject({ status: 200, ...decision });
  });

  test("the largest id a payment can have is taken", () => {
    const payment = ((1n << 128n) - 1n).toString();
    expect(said(core().handle(request("authorize", { payment })))).toMatchObject({ outcome: "approved" });
  });

  test("who is unavailable does not act", () => {
    const acquirer = core({ unavailablePermille: 1_000 });
    expect(said(acquirer.handle(request("authorize")))).toEqual({ status: 503, error: "unavailable" });
    expect(said(acquirer.handle(inquiry(KEYS[0] as string)))).toEqual({ status: 404, error: "unknown" });
    expect(acquirer.report()).toMatchObject({ authorized: 0, declined: 0 });
  });

  test("things go wrong as often as the rates say", () => {
    const often = { declinePermille: 300, timeoutPermille: 100, latePermille: 200, unavailablePermille: 100 };
    const acquirer = core(often);
    const seen = { declined: 0, never: 0, late: 0, unavailable: 0 };
    for (let i = 0; i < 10_000; i++) {
      const reply = acquirer.handle(request("authorize", { key: i.toString(16).padStart(16, "0") }));
      if (reply.status === 503) seen.unavailable += 1;
      else if (reply.kind === "never") seen.never += 1;
      else if (reply.delayMs === 3_000) seen.late += 1;
    }
    seen.declined = acquirer.report().declined;
    expect(near(seen.unavailable, 1_000) && near(seen.never, 900) && near(seen.late, 1_620)).toBe(true);
    expect(near(seen.declined, 2_700)).toBe(true);
  });
});

describe("one key, one decision", () => {
  test("another request under a used key is refused, and changes nothing", () => {
    const acquirer = core();
    acquirer.handle(request("authorize"));
    const other = acquirer.handle(request("authorize", { amount: "1" }));
    expect(said(other)).toEqual({ status: 422, error: "idempotency_key_reused" });
    const capture = request("capture", { key: KEYS[1] as string, authorization: REFERENCE });
    acquirer.handle(capture);
    const sameBodyOtherAction = acquirer.handle({ ...capture, path: PATHS.void });
    expect(said(sameBodyOtherAction)).toEqual({ status: 422, error: "idempotency_key_reused" });
    expect(acquirer.report()).toMatchObject({ authorized: 1, captured: 1, voided: 0 });
  });

  const asks = fc.array(
    fc.record({
      action: fc.constantFrom("authorize" as const, "capture" as const, "void" as const),
      key: fc.constantFrom(...KEYS),
      payment: fc.constantFrom("7", "8"),
      amount: fc.constantFrom("1", "2"),
      cardToken: fc.constantFrom("tok_1", "tok_decline_1", "tok_timeout_1", "tok_late_1"),
      authorization: fc.constantFrom(...KEYS.map((key) => `auth-${key.slice(0, 16)}`)),
    }),
    { maxLength: 40 },
  );
  const rates = fc.record({
    declinePermille: fc.constantFrom(0, 300),
    timeoutPermille: fc.constantFrom(0, 300),
    latePermille: fc.constantFrom(0, 300),
    unavailablePermille: fc.constantFrom(0, 300),
  });

  test("whatever comes, the first decision stands, the books follow, and a restarted acquirer knows both", () => {
    fc.assert(
      fc.property(asks, rates, (requests, drawn) => {
        const journal: Decision[] = [];
        const acquirer = core(drawn, (decision) => journal.push(decision));
        const first = new Map<string, { asked: string; body: string }>();
        for (const ask of requests) {
          const asked = request(ask.action, ask);
          const before = first.get(ask.key);
          const decided = journal.length;
          const reply = acquirer.handle(asked);
          const id = asked.path + asked.body;
          if (before === undefined) {
            if (reply.status === 200) first.set(ask.key, { asked: id, body: reply.body });
            expect(journal.length).toBe(decided + (reply.status === 200 ? 1 : 0));
          } else {
            expect(journal.length).toBe(decided);
            if (before.asked === id) expect(reply).toMatchObject({ kind: "answer", status: 200, body: before.body });
            else expect(reply.status).toBe(422);
          }
        }
        const restarted = core();
        for (const decision of journal) restarted.remember(decision);
        expect(restarted.report()).toEqual(acquirer.report());
        for (const key of KEYS) expect(restarted.handle(inquiry(key))).toEqual(acquirer.handle(inquiry(key)));
        expect(acquirer.report()).toEqual(recount(journal));
      }),
    );
  });
});

function near(count: number, expected: number): boolean {
  return Math.abs(count - expected) < 300;
}

/** The books by plain counting. */
function recount(journal: readonly Decision[]): object {
  const approved = (action: string, payment?: string): Decision[] =>
    journal.filter(
      (d) => d.outcome === "approved" && d.action === action && (payment === undefined || d.payment === payment),
    );
  const payments = [...new Set(journal.map(({ payment }) => payment))];
  const voided = payments.filter((payment) => approved("void", payment).length > 0);
  const captures = approved("capture").filter(({ payment }) => !voided.includes(payment));
  const twice = (action: string): string[] =>
    [...new Set(approved(action).map(({ payment }) => payment))].filter(
      (payment) => approved(action, payment).length > 1,
    );
  return {
    authorized: approved("authorize").length,
    captured: captures.length,
    voided: voided.length,
    declined: journal.filter(({ outcome }) => outcome === "declined").length,
    doubled: [...twice("authorize"), ...twice("capture")],
    capturedAmount: String(captures.reduce((sum, { amount }) => sum + Number(amount), 0)),
  };
}

describe("bad requests", () => {
  const body = JSON.stringify({ payment: "7", amount: "1", ledger: 978, cardToken: "tok_1" });
  const headers = { "idempotency-key": KEYS[0] as string };
  const good = { method: "POST", path: PATHS.authorize, headers, body };

  test.each([
    ["no such path", { ...good, path: "/v1/refunds" }, 404, "no_such_path"],
    ["another method", { ...good, method: "PUT" }, 405, "method_not_allowed"],
    ["no key", { ...good, headers: {} }, 400, "malformed_key"],
    ["a short key", { ...good, headers: { "idempotency-key": "abc" } }, 400, "malformed_key"],
    [
      "a key that is not hexadecimal",
      { ...good, headers: { "idempotency-key": "g".repeat(32) } },
      400,
      "malformed_key",
    ],
    ["an inquiry about no key", { ...good, method: "GET", path: "/v1/requests/" }, 400, "malformed_key"],
    ["not JSON", { ...good, body: "{" }, 400, "malformed_body"],
    ["an unknown field", { ...good, body: body.replace("{", '{"pan":"4",') }, 400, "malformed_body"],
    ["a missing field", { ...good, body: '{"payment":"7","amount":"1"}' }, 400, "malformed_body"],
    ["an amount of nothing", { ...good, body: body.replace('"1"', '"0"') }, 400, "malformed_number"],
    ["a fraction", { ...good, body: body.replace('"1"', '"1.5"') }, 400, "malformed_number"],
    ["no token", { ...good, body: body.replace("tok_1", "") }, 400, "missing_field"],
    ["no authorisation", { ...good, path: PATHS.capture }, 400, "missing_field"],
  ])("%s", (_, bad, status, error) => {
    const acquirer = core();
    expect(said(acquirer.handle(bad))).toEqual({ status, error });
    expect(acquirer.report()).toMatchObject({ authorized: 0, captured: 0, declined: 0 });
  });

  test("whatever bytes come, there is an answer in JSON, and none of them is a decision", () => {
    const text = fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.json());
    const method = fc.oneof(fc.constantFrom("GET", "POST"), text);
    const path = fc.oneof(fc.constantFrom(...Object.values(PATHS), "/v1/report", `/v1/requests/${KEYS[0]}`), text);
    const key = fc.oneof(fc.constantFrom(KEYS[0], undefined), text);
    fc.assert(
      fc.property(method, path, key, text, (m, p, k, b) => {
        const acquirer = core();
        const reply = acquirer.handle({ method: m, path: p, headers: { "idempotency-key": k }, body: b });
        expect([200, 400, 404, 405]).toContain(reply.status);
        expect(JSON.parse(reply.body)).toBeTypeOf("object");
        expect(acquirer.report()).toMatchObject({ authorized: 0, captured: 0, voided: 0, declined: 0 });
      }),
      { numRuns: 100 },
    );
  });
});
