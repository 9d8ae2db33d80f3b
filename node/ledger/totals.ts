/**
 * Sums over all accounts of a ledger, for whoever checks that the books balance.
 */
import type { AccountStore } from "./account-store.ts";
import * as layout from "./layout.ts";
import { toBigInt } from "./words.ts";

/** Sums over all accounts of a ledger. */
export interface LedgerTotals {
  readonly ledger: number;
  readonly debitsPending: bigint;
  readonly debitsPosted: bigint;
  readonly creditsPending: bigint;
  readonly creditsPosted: bigint;
}

/** Ascending by ledger number. */
export function totalsOf({ rows, count }: AccountStore): LedgerTotals[] {
  const sums = new Map<number, [bigint, bigint, bigint, bigint]>();
  for (let row = 0; row < count * layout.RECORD_WORDS; row += layout.RECORD_WORDS) {
    const ledger = rows[row + layout.LEDGER] as number;
    const sum = sums.get(ledger) ?? [0n, 0n, 0n, 0n];
    sum[0] += toBigInt(rows, row + layout.DEBITS_PENDING);
    sum[1] += toBigInt(rows, row + layout.DEBITS_POSTED);
    sum[2] += toBigInt(rows, row + layout.CREDITS_PENDING);
    sum[3] += toBigInt(rows, row + layout.CREDITS_POSTED);
    sums.set(ledger, sum);
  }
  return [...sums]
    .sort(([a], [b]) => a - b)
    .map(([ledger, [debitsPending, debitsPosted, creditsPending, creditsPosted]]) => ({
      ...{ ledger, debitsPending, debitsPosted, creditsPending, creditsPosted },
    }));
}
