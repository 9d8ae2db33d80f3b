/**
 * What callers give: fields of records, filters and options, and arguments. Most are unsigned integers of 16 to 128 bits: up
 * to 32 bits they are numbers, beyond that bigints. Nothing is rounded, wrapped, clamped or ignored.
 */
import { CodedError } from "../base/errors.ts";

/** Bits of a field. */
export type Bits = 16 | 32 | 64 | 128;

/** The fields that something may have. */
export type Fields = Readonly<Record<string, Bits>>;

type Fault = "malformed_record" | "malformed_filter" | "malformed_argument";

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

/**
 * Throws the fault unless `value` is an object that has the required fields, no others than `fields`, and in each of them
 * what it can hold.
 */
export function checkFields(
  fault: Fault,
  what: string,
  value: unknown,
  fields: Fields,
  required: readonly string[],
): void {
  for (const [name, held] of entriesOf(fault, what, value)) {
    const field = `field ${name} of ${what}`;
    const bits = Object.hasOwn(fields, name) ? fields[name] : undefined;
    if (bits === undefined) throw malformed(fault, field, "does not exist");
    if (held !== undefined || required.includes(name)) checkUnsigned(fault, field, held, bits);
  }
  const missing = required.find((name) => !Object.hasOwn(Object(value), name));
  if (missing !== undefined) throw malformed(fault, `field ${missing} of ${what}`, "is missing");
}

/** The fields of an object; throws the fault for what is none. */
export function entriesOf(fault: Fault, what: string, value: unknown): [string, unknown][] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw malformed(fault, what, "must be an object");
  }
  return Object.entries(value);
}

/** Throws `malformed_argument` unless `value` is an array. */
export function checkList(what: string, value: unknown): void {
  if (!Array.isArray(value)) throw malformed("malformed_argument", what, "must be an array");
}

/** Throws `malformed_argument` unless `value` is a whole number of steps from 1 on, or infinite. */
export function checkSteps(what: string, value: unknown): void {
  if (typeof value === "number" && value >= 1 && (Number.isInteger(value) || value === Number.POSITIVE_INFINITY))
    return;
  throw malformed("malformed_argument", what, "must be a whole number from 1 on, or infinite");
}

/** The error of what is not there, or not what it must be. */
export function malformed(fault: Fault, what: string, reason: string): CodedError {
  const message = `${what} ${reason}`;
  // Spelled out for those who look for the code.
  switch (fault) {
    case "malformed_record":
      return new CodedError("malformed_record", message);
    case "malformed_filter":
      return new CodedError("malformed_filter", message);
    case "malformed_argument":
      return new CodedError("malformed_argument", message);
  }
}
