/** Options that are whole numbers in a range. */
import { CodedError } from "../node/base/errors.ts";

export const U16_MAX = 0xffff;

/** Checks the value of an option, for yargs' `coerce`; throws `CodedError` `usage`. */
export function whole(name: string, min: number, max: number): (value: number) => number {
  return (value) => {
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    throw new CodedError("usage", `--${name} must be a whole number from ${min} to ${max}`);
  };
}
