/**
 * Sums over all accounts of a ledger, for whoever checks that the books balance: added up from the accounts themselves,
 * debits and credits apart. The sums of each page are kept, so that only pages with changes are added up again.
 */
import type { AccountStore } from "./account-store.ts";
import * as layout from "./layout.ts";

/** Sums over all accounts of a ledger. */
export interface LedgerTotals {
  readonly ledger: number;
  readonly debitsPending: bigint;
  readonly debitsPosted: bigint;
  readonly creditsPending: bigint;
  readonly creditsPosted: bigint;
}

/** Of a ledger: how many accounts, and their balances added up, in the order of the record. */
interface Sums {
  accounts: number;
  readonly balances: bigint[];
}

const BALANCES = 4;
const WORDS_PER_BALANCE: number = layout.BALANCE_WORDS / BALANCES;

export class Totals {
  readonly #accounts: AccountStore;
  readonly #ofPage: ReadonlyMap<number, Sums>[] = [];
  readonly #all = new Map<number, Sums>();

  constructor(accounts: AccountStore) {
    this.#accounts = accounts;
  }

  /** Ascending by ledger number. */
  read(): readonly LedgerTotals[] {
    for (const page of this.#accounts.takeUnsummed()) this.#refresh(page);
    return [...this.#all]
      .sort(([a], [b]) => a - b)
      .map(([ledger, { balances }]) => {
        const [debitsPending = 0n, debitsPosted = 0n, creditsPending = 0n, creditsPosted = 0n] = balances;
        return { ledger, debitsPending, debitsPosted, creditsPending, creditsPosted };
      });
  }

  /** After the pages of the accounts were taken back. */
  restored(): void {
    this.#ofPage.length = 0;
    this.#all.clear();
    for (let page = 0; page < this.#accounts.pageCount(); page++) this.#refresh(page);
  }

  #refresh(page: number): void {
    for (const [ledger, sums] of this.#ofPage[page] ?? []) this.#add(ledger, sums, -1);
    const sums = sumsOf(this.#accounts, page);
    this.#ofPage[page] = sums;
    for (const [ledger, added] of sums) this.#add(ledger, added, 1);
  }

  #add(ledger: number, sums: Sums, sign: 1 | -1): void {
    const all = this.#all.get(ledger) ?? { accounts: 0, balances: Array<bigint>(BALANCES).fill(0n) };
    all.accounts += sign * sums.accounts;
    for (let i = 0; i < BALANCES; i++) {
      all.balances[i] = (all.balances[i] as bigint) + BigInt(sign) * (sums.balances[i] as bigint);
    }
    if (all.accounts === 0) this.#all.delete(ledger);
    else this.#all.set(ledger, all);
  }
}

/** The sums of a page. Words of 32 bits are added up apart, which stays exact in a double for 2^21 rows. */
function sumsOf(accounts: AccountStore, page: number): ReadonlyMap<number, Sums> {
  const { rows } = accounts;
  const words = new Map<number, { accounts: number; readonly sums: Float64Array }>();
  const [from, to] = accounts.slotsOf(page);
  for (let slot = from; slot < to; slot++) {
    const row = slot * layout.RECORD_WORDS;
    const ledger = rows[row + layout.LEDGER] as number;
    const own = words.get(ledger) ?? { accounts: 0, sums: new Float64Array(layout.BALANCE_WORDS) };
    if (own.accounts === 0) words.set(ledger, own);
    own.accounts += 1;
    for (let word = 0; word < layout.BALANCE_WORDS; word++) {
      own.sums[word] = (own.sums[word] as number) + (rows[row + layout.DEBITS_PENDING + word] as number);
    }
  }
  return new Map(
    [...words].map(([ledger, own]) => [ledger, { accounts: own.accounts, balances: balancesOf(own.sums) }]),
  );
}

function balancesOf(sums: Float64Array): bigint[] {
  return Array.from({ length: BALANCES }, (_, balance) => {
    let sum = 0n;
    for (let word = WORDS_PER_BALANCE - 1; word >= 0; word--) {
      sum = (sum << 32n) + BigInt(sums[balance * WORDS_PER_BALANCE + word] as number);
    }
    return sum;
  });
}
