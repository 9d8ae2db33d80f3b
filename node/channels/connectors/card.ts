/**
 * The card connector: how an intent becomes a request to the acquirer, and what its answer means. Pure; docs/acquirer.md
 * describes the protocol. An answer is definite or it is not: nothing is ever called declined because nobody answered.
 */
import type { OutsideRequest, OutsideResponse } from "../../base/ports/outside.ts";
import type { Intent, IntentAction } from "../../state/outbox.ts";
import { check, object, oneOf, type Schema, text } from "../../wire/schema.ts";

const ENDPOINT = "card";
const TIMEOUT_MS = 2_000;
const PATHS: Readonly<Record<IntentAction, string>> = {
  authorize: "/v1/authorizations",
  capture: "/v1/captures",
  void: "/v1/voids",
};
/** Statuses after which the same request may well succeed. */
const PASSING: ReadonlySet<number> = new Set([408, 425, 429]);

/** What the network has decided. `amount` is what it says it acted on, minor units. */
export interface NetworkOutcome {
  readonly outcome: "approved" | "declined";
  readonly reason: string;
  readonly networkReference: string;
  readonly amount: bigint;
}

interface AnswerBody {
  readonly outcome: "approved" | "declined";
  readonly reason: string;
  readonly networkReference: string;
  readonly amount: string;
}
const answerSchema: Schema<AnswerBody> = object({
  outcome: oneOf("approved", "declined"),
  reason: text(64),
  networkReference: text(64),
  amount: text(39),
});

/** Asks the network to act. */
export function actionRequest(intent: Intent): OutsideRequest {
  const { action, payment, amount, ledger, cardToken, networkReference, idempotencyKey } = intent;
  const subject = { payment: payment.toString(), amount: amount.toString(), ledger };
  const body = action === "authorize" ? { ...subject, cardToken } : { ...subject, authorization: networkReference };
  return {
    endpoint: ENDPOINT,
    method: "POST",
    path: PATHS[action],
    headers: { "content-type": "application/json", "idempotency-key": idempotencyKey },
    body: JSON.stringify(body),
    timeoutMs: TIMEOUT_MS,
  };
}

/** Asks what became of an earlier request, without acting. */
export function inquiryRequest(intent: Intent): OutsideRequest {
  const path = `/v1/requests/${intent.idempotencyKey}`;
  return { endpoint: ENDPOINT, method: "GET", path, headers: {}, body: "", timeoutMs: TIMEOUT_MS };
}

/** What a response means; undefined when it settles nothing and the request must be made again. */
export function interpret(request: OutsideRequest, response: OutsideResponse): NetworkOutcome | undefined {
  if (response.kind === "no_answer" || response.status >= 500 || PASSING.has(response.status)) return undefined;
  if (response.status === 200) return decodeAnswer(response.body);
  // An inquiry that finds nothing says only that the request has not arrived yet.
  if (request.method === "GET") return undefined;
  return { outcome: "declined", reason: `network_${response.status}`, networkReference: "", amount: 0n };
}

function decodeAnswer(body: string): NetworkOutcome | undefined {
  try {
    const { outcome, reason, networkReference, amount } = check(answerSchema, JSON.parse(body), "malformed_body");
    if (!/^\d{1,38}$/.test(amount)) return undefined;
    return { outcome, reason, networkReference, amount: BigInt(amount) };
  } catch {
    // Not the protocol: as good as no answer.
    return undefined;
  }
}
