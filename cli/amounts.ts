/**
 * Amounts, currencies, ids and numbers as people write them on a command line or in a file. What cannot be read is wrong
 * use. A ledger number is the ISO 4217 numeric code of its currency; other ledgers have no name and no decimals.
 */
import { formatAmountGrouped, parseAmount as parseUnits } from "../node/assets/amount.ts";
import { currencyOfCode, currencyOfNumber } from "../node/assets/iso-4217.ts";
import { U32_MAX, U128_MAX } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";

function usage(message: string): CodedError {
  return new CodedError("usage", message);
}

/** The ledger number of a currency code or of a number. */
export function parseLedger(text: string): number {
  const currency = currencyOfCode(text.toUpperCase());
  if (currency !== undefined) return currency.number;
  if (/^\d{1,10}$/.test(text) && Number(text) >= 1 && Number(text) <= U32_MAX) return Number(text);
  throw usage(`"${text}" is neither a currency such as EUR nor a ledger number from 1 to ${U32_MAX}`);
}

/** What people call a ledger: its currency's code, or its number. */
export function ledgerName(ledger: number): string {
  return currencyOfNumber(ledger)?.code ?? `${ledger}`;
}

function decimalsOf(ledger: number): number {
  return currencyOfNumber(ledger)?.exponent ?? 0;
}

/** Minor units of an amount such as `12.50`. */
export function parseAmount(text: string, ledger: number): bigint {
  try {
    return parseUnits(text, decimalsOf(ledger));
  } catch (error) {
    throw error instanceof CodedError ? usage(error.message) : error;
  }
}

/** An amount of minor units for people, with thousands apart and the currency's code where it has one. */
export function formatAmount(amount: bigint, ledger: number): string {
  const code = currencyOfNumber(ledger)?.code;
  return `${formatAmountGrouped(amount, decimalsOf(ledger))}${code === undefined ? "" : ` ${code}`}`;
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
