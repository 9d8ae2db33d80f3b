/**
 * Amounts as people write them: whole minor units in a bigint, never a floating-point number. `12.50` with two decimals
 * is 1250; more decimals than the asset has are refused, not rounded.
 */
import { U128_MAX } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";

/** The most decimals an asset may have. */
export const DECIMALS_MAX = 18;

const AMOUNT = /^(\d{1,100})(?:\.(\d{1,100}))?$/;

/** Minor units of a decimal text; throws `CodedError` `amount_invalid` with the reason. */
export function parseAmount(text: string, decimals: number): bigint {
  // A number would pass as its text, and may have been rounded already.
  const match = typeof text === "string" ? AMOUNT.exec(text) : null;
  if (match === null) throw invalid(text, "an amount is digits, and decimals behind a point");
  const fraction = match[2] ?? "";
  if (fraction.length > decimals) {
    throw invalid(text, decimals === 0 ? "this asset has no decimals" : `this asset has at most ${decimals} decimals`);
  }
  const units = BigInt(`${match[1]}${fraction.padEnd(decimals, "0")}`);
  if (units > U128_MAX) throw invalid(text, "it does not fit in 128 bits");
  return units;
}

/** A decimal text of minor units, such as `12.50`; `parseAmount` of it gives the same units. */
export function formatAmount(units: bigint, decimals: number): string {
  const digits = (units < 0n ? -units : units).toString().padStart(decimals + 1, "0");
  const sign = units < 0n ? "-" : "";
  if (decimals === 0) return `${sign}${digits}`;
  return `${sign}${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`;
}

/** The same for people, with thousands apart: `1,234,567.50`. */
export function formatAmountGrouped(units: bigint, decimals: number): string {
  const text = formatAmount(units, decimals);
  const point = text.indexOf(".");
  const whole = point < 0 ? text : text.slice(0, point);
  return `${whole.replaceAll(/\B(?=(\d{3})+$)/g, ",")}${point < 0 ? "" : text.slice(point)}`;
}

function invalid(text: string, reason: string): CodedError {
  return new CodedError("amount_invalid", `"${text}" is not an amount: ${reason}`);
}
