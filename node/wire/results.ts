/**
 * Results of executed transactions: what the state machine answers, stored with the session and proven by the receipt.
 *
 * A result is a msgpack map with `status`: "ok", or the code of a refusal (docs/errors.md). Bulk results are sparse:
 * event i of those not listed was created at its own time, `timestamp - count + i + 1`. Listed are the refused, and the
 * imported, which bring their times along.
 */
import { viewOf } from "../base/bytes.ts";
import { BATCH_RECORDS_MAX } from "../base/limits.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import { bytesBetween, check, integer, object, text, u64 } from "./schema.ts";

/** Refusals of the state machine, common to all kinds. */
export const REFUSALS = [
  "expired",
  "expiry_too_far",
  "session_unknown",
  "outcome_forgotten",
  "session_key_mismatch",
  "session_limit",
  "sequence_reused",
  "sequence_too_old",
  "sequence_too_new",
  "unknown_key",
  "unknown_cosigner",
  "threshold_not_met",
  "not_authorized",
  "already_exists",
  "not_found",
  "wrong_state",
  "limit_reached",
  "not_configured",
  "asset_unknown",
  "exceeds_original",
  "invalid",
] as const;
export type Refusal = (typeof REFUSALS)[number];

export type ResultFields = Readonly<Record<string, unknown>>;

/** Encodes a result. */
export function encodeResult(status: "ok" | Refusal, fields: ResultFields = {}): Uint8Array {
  return pack({ status, ...fields });
}

/** Decodes a result; throws `WireError` `malformed_msgpack` or `malformed_frame`. */
export function decodeResult(encoded: Uint8Array): { readonly status: string } & ResultFields {
  const value = unpack(encoded);
  if (typeof value !== "object" || value === null || typeof (value as { status?: unknown }).status !== "string") {
    throw new WireError("malformed_frame", "a result must be a map with a status");
  }
  return value as { readonly status: string } & ResultFields;
}

/** What became of one event of a bulk transaction: the ledger's status number, and the record's timestamp. */
export interface EventResult {
  readonly timestamp: bigint;
  readonly status: number;
}

/** The status of an event that was created: TigerBeetle's number. */
const CREATED = 0xffff_ffff;
const EXCEPTION_BYTES = 16;

/** Encodes the results of a bulk transaction; an event created at its own time costs nothing. */
export function encodeBatchResult(timestamp: bigint, count: number, at: (index: number) => EventResult): Uint8Array {
  const first = timestamp - BigInt(count) + 1n;
  const exceptions: number[] = [];
  for (let i = 0; i < count; i++) {
    const result = at(i);
    if (result.status !== CREATED || result.timestamp !== first + BigInt(i)) exceptions.push(i);
  }
  const encoded = new Uint8Array(exceptions.length * EXCEPTION_BYTES);
  const view = viewOf(encoded);
  exceptions.forEach((index, place) => {
    const result = at(index);
    view.setUint32(place * EXCEPTION_BYTES, index, true);
    view.setUint32(place * EXCEPTION_BYTES + 4, result.status, true);
    view.setBigUint64(place * EXCEPTION_BYTES + 8, result.timestamp, true);
  });
  return encodeResult("ok", { timestamp, count, exceptions: encoded });
}

/** The results of all events of a bulk transaction, from its decoded result; throws `WireError` `malformed_frame`. */
export function batchResults(result: ResultFields): readonly EventResult[] {
  const { timestamp, count, exceptions } = check(batchSchema, result, "malformed_frame");
  if (exceptions.length % EXCEPTION_BYTES !== 0) throw new WireError("malformed_frame", "a result of an event is cut");
  const first = timestamp - BigInt(count) + 1n;
  const results = Array.from({ length: count }, (_, i) => ({ timestamp: first + BigInt(i), status: CREATED }));
  const view = viewOf(exceptions);
  for (let at = 0; at < exceptions.length; at += EXCEPTION_BYTES) {
    const index = view.getUint32(at, true);
    if (index >= count) throw new WireError("malformed_frame", "a result for an event that is not there");
    results[index] = { status: view.getUint32(at + 4, true), timestamp: view.getBigUint64(at + 8, true) };
  }
  return results;
}

const batchSchema = object({
  status: text(32),
  timestamp: u64,
  count: integer(1, BATCH_RECORDS_MAX),
  exceptions: bytesBetween(0, BATCH_RECORDS_MAX * EXCEPTION_BYTES),
});
