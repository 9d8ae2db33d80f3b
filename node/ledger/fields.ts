/**
 * Fields of records and filters as callers give them: unsigned integers of 16 to 128 bits. Up to 32 bits they are numbers,
 * beyond that bigints. Nothing is rounded, wrapped, clamped or ignored.
 */
import { CodedError } from "../base/errors.ts";

/** Bits of a field. */
export type Bits = 16 | 32 | 64 | 128;

type Fault = "malformed_record" | "malformed_filter";

/** Throws the fault unless `value` is an unsigned integer of so many bits; `what` names it in the message. */
export function checkUnsigned(fault: Fault, what: string, value: unknown, bits: Bits): void {
  const fits =
    bits > 32
      ? typeof value === "bigint" && value >= 0n && value >> BigInt(bits) === 0n
      : typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 2 ** bits;
  if (fits) return;
  const kind = bits > 32 ? "a bigint" : "an integer";
  throw malformed(fault, what, `must be ${kind} of ${bits} bits without sign`);
}

/** The error of a field that is not there, or not what it must be. */
export function malformed(fault: Fault, what: string, reason: string): CodedError {
  // Spelled out for those who look for the code.
  return fault === "malformed_record"
    ? new CodedError("malformed_record", `${what} ${reason}`)
    : new CodedError("malformed_filter", `${what} ${reason}`);
}
