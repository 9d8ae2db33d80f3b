/**
 * Amounts, assets, ids and times as people write them on a command line or in a file. What cannot be read is wrong use.
 */
import { formatAmountGrouped, parseAmount as parseUnits } from "../node/assets/amount.ts";
import { currencyOfCode, currencyOfNumber } from "../node/assets/iso-4217.ts";
import { U128_MAX } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { ISO_LEDGER_MAX } from "../node/base/limits.ts";
import type { AssetView } from "../node/state/queries.ts";

function usage(message: string): CodedError {
  return new CodedError("usage", message);
}

/** What must be known of an asset to read and write amounts of it. */
type Known = Pick<AssetView, "ledger" | "code" | "decimals">;

/** The assets that a command may speak of: all currencies of ISO 4217, and the digital assets that it has asked for. */
export class Assets {
  readonly #byLedger: ReadonlyMap<number, Known>;
  readonly #byCode: ReadonlyMap<string, Known>;

  constructor(digital: readonly Known[] = []) {
    this.#byLedger = new Map(digital.map((asset) => [asset.ledger, asset]));
    this.#byCode = new Map(digital.map((asset) => [asset.code, asset]));
  }

  /** The ledger number of a code, or of a number as text; throws `CodedError` `usage` for what is no asset. */
  ledgerOf(text: string): number {
    const code = text.toUpperCase();
    const asset = this.#byCode.get(code) ?? this.#find(/^\d{1,10}$/.test(text) ? Number(text) : 0);
    const ledger = currencyOfCode(code)?.number ?? asset?.ledger;
    if (ledger !== undefined) return ledger;
    throw usage(`"${text}" is neither a currency such as EUR nor an asset of this cluster`);
  }

  /** What people call a ledger: its asset's code; the number of one that was not asked for. */
  nameOf(ledger: number): string {
    return this.#find(ledger)?.code ?? `${ledger}`;
  }

  /** Decimals of an amount; none of an asset that was not asked for. */
  decimalsOf(ledger: number): number {
    return this.#find(ledger)?.decimals ?? 0;
  }

  /** Minor units of an amount such as `12.50`; throws `CodedError` `usage`, also for more decimals than the asset has. */
  parseAmount(text: string, ledger: number): bigint {
    try {
      return parseUnits(text, this.decimalsOf(ledger));
    } catch (error) {
      throw error instanceof CodedError ? usage(error.message) : error;
    }
  }

  /** An amount of minor units for people, with thousands apart and the asset's code. */
  formatAmount(amount: bigint, ledger: number): string {
    const asset = this.#find(ledger);
    return `${formatAmountGrouped(amount, this.decimalsOf(ledger))}${asset === undefined ? "" : ` ${asset.code}`}`;
  }

  #find(ledger: number): Known | undefined {
    const currency = currencyOfNumber(ledger);
    if (currency === undefined) return this.#byLedger.get(ledger);
    // Metals and units of account are counted in whole units.
    return { ledger, code: currency.code, decimals: currency.exponent ?? 0 };
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
