/**
 * The sandbox acquirer's requests, checked: docs/acquirer.md describes them. Whatever comes in is answered, never thrown.
 */
import { WireError } from "../../node/wire/msgpack.ts";
import { check, integer, object, type Schema, text } from "../../node/wire/schema.ts";
import type { AcquirerRequest } from "./core.ts";

export type AcquirerAction = "authorize" | "capture" | "void";

export type ParsedRequest =
  | {
      readonly type: "action";
      readonly action: AcquirerAction;
      readonly key: string;
      /** As it came, to be compared with a repetition. */
      readonly body: string;
      readonly payment: string;
      readonly amount: string;
      readonly cardToken: string;
      /** Reference of the authorisation; empty for `authorize`. */
      readonly authorization: string;
    }
  | { readonly type: "inquiry"; readonly key: string }
  | { readonly type: "report" }
  | { readonly type: "refused"; readonly status: number; readonly error: string };

const ACTIONS: ReadonlyMap<string, AcquirerAction> = new Map([
  ["/v1/authorizations", "authorize"],
  ["/v1/captures", "capture"],
  ["/v1/voids", "void"],
]);
const INQUIRY = "/v1/requests/";
const KEY = /^[0-9a-f]{16,64}$/;
/** As many digits as a number of 128 bits has. */
const DECIMAL = /^[1-9]\d{0,38}$/;

interface ActionBody {
  readonly payment: string;
  readonly amount: string;
  readonly ledger: number;
  readonly cardToken?: string;
  readonly authorization?: string;
}
const bodySchema: Schema<ActionBody> = object(
  { payment: text(39), amount: text(39), ledger: integer(1, 0xffff_ffff) },
  { cardToken: text(64), authorization: text(64) },
);

function refused(status: number, error: string): ParsedRequest {
  return { type: "refused", status, error };
}

/** Understands a request, or says which status and error to answer with. */
export function parseRequest(request: AcquirerRequest): ParsedRequest {
  const { method, path } = request;
  if (method === "GET" && path === "/v1/report") return { type: "report" };
  if (method === "GET" && path.startsWith(INQUIRY)) {
    const key = path.slice(INQUIRY.length);
    return KEY.test(key) ? { type: "inquiry", key } : refused(400, "malformed_key");
  }
  const action = ACTIONS.get(path);
  if (action === undefined) return refused(404, "no_such_path");
  if (method !== "POST") return refused(405, "method_not_allowed");
  const key = request.headers["idempotency-key"];
  if (key === undefined || !KEY.test(key)) return refused(400, "malformed_key");
  return parseAction(action, key, request.body);
}

function parseAction(action: AcquirerAction, key: string, body: string): ParsedRequest {
  let fields: ActionBody;
  try {
    fields = check(bodySchema, JSON.parse(body), "malformed_body");
  } catch (error) {
    if (!(error instanceof WireError) && !(error instanceof SyntaxError)) throw error;
    return refused(400, "malformed_body");
  }
  const { payment, amount, cardToken = "", authorization = "" } = fields;
  if (!DECIMAL.test(payment) || !DECIMAL.test(amount)) return refused(400, "malformed_number");
  if (action === "authorize" ? cardToken === "" : authorization === "") return refused(400, "missing_field");
  return { type: "action", action, key, body, payment, amount, cardToken, authorization };
}
