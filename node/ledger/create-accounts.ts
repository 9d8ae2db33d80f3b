/**
 * The rules of `createAccounts`, in their order of precedence.
 */
import { type BatchRules, type BatchStatuses, RECORD_TIME, type Stamp } from "./batch.ts";
import type { Books } from "./books.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { ACCOUNT_FLAGS_MASK, accountFlags } from "./records.ts";
import { AccountStatus } from "./status.ts";
import { compare64, equal, equal64, isMax, isZero } from "./words.ts";

const FROZEN: number = accountFlags.frozen << layout.FLAGS_SHIFT;

/** Executes single events of a batch of accounts that will belong to `authority`. */
export class AccountRules implements BatchRules {
  readonly statuses: BatchStatuses = AccountStatus;
  readonly importedFlag: number = accountFlags.imported;
  readonly #books: Books;
  #authority = 0;

  constructor(books: Books) {
    this.#books = books;
  }

  /** Whose accounts the next batch makes. */
  begin(authority: number): this {
    this.#authority = authority;
    return this;
  }

  execute(words: Uint32Array, at: number, stamp: Stamp): number {
    const { accounts } = this.#books;
    const codeFlags = words[at + layout.CODE_FLAGS] as number;
    const flags = codeFlags >>> layout.FLAGS_SHIFT;
    if (words[at + layout.RESERVED] !== 0) return AccountStatus.reservedField;
    if ((flags & ~ACCOUNT_FLAGS_MASK) !== 0) return AccountStatus.reservedFlag;
    if (isZero(words, at)) return AccountStatus.idMustNotBeZero;
    if (isMax(words, at)) return AccountStatus.idMustNotBeIntMax;
    const existing = accounts.find(words, at);
    if (existing >= 0) return this.#compare(words, at, existing, stamp);
    const limits = accountFlags.debitsMustNotExceedCredits | accountFlags.creditsMustNotExceedDebits;
    if ((flags & limits) === limits) return AccountStatus.flagsAreMutuallyExclusive;
    if (!isZero(words, at + layout.DEBITS_PENDING)) return AccountStatus.debitsPendingMustBeZero;
    if (!isZero(words, at + layout.DEBITS_POSTED)) return AccountStatus.debitsPostedMustBeZero;
    if (!isZero(words, at + layout.CREDITS_PENDING)) return AccountStatus.creditsPendingMustBeZero;
    if (!isZero(words, at + layout.CREDITS_POSTED)) return AccountStatus.creditsPostedMustBeZero;
    if (words[at + layout.LEDGER] === 0) return AccountStatus.ledgerMustNotBeZero;
    if ((codeFlags & layout.CODE_MASK) === 0) return AccountStatus.codeMustNotBeZero;
    if ((flags & accountFlags.imported) !== 0) {
      if (this.#regresses(words, at)) return AccountStatus.importedEventTimestampMustNotRegress;
      stamp[RECORD_TIME] = words[at + layout.TIMESTAMP] as number;
      stamp[RECORD_TIME + 1] = words[at + layout.TIMESTAMP + 1] as number;
    }
    this.#books.effects.touch(accounts.add(words, at, this.#authority, stamp, RECORD_TIME));
    return AccountStatus.created;
  }

  /** An account of this id is there: is it the same? */
  #compare(words: Uint32Array, at: number, slot: number, stamp: Stamp): number {
    const { rows } = this.#books.accounts;
    const row = slot * layout.RECORD_WORDS;
    const mine = words[at + layout.CODE_FLAGS] as number;
    // Frozen is what became of it, not how it was asked for.
    const theirs = (rows[row + layout.CODE_FLAGS] as number) & ~FROZEN;
    if (mine >>> layout.FLAGS_SHIFT !== theirs >>> layout.FLAGS_SHIFT) return AccountStatus.existsWithDifferentFlags;
    if (!equal(words, at + layout.USER_DATA, rows, row + layout.USER_DATA)) {
      return AccountStatus.existsWithDifferentUserData128;
    }
    if (!equal64(words, at + layout.USER_DATA_64, rows, row + layout.USER_DATA_64)) {
      return AccountStatus.existsWithDifferentUserData64;
    }
    if (words[at + layout.USER_DATA_32] !== rows[row + layout.USER_DATA_32]) {
      return AccountStatus.existsWithDifferentUserData32;
    }
    if (words[at + layout.LEDGER] !== rows[row + layout.LEDGER]) return AccountStatus.existsWithDifferentLedger;
    if (mine !== theirs) return AccountStatus.existsWithDifferentCode;
    stamp[RECORD_TIME] = rows[row + layout.TIMESTAMP] as number;
    stamp[RECORD_TIME + 1] = rows[row + layout.TIMESTAMP + 1] as number;
    return AccountStatus.exists;
  }

  /** An imported account comes after all accounts, and not at the time of a transfer. */
  #regresses(words: Uint32Array, at: number): boolean {
    const { accounts, transfers } = this.#books;
    const newest = (accounts.count - 1) * layout.RECORD_WORDS + layout.TIMESTAMP;
    if (accounts.count > 0 && compare64(words, at + layout.TIMESTAMP, accounts.rows, newest) <= 0) return true;
    return transfers.table.hasTime(ROW.timestamp, words, at + layout.TIMESTAMP);
  }
}
