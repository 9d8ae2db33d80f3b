/**
 * The trace of every message that an actor handles, for `logLevel: trace`: what it was and its plain numbers, never its
 * contents. Bytes are told by their length and text is left out, so that nothing secret or personal gets into a log.
 */
import type { TraceEvent } from "../actor/cell.ts";
import type { LogFields } from "../base/ports/log.ts";

/** What is told of a message: its type, its numbers and flags, the lengths of bytes and lists. */
export function traceFields({ actor, message }: TraceEvent): LogFields {
  const fields: Record<string, string | number | boolean | bigint> = { actor };
  if (typeof message !== "object" || message === null) return fields;
  for (const [name, value] of Object.entries(message) as [string, unknown][]) {
    if (name === "type") fields["message"] = String(value);
    else if (typeof value === "number" || typeof value === "boolean" || typeof value === "bigint") fields[name] = value;
    else if (value instanceof Uint8Array || Array.isArray(value)) fields[`${name}.length`] = value.length;
  }
  return fields;
}
