/**
 * Reading and printing amounts by asset: all currencies of ISO 4217, and the digital assets that a caller knows of, from a
 * cluster's answer to the query `assets`.
 */
import { CodedError } from "../base/errors.ts";
import { DECIMALS_MAX, formatAmount, formatAmountGrouped, parseAmount } from "./amount.ts";
import { currencyOfCode, currencyOfNumber } from "./iso-4217.ts";

/** What must be known of an asset to read and print amounts of it. */
export interface KnownAsset {
  /** The ledger number of its accounts. */
  readonly ledger: number;
  readonly code: string;
  readonly decimals: number;
}

export class KnownAssets {
  readonly #byLedger: ReadonlyMap<number, KnownAsset>;
  readonly #byCode: ReadonlyMap<string, KnownAsset>;

  /** Currencies are always known. @throws CodedError `amount_invalid` for decimals that no asset can have */
  constructor(digital: readonly KnownAsset[] = []) {
    for (const { code, decimals } of digital) {
      if (Number.isInteger(decimals) && decimals >= 0 && decimals <= DECIMALS_MAX) continue;
      throw new CodedError("amount_invalid", `${code} cannot have ${decimals} decimals`);
    }
    this.#byLedger = new Map(digital.map((asset) => [asset.ledger, asset]));
    this.#byCode = new Map(digital.map((asset) => [asset.code, asset]));
  }

  /** The ledger number of a code in any letters, or of a number as text; undefined for what is no asset. */
  ledgerOf(text: string): number | undefined {
    const code = text.toUpperCase();
    const asset = this.#byCode.get(code) ?? this.#find(/^\d{1,10}$/.test(text) ? Number(text) : 0);
    return currencyOfCode(code)?.number ?? asset?.ledger;
  }

  /** What people call a ledger: its asset's code; the number of one that is not known. */
  nameOf(ledger: number): string {
    return this.#find(ledger)?.code ?? `${ledger}`;
  }

  /** Decimals of an amount; none of an asset that is not known. */
  decimalsOf(ledger: number): number {
    return this.#find(ledger)?.decimals ?? 0;
  }

  /**
   * Minor units of an amount such as `12.50`.
   *
   * @throws CodedError `amount_invalid`, also for more decimals than the asset has, and for an asset that is not known
   */
  parseAmount(text: string, ledger: number): bigint {
    const asset = this.#find(ledger);
    if (asset !== undefined) return parseAmount(text, asset.decimals);
    throw new CodedError("amount_invalid", `"${text}" is not an amount: ledger ${ledger} is no asset that is known`);
  }

  /** An amount of minor units as `parseAmount` reads it: `1250.50`; in whole minor units of an asset that is not known. */
  plainAmount(units: bigint, ledger: number): string {
    return formatAmount(units, this.decimalsOf(ledger));
  }

  /** An amount of minor units for people, with thousands apart and the asset's code: `1,250.50 EUR`. */
  formatAmount(units: bigint, ledger: number): string {
    const asset = this.#find(ledger);
    return `${formatAmountGrouped(units, this.decimalsOf(ledger))}${asset === undefined ? "" : ` ${asset.code}`}`;
  }

  #find(ledger: number): KnownAsset | undefined {
    const currency = currencyOfNumber(ledger);
    if (currency === undefined) return this.#byLedger.get(ledger);
    // Metals and units of account are counted in whole units.
    return { ledger, code: currency.code, decimals: currency.exponent ?? 0 };
  }
}
