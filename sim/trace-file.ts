/**
 * Traces as files: JSON Lines. The first line says which version this is and holds the run's plan; each further line is
 * one record (`trace-recorder.ts`). Two runs of one plan write the same bytes.
 */
import { CodedError } from "../node/base/errors.ts";
import { WireError } from "../node/wire/msgpack.ts";
import { check } from "../node/wire/schema.ts";
import { nullForNone, planOf, planValue } from "./plan-file.ts";
import type { RunPlan } from "./run.ts";
import type { TraceRecord } from "./trace-recorder.ts";
import { recordSchema } from "./trace-schema.ts";

const TRACE_VERSION = 3;

/** A trace that was read: its plan, and its records as they stand in the file. */
export interface TraceFile {
  readonly plan: RunPlan;
  readonly records: readonly TraceRecord[];
}

/** The first line, without its end. */
export function traceHead(plan: RunPlan): string {
  return JSON.stringify({ quorateTrace: TRACE_VERSION, plan: planValue(plan) }, nullForNone);
}

/** The line of a record. */
export function traceLine(record: TraceRecord): string {
  return JSON.stringify(record);
}

/** Whether a text begins as a trace file does. */
export function isTrace(text: string): boolean {
  return text.startsWith('{"quorateTrace"');
}

/** Reads a trace file. Throws `CodedError` `trace_invalid`, with the line, for anything that is none of this version. */
export function decodeTrace(text: string): TraceFile {
  if (!isTrace(text)) throw invalid(1, "this is no trace; `sim replay --trace-file` writes one");
  const [head = "", ...lines] = text.trimEnd().split("\n");
  const { quorateTrace, plan } = fieldsOf(head, 1);
  if (quorateTrace !== TRACE_VERSION)
    throw invalid(1, `this is no trace of version ${TRACE_VERSION} (quorateTrace: ${String(quorateTrace)})`);
  const records = lines.map((line, index) => recordOf(line, index + 2));
  if (records.at(-1)?.what !== "end") throw invalid(lines.length + 1, "the trace is cut off here: it has no end");
  return { plan: planOf(plan), records };
}

function recordOf(line: string, number: number): TraceRecord {
  try {
    return check(recordSchema, fieldsOf(line, number), "malformed_body");
  } catch (error) {
    if (error instanceof WireError) throw invalid(number, error.message);
    throw error;
  }
}

function fieldsOf(line: string, number: number): Record<string, unknown> {
  try {
    const value = JSON.parse(line) as unknown;
    if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  } catch {
    // said below
  }
  throw invalid(number, "this is no JSON object");
}

function invalid(line: number, why: string): CodedError {
  return new CodedError("trace_invalid", `line ${line}: ${why}`, { line });
}
