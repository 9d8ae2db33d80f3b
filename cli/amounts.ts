/**
 * Amounts, assets, ids and times as people write them on a command line or in a file. What cannot be read is wrong use.
 */
import { currencyOfCode } from "../node/assets/iso-4217.ts";
import { KnownAssets } from "../node/assets/known-assets.ts";
import { U128_MAX } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { ISO_LEDGER_MAX } from "../node/base/limits.ts";

function usage(message: string): CodedError {
  return new CodedError("usage", message);
}

/** The assets that a command may speak of: all currencies of ISO 4217, and the digital assets that it has asked for. */
export class Assets extends KnownAssets {
  /** The ledger number of a code, or of a number as text; throws `CodedError` `usage` for what is no asset. */
  override ledgerOf(text: string): number {
    const ledger = super.ledgerOf(text);
    if (ledger !== undefined) return ledger;
    throw usage(`"${text}" is neither a currency such as EUR nor an asset of this cluster`);
  }

  /** Minor units of an amount such as `12.50`; throws `CodedError` `usage`, also for more decimals than the asset has. */
  override parseAmount(text: string, ledger: number): bigint {
    try {
      return super.parseAmount(text, ledger);
    } catch (error) {
      throw error instanceof CodedError ? usage(error.message) : error;
    }
  }
}

const ASSET_CODE = /^[a-z][a-z0-9]{1,11}$/i;

/** Where only currencies can occur. */
export const CURRENCIES_ONLY: Assets = new Assets();

/** Whether a ledger, named by code or number, can only be understood by asking the cluster. */
export function isDigital(text: string): boolean {
  if (/^\d{1,10}$/.test(text)) return Number(text) > ISO_LEDGER_MAX;
  return ASSET_CODE.test(text) && currencyOfCode(text.toUpperCase()) === undefined;
}

/** A u128 id: decimal, or hexadecimal behind `0x`. */
export function parseId(text: string): bigint {
  if (/^(0x[0-9a-fA-F]{1,32}|\d{1,39})$/.test(text)) {
    const id = BigInt(text);
    if (id > 0n && id < U128_MAX) return id;
  }
  throw usage(`"${text}" is not an id: a number from 1 to 2^128 - 2, or 0x and hexadecimal digits`);
}

const ISO_8601 = /^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/;

/** Log time, in nanoseconds, of a date or time as ISO 8601 (a day begins in UTC), or of nanoseconds since the epoch. */
export function parseTime(text: string): bigint {
  if (/^\d{1,19}$/.test(text)) return BigInt(text);
  const ms = ISO_8601.test(text) && isDay(text.slice(0, 10)) ? Date.parse(text) : Number.NaN;
  if (ms >= 0) return BigInt(ms) * 1_000_000n;
  throw usage(`"${text}" is not a time: 2026-01-31, 2026-01-31T12:00:00Z, or nanoseconds since 1970`);
}

/** Whether there is such a day: the system's parser makes 2 March out of 30 February. */
function isDay(day: string): boolean {
  const ms = Date.parse(day);
  return Number.isInteger(ms) && new Date(ms).toISOString().startsWith(day);
}

/** Log time in nanoseconds as ISO 8601 with milliseconds. */
export function formatTime(ns: bigint): string {
  return new Date(Number(ns / 1_000_000n)).toISOString();
}
