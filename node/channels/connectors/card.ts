/**
 * The card connector: how an intent becomes a request to the acquirer, and what its answer means. Pure; docs/acquirer.md
 * describes the protocol.
 *
 * An answer is definite or it is not: nothing is ever called declined because nobody answered, and not even because a
 * request was refused, as long as an earlier one under the same key may have been taken. So a refusal counts only when an
 * inquiry confirms that nothing is known under the key.
 */
import type { OutsideRequest, OutsideResponse } from "../../base/ports/outside.ts";
import type { Intent, IntentAction } from "../../state/outbox.ts";
import { WireError } from "../../wire/msgpack.ts";
import { check, object, oneOf, type Schema, text } from "../../wire/schema.ts";

const ENDPOINT = "card";
const TIMEOUT_MS = 2_000;
const PATHS: Readonly<Record<IntentAction, string>> = {
  authorize: "/v1/authorizations",
  capture: "/v1/captures",
  void: "/v1/voids",
};
/** Statuses of an acquirer that has understood a request and will not take it: malformed, too large, key used before. */
const REFUSING: ReadonlySet<number> = new Set([400, 413, 422]);

/** What the network has decided. `amount` is what it says it acted on, minor units. */
export interface NetworkOutcome {
  readonly outcome: "approved" | "declined";
  readonly reason: string;
  readonly networkReference: string;
  readonly amount: bigint;
}

/** What a response says. */
export type Interpretation =
  | { readonly type: "decided"; readonly outcome: NetworkOutcome }
  /** The request was not taken; `reason` names the status. */
  | { readonly type: "refused"; readonly reason: string }
  /** Nothing is known under the key. */
  | { readonly type: "unknown" }
  /** Nothing at all: ask again. */
  | { readonly type: "silent" };

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

/** An inquiry's answer when the key is not known: another 404 comes from somebody who does not speak the protocol. */
const unknownSchema: Schema<object> = object({ error: oneOf("unknown") });

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

/** What a response says to a request. Whatever is not the protocol is as good as no answer. */
export function interpret(request: OutsideRequest, response: OutsideResponse): Interpretation {
  if (response.kind === "no_answer") return SILENT;
  const { status, body } = response;
  if (status === 200) {
    const outcome = decode(answerSchema, body);
    return outcome === undefined ? SILENT : decided(outcome);
  }
  if (request.method === "POST") {
    return REFUSING.has(status) ? { type: "refused", reason: `network_${status}` } : SILENT;
  }
  return status === 404 && decode(unknownSchema, body) !== undefined ? { type: "unknown" } : SILENT;
}

/** The outcome of a request that was refused, and is confirmed to be unknown. */
export function refusedOutcome(reason: string): NetworkOutcome {
  return { outcome: "declined", reason, networkReference: "", amount: 0n };
}

const SILENT: Interpretation = { type: "silent" };

function decided({ outcome, reason, networkReference, amount }: AnswerBody): Interpretation {
  // Without its reference an approval could be neither captured nor voided.
  if (!/^\d{1,38}$/.test(amount) || (outcome === "approved" && networkReference === "")) return SILENT;
  const why = outcome === "declined" && reason === "" ? "declined" : reason;
  return { type: "decided", outcome: { outcome, reason: why, networkReference, amount: BigInt(amount) } };
}

function decode<T>(schema: Schema<T>, body: string): T | undefined {
  try {
    return check(schema, JSON.parse(body), "malformed_body");
  } catch (error) {
    if (error instanceof WireError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}
