/**
 * Results of executed transactions: what the state machine answers, stored with the session and proven by the receipt.
 *
 * A result is a msgpack map with `status`: "ok", or the code of a refusal (docs/errors.md). Bulk results are sparse: all
 * events not listed were created at `timestamp - count + i + 1`.
 */
import { pack, unpack, WireError } from "./msgpack.ts";

/** Refusals of the state machine, common to all kinds. */
export const REFUSALS = [
  "expired",
  "expiry_too_far",
  "session_unknown",
  "session_key_mismatch",
  "session_limit",
  "sequence_too_old",
  "sequence_too_new",
  "unknown_key",
  "threshold_not_met",
  "not_authorized",
  "already_exists",
  "not_found",
  "wrong_state",
  "limit_reached",
  "not_configured",
  "invalid",
] as const;
export type Refusal = (typeof REFUSALS)[number];

export type ResultFields = Readonly<Record<string, unknown>>;

/** Encodes a result. */
export function encodeResult(status: "ok" | Refusal, fields: ResultFields = {}): Uint8Array {
  return pack({ status, ...fields });
}

/** Decodes a result; throws `WireError` `malformed_frame`. */
export function decodeResult(encoded: Uint8Array): { readonly status: string } & ResultFields {
  const value = unpack(encoded);
  if (typeof value !== "object" || value === null || typeof (value as { status?: unknown }).status !== "string") {
    throw new WireError("malformed_frame", "a result must be a map with a status");
  }
  return value as { readonly status: string } & ResultFields;
}
