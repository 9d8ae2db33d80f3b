/**
 * Amounts, currencies and ids as people write them. Amounts are minor units in a bigint; no floating point anywhere.
 * A ledger number is the ISO 4217 numeric code of its currency.
 */
import { U128_MAX } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";

interface Currency {
  readonly code: string;
  readonly ledger: number;
  /** Decimal digits of the minor unit. */
  readonly exponent: number;
}

const CURRENCIES: readonly Currency[] = [
  { code: "EUR", ledger: 978, exponent: 2 },
  { code: "USD", ledger: 840, exponent: 2 },
  { code: "GBP", ledger: 826, exponent: 2 },
  { code: "CHF", ledger: 756, exponent: 2 },
  { code: "CNY", ledger: 156, exponent: 2 },
  { code: "JPY", ledger: 392, exponent: 0 },
  { code: "KWD", ledger: 414, exponent: 3 },
];

function usage(message: string): CodedError {
  return new CodedError("usage", message);
}

/** The ledger number of a currency code or of a number. */
export function parseLedger(text: string): number {
  const currency = CURRENCIES.find(({ code }) => code === text.toUpperCase());
  if (currency !== undefined) return currency.ledger;
  if (/^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= 0xffff_ffff) return Number(text);
  throw usage(`"${text}" is neither a currency (${CURRENCIES.map(({ code }) => code).join(", ")}) nor a ledger number`);
}

function exponentOf(ledger: number): number {
  return CURRENCIES.find((currency) => currency.ledger === ledger)?.exponent ?? 0;
}

/** Minor units of an amount such as `12.50`; throws `CodedError` `usage` where it has too many digits. */
export function parseAmount(text: string, ledger: number): bigint {
  const match = /^(\d{1,36})(?:\.(\d+))?$/.exec(text);
  const exponent = exponentOf(ledger);
  const fraction = match?.[2] ?? "";
  if (match === null || fraction.length > exponent) {
    throw usage(`"${text}" is not an amount with at most ${exponent} decimals`);
  }
  return BigInt(`${match[1]}${fraction.padEnd(exponent, "0")}`);
}

/** An amount of minor units for people, with thousands apart and the currency's code where it is known. */
export function formatAmount(amount: bigint, ledger: number): string {
  const exponent = exponentOf(ledger);
  const digits = (amount < 0n ? -amount : amount).toString().padStart(exponent + 1, "0");
  const whole = digits.slice(0, digits.length - exponent).replaceAll(/\B(?=(\d{3})+$)/g, ",");
  const fraction = exponent === 0 ? "" : `.${digits.slice(-exponent)}`;
  const code = CURRENCIES.find((currency) => currency.ledger === ledger)?.code;
  return `${amount < 0n ? "-" : ""}${whole}${fraction}${code === undefined ? "" : ` ${code}`}`;
}

/** A u128 id: decimal, or hexadecimal behind `0x`. */
export function parseId(text: string): bigint {
  if (/^(0x[0-9a-fA-F]{1,32}|\d{1,39})$/.test(text)) {
    const id = BigInt(text);
    if (id > 0n && id < U128_MAX) return id;
  }
  throw usage(`"${text}" is not an id: a number from 1 to 2^128 - 2, or 0x and hexadecimal digits`);
}

/** Log time in nanoseconds as ISO 8601 with milliseconds. */
export function formatTime(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}
