/**
 * The rules of `createAccounts`, in their order of precedence.
 */
import { type BatchRules, type BatchStatuses, hasTimestamp } from "./batch.ts";
import type { Columns } from "./columns.ts";
import * as layout from "./layout.ts";
import { ACCOUNT_FLAGS_MASK, accountFlags } from "./records.ts";
import { AccountStatus } from "./status.ts";
import { equal, isMax, isZero } from "./words.ts";

/** Executes single events of a batch of accounts that will belong to `authority`. */
export class AccountRules implements BatchRules {
  readonly statuses: BatchStatuses = AccountStatus;
  readonly importedFlag: number = accountFlags.imported;
  readonly #columns: Columns;
  #authority = 0;
  #existing = 0n;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Whose accounts the next batch makes. */
  begin(authority: number): this {
    this.#authority = authority;
    return this;
  }

  existing(status: number): bigint | undefined {
    return status === AccountStatus.exists ? this.#existing : undefined;
  }

  execute(words: Uint32Array, at: number, timestamp: bigint): number {
    const { accounts, effects } = this.#columns;
    const flags = (words[at + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
    if (words[at + layout.RESERVED] !== 0) return AccountStatus.reservedField;
    if ((flags & ~ACCOUNT_FLAGS_MASK) !== 0) return AccountStatus.reservedFlag;
    if (isZero(words, at)) return AccountStatus.idMustNotBeZero;
    if (isMax(words, at)) return AccountStatus.idMustNotBeIntMax;
    const existing = accounts.index.find(words, at);
    if (existing >= 0) return this.#compare(words, at, existing);
    const limits = accountFlags.debitsMustNotExceedCredits | accountFlags.creditsMustNotExceedDebits;
    if ((flags & limits) === limits) return AccountStatus.flagsAreMutuallyExclusive;
    const balances = at + layout.BALANCES;
    if (!isZero(words, balances + layout.DEBITS_PENDING)) return AccountStatus.debitsPendingMustBeZero;
    if (!isZero(words, balances + layout.DEBITS_POSTED)) return AccountStatus.debitsPostedMustBeZero;
    if (!isZero(words, balances + layout.CREDITS_PENDING)) return AccountStatus.creditsPendingMustBeZero;
    if (!isZero(words, balances + layout.CREDITS_POSTED)) return AccountStatus.creditsPostedMustBeZero;
    if (words[at + layout.LEDGER] === 0) return AccountStatus.ledgerMustNotBeZero;
    if (((words[at + layout.CODE_FLAGS] as number) & layout.CODE_MASK) === 0) return AccountStatus.codeMustNotBeZero;
    if ((flags & accountFlags.imported) !== 0 && this.#regresses(timestamp)) {
      return AccountStatus.importedEventTimestampMustNotRegress;
    }
    effects.account(accounts, accounts.add(words, at, timestamp, this.#authority));
    return AccountStatus.created;
  }

  /** An account of this id is there: is it the same? */
  #compare(words: Uint32Array, at: number, slot: number): number {
    const { accounts } = this.#columns;
    const { codeFlags, userData, ledgers } = accounts;
    const mine = words[at + layout.CODE_FLAGS] as number;
    const theirs = codeFlags[slot] as number;
    if (mine >>> layout.FLAGS_SHIFT !== theirs >>> layout.FLAGS_SHIFT) return AccountStatus.existsWithDifferentFlags;
    const data = slot * layout.USER_DATA_WORDS;
    const field = at + layout.USER_DATA;
    if (!equal(words, field, userData, data)) return AccountStatus.existsWithDifferentUserData128;
    if (words[field + 4] !== userData[data + 4] || words[field + 5] !== userData[data + 5]) {
      return AccountStatus.existsWithDifferentUserData64;
    }
    if (words[field + 6] !== userData[data + 6]) return AccountStatus.existsWithDifferentUserData32;
    if (words[at + layout.LEDGER] !== ledgers[slot]) return AccountStatus.existsWithDifferentLedger;
    if (mine !== theirs) return AccountStatus.existsWithDifferentCode;
    this.#existing = accounts.timestamp(slot);
    return AccountStatus.exists;
  }

  #regresses(timestamp: bigint): boolean {
    const { accounts, transfers } = this.#columns;
    const newest = accounts.count === 0 ? 0n : accounts.timestamp(accounts.count - 1);
    return timestamp <= newest || hasTimestamp(transfers.count, (slot) => transfers.timestamp(slot), timestamp);
  }
}
