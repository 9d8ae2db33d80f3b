/** What the run's clients know of in common: currencies, digital assets, and the accounts of the bank's desk. */
import { accountFlags } from "../../node/ledger/records.ts";

const { history, debitsMustNotExceedCredits, creditsMustNotExceedDebits } = accountFlags;
/** Currencies; payments are in the first. */
export const LEDGERS = [978, 840] as const;
const [MAIN, OTHER] = LEDGERS;

interface DeskAccount {
  readonly id: bigint;
  readonly ledger: number;
  readonly flags: number;
}

export const DESK_ACCOUNTS: readonly DeskAccount[] = [
  { id: 601n, ledger: MAIN, flags: history },
  { id: 602n, ledger: MAIN, flags: 0 },
  { id: 603n, ledger: MAIN, flags: history | debitsMustNotExceedCredits },
  { id: 604n, ledger: MAIN, flags: debitsMustNotExceedCredits },
  { id: 605n, ledger: MAIN, flags: history | creditsMustNotExceedDebits },
  { id: 606n, ledger: OTHER, flags: 0 },
  { id: 607n, ledger: OTHER, flags: history | debitsMustNotExceedCredits },
];

/** An account of the shop's among them. */
export const SHOP_ACCOUNT: DeskAccount = { id: 608n, ledger: MAIN, flags: history };

/** Numbers and codes that digital assets may get: few, so that they are taken sometimes. */
export const ASSETS: readonly { readonly ledger: number; readonly code: string }[] = [
  { ledger: 1_000, code: "GOLD" },
  { ledger: 1_000, code: "GOLD" },
  { ledger: 1_001, code: "COPPER" },
  { ledger: 1_001, code: "GOLD" },
];

/** Accounts of the bank's in a digital asset. */
export function assetAccounts(ledger: number): readonly bigint[] {
  return [1n, 2n, 3n].map((place) => 700n + 10n * BigInt(ledger - 1_000) + place);
}
