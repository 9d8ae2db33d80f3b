/**
 * Results of executed transactions: what the state machine answers, stored with the session and proven by the receipt.
 *
 * A result is a msgpack map with `status`: "ok", or the code of a refusal (docs/errors.md). Bulk results are sparse:
 * event i of those not listed was created at its own time, `timestamp - count + i + 1`. Listed are the refused, and the
 * imported, which bring their times along, in runs of events with one status whose times rise by one nanosecond:
 *
 *     run  first event 0 | events 2 | status 4 | time of the first event 8      (little-endian, 16 bytes, ascending)
 *
 * So a batch that is refused as a whole, or is sent again as a whole, answers with one run.
 */
import { concatBytes, EMPTY_BYTES, readU32, viewOf } from "../base/bytes.ts";
import { BATCH_RECORDS_MAX } from "../base/limits.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import { packing } from "./pack-writer.ts";
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
/** Why a transaction does not get into the log: the state refuses it, or the cluster's release knows no such body yet. */
export type AdmissionRefusal = Refusal | "malformed_body";

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
const RUN_BYTES = 16;
/** Of an event, as the ledger gives it. */
const RESULT_BYTES = 16;

/** Bytes of the largest encoded result: a run for each event, and the fields around them. */
export const RESULT_BYTES_MAX: number = BATCH_RECORDS_MAX * RUN_BYTES + 1_024;

/** Events one after another with one status, and times that rise by one nanosecond. */
export interface EventRun {
  readonly from: number;
  readonly count: number;
  readonly status: number;
  /** Time of the first event. */
  readonly timestamp: bigint;
}

/** One that may still grow. */
interface GrowingRun extends EventRun {
  count: number;
}

/**
 * Encodes the results of a bulk transaction, which come as the ledger gives them: 16 bytes an event, timestamp u64, status
 * u32, zero. An event created at its own time costs nothing.
 */
export function encodeBatchResult(timestamp: bigint, results: Uint8Array): Uint8Array {
  const count = results.length / RESULT_BYTES;
  const first = timestamp - BigInt(count) + 1n;
  // An event's own time in two halves: a batch has thousands of events, and a bigint for each would cost half a millisecond.
  let low = Number(first & 0xffff_ffffn);
  let high = Number(first >> 32n);
  const runs: GrowingRun[] = [];
  let last: GrowingRun | undefined;
  for (let i = 0, at = 0; i < count; i++, at += RESULT_BYTES) {
    const status = readU32(results, at + 8);
    if (status === CREATED && readU32(results, at) === low && readU32(results, at + 4) === high) last = undefined;
    else {
      const time = (BigInt(readU32(results, at + 4)) << 32n) | BigInt(readU32(results, at));
      if (last?.status === status && time === last.timestamp + BigInt(last.count)) last.count += 1;
      else {
        last = { from: i, count: 1, status, timestamp: time };
        runs.push(last);
      }
    }
    low = (low + 1) >>> 0;
    if (low === 0) high += 1;
  }
  if (runs.length === 0) return encodeBatchFields(timestamp, count, EMPTY_BYTES);
  const encoded = new Uint8Array(runs.length * RUN_BYTES);
  const view = viewOf(encoded);
  runs.forEach((run, place) => {
    view.setUint16(place * RUN_BYTES, run.from, true);
    view.setUint16(place * RUN_BYTES + 2, run.count, true);
    view.setUint32(place * RUN_BYTES + 4, run.status, true);
    view.setBigUint64(place * RUN_BYTES + 8, run.timestamp, true);
  });
  return encodeBatchFields(timestamp, count, encoded);
}

/** Encoded texts, so that what every payment is answered with is put together from pieces. */
const OK_AT: Uint8Array = concatBytes(["status", "ok", "timestamp"].map(pack));
const COUNT: Uint8Array = pack("count");
const RUNS: Uint8Array = pack("runs");

/** The same as `encodeResult("ok", { timestamp, count, runs })`. */
function encodeBatchFields(timestamp: bigint, count: number, runs: Uint8Array): Uint8Array {
  const to = packing().map(4).encoded(OK_AT).unsigned64(timestamp).encoded(COUNT).integer(count);
  return to.encoded(RUNS).bytes(runs).finish();
}

/** What a bulk transaction was answered: every event that is in no run was created at its own time. */
export interface BatchRuns {
  /** The time of the last event; event i of n has its own, `timestamp - n + i + 1`. */
  readonly timestamp: bigint;
  readonly count: number;
  /** In the order of their events. */
  readonly runs: readonly EventRun[];
}

/**
 * The results of a bulk transaction as they came, from its decoded result; throws `WireError` `malformed_frame`. For whoever
 * looks for what was refused: an object and a time for each event cost half a millisecond a full batch.
 */
export function batchRuns(result: ResultFields): BatchRuns {
  const { timestamp, count, runs: encoded } = check(batchSchema, result, "malformed_frame");
  if (encoded.length % RUN_BYTES !== 0) throw new WireError("malformed_frame", "a run of results is cut");
  const view = viewOf(encoded);
  const runs: EventRun[] = [];
  let free = 0;
  for (let at = 0; at < encoded.length; at += RUN_BYTES) {
    const from = view.getUint16(at, true);
    const events = view.getUint16(at + 2, true);
    if (from < free || events === 0 || from + events > count) {
      throw new WireError(
        "malformed_frame",
        "a run of results is empty, out of order, or of events that are not there",
      );
    }
    const status = view.getUint32(at + 4, true);
    runs.push({ from, count: events, status, timestamp: view.getBigUint64(at + 8, true) });
    free = from + events;
  }
  return { timestamp, count, runs };
}

/** The results of all events of a bulk transaction; otherwise as `batchRuns`. */
export function batchResults(result: ResultFields): readonly EventResult[] {
  const { timestamp, count, runs } = batchRuns(result);
  const first = timestamp - BigInt(count) + 1n;
  const results = Array.from({ length: count }, (_, i) => ({ timestamp: first + BigInt(i), status: CREATED }));
  for (const run of runs) {
    for (let i = 0; i < run.count; i++) {
      results[run.from + i] = { status: run.status, timestamp: run.timestamp + BigInt(i) };
    }
  }
  return results;
}

const batchSchema = object({
  status: text(32),
  timestamp: u64,
  count: integer(1, BATCH_RECORDS_MAX),
  runs: bytesBetween(0, BATCH_RECORDS_MAX * RUN_BYTES),
});
