/**
 * The rules of `createTransfers` for ordinary and pending transfers, in their order of precedence; transfers that post or
 * void a pending one go to resolve-pending.ts, an id that is there already to existing-transfer.ts.
 */
import { AccountsAhead } from "./accounts-ahead.ts";
import { DELEGATE_AUTHORITY, SYSTEM_AUTHORITY } from "./authority.ts";
import { type BatchRules, type BatchStatuses, NOW, RECORD_TIME, type Stamp } from "./batch.ts";
import type { Books } from "./books.ts";
import type { DebitAllowance } from "./debit-allowance.ts";
import { ExistingTransfers } from "./existing-transfer.ts";
import { importRule } from "./import-rule.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { raise, setClosed } from "./moves.ts";
import { accountFlags, TRANSFER_FLAGS_MASK, transferFlags } from "./records.ts";
import { PendingResolution } from "./resolve-pending.ts";
import { TRANSIENT_STATUSES, TransferStatus } from "./status.ts";
import { add, addSeconds, compare, copy, equal, isMax, isZero, subtract, toBigInt } from "./words.ts";

const RESOLVES: number = transferFlags.postPendingTransfer | transferFlags.voidPendingTransfer;
const CLOSES: number = transferFlags.closingDebit | transferFlags.closingCredit;
const BALANCES: number = transferFlags.balancingDebit | transferFlags.balancingCredit;
const CLOSED: number = accountFlags.closed << layout.FLAGS_SHIFT;
const FROZEN: number = accountFlags.frozen << layout.FLAGS_SHIFT;
const NO_DEBITS: number = CLOSED | FROZEN;

/** Executes single events of a batch of transfers signed by `authority`. */
export class TransferRules implements BatchRules {
  readonly statuses: BatchStatuses = TransferStatus;
  readonly importedFlag: number = transferFlags.imported;
  readonly #books: Books;
  readonly #existing: ExistingTransfers;
  readonly #resolution: PendingResolution;
  readonly #ahead: AccountsAhead;
  /** The amount that moves. */
  readonly #amount = new Uint32Array(4);
  /** Room for two sums. */
  readonly #sums = new Uint32Array(8);
  readonly #expiry = new Uint32Array(2);
  /** Whose signature the batch bears; that of all delegates where there is an allowance. */
  #authority = 0;
  /** Whose transfers these are. */
  #maker = 0;
  #allowance: DebitAllowance | undefined;

  constructor(books: Books) {
    this.#books = books;
    this.#existing = new ExistingTransfers(books.transfers);
    this.#resolution = new PendingResolution(books);
    this.#ahead = new AccountsAhead(books.accounts, books.effects);
  }

  /** Whose signature the next batch bears: an authority's, or that of a delegate with an allowance. */
  begin(signer: number | DebitAllowance): this {
    this.#ahead.begin();
    this.#allowance = typeof signer === "number" ? undefined : signer;
    this.#authority = typeof signer === "number" ? signer : DELEGATE_AUTHORITY;
    this.#maker = typeof signer === "number" ? signer : signer.authority;
    return this;
  }

  /** After the last event of a batch. */
  end(): void {
    this.#allowance?.giveBack(this.#books.transfers.count);
  }

  execute(words: Uint32Array, at: number, stamp: Stamp): number {
    const status = this.#executeOnce(words, at, stamp);
    if (status !== TransferStatus.created && TRANSIENT_STATUSES.has(status)) this.#books.burned.burn(words, at);
    return status;
  }

  #executeOnce(words: Uint32Array, at: number, stamp: Stamp): number {
    const { transfers, burned } = this.#books;
    const flags = (words[at + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
    if ((flags & ~TRANSFER_FLAGS_MASK) !== 0) return TransferStatus.reservedFlag;
    if (isZero(words, at)) return TransferStatus.idMustNotBeZero;
    if (isMax(words, at)) return TransferStatus.idMustNotBeIntMax;
    const existing = transfers.find(words, at);
    if (existing >= 0) return this.#existing.compare(words, at, existing, stamp);
    if (burned.has(words, at)) return TransferStatus.idAlreadyFailed;
    if ((flags & RESOLVES) !== 0) return this.#resolution.execute(words, at, flags, stamp, this.#authority);
    const refused = checkFields(words, at, flags);
    return refused === 0 ? this.#transfer(words, at, flags, stamp) : refused;
  }

  #transfer(words: Uint32Array, at: number, flags: number, stamp: Stamp): number {
    const { accounts } = this.#books;
    const debit = this.#ahead.debit(words, at);
    if (debit < 0) return TransferStatus.debitAccountNotFound;
    const credit = this.#ahead.credit(at);
    if (credit < 0) return TransferStatus.creditAccountNotFound;
    const { rows } = accounts;
    const d = debit * layout.RECORD_WORDS;
    const c = credit * layout.RECORD_WORDS;
    if (this.#isForeign(rows[d + layout.AUTHORITY])) {
      const refused = this.#delegated(words, at, flags, d);
      if (refused !== 0) return refused;
    }
    if ((flags & transferFlags.closingCredit) !== 0 && this.#isForeign(rows[c + layout.AUTHORITY])) {
      return TransferStatus.creditAccountNotAuthorized;
    }
    const ledger = rows[d + layout.LEDGER];
    if (ledger !== rows[c + layout.LEDGER]) return TransferStatus.accountsMustHaveTheSameLedger;
    if (ledger !== words[at + layout.LEDGER]) return TransferStatus.transferMustHaveTheSameLedgerAsAccounts;
    if ((flags & transferFlags.imported) !== 0) {
      const refused = importRule(this.#books, words, at, debit, credit);
      if (refused !== 0) return refused;
      if (words[at + layout.TIMEOUT] !== 0) return TransferStatus.importedEventTimeoutMustBeZero;
    }
    const barred = (rows[d + layout.CODE_FLAGS] as number) & NO_DEBITS;
    if (barred !== 0) {
      return (barred & FROZEN) === 0 ? TransferStatus.debitAccountAlreadyClosed : TransferStatus.debitAccountFrozen;
    }
    if (((rows[c + layout.CODE_FLAGS] as number) & CLOSED) !== 0) return TransferStatus.creditAccountAlreadyClosed;
    copy(words, at + layout.AMOUNT, this.#amount, 0);
    if ((flags & BALANCES) !== 0) this.#clamp(rows, flags, d, c);
    const overflow = this.#isRoomy(rows, d, c) ? 0 : this.#overflow(rows, flags, d, c);
    if (overflow !== 0) return overflow;
    const timeout = words[at + layout.TIMEOUT] as number;
    if (timeout !== 0 && !addSeconds(stamp, NOW, timeout, this.#expiry, 0)) return TransferStatus.overflowsTimeout;
    const exceeded = this.#exceeds(rows, d, c);
    if (exceeded !== 0) return exceeded;
    this.#store(words, at, flags, debit, credit, stamp);
    this.#move(flags, debit, credit);
    return TransferStatus.created;
  }

  /** Whether an account of this authority is not the signer's to debit or to close. */
  #isForeign(authority: number | undefined): boolean {
    return authority !== this.#authority && this.#authority !== SYSTEM_AUTHORITY;
  }

  /** The signer does not own the account at `d`: whether its allowance covers the debit; 0 when it does. */
  #delegated(words: Uint32Array, at: number, flags: number, d: number): number {
    if (this.#allowance === undefined) return TransferStatus.debitAccountNotAuthorized;
    const { accounts, transfers } = this.#books;
    return this.#allowance.take({
      transfer: transfers.count,
      authority: accounts.rows[d + layout.AUTHORITY] as number,
      ledger: accounts.rows[d + layout.LEDGER] as number,
      account: toBigInt(words, at + layout.DEBIT_ACCOUNT_ID),
      amount: toBigInt(words, at + layout.AMOUNT),
      flags,
    });
  }

  /** A balancing transfer moves what there is room for. */
  #clamp(rows: Uint32Array, flags: number, d: number, c: number): void {
    if ((flags & transferFlags.balancingDebit) !== 0) {
      add(rows, d + layout.DEBITS_PENDING, rows, d + layout.DEBITS_POSTED, this.#sums, 0);
      this.#clampTo(rows, d + layout.CREDITS_POSTED);
    }
    if ((flags & transferFlags.balancingCredit) !== 0) {
      add(rows, c + layout.CREDITS_PENDING, rows, c + layout.CREDITS_POSTED, this.#sums, 0);
      this.#clampTo(rows, c + layout.DEBITS_POSTED);
    }
  }

  /** amount = min(amount, max(0, limit - what is used)), with what is used in the first of the sums. */
  #clampTo(rows: Uint32Array, limit: number): void {
    const sums = this.#sums;
    if (subtract(rows, limit, sums, 0, sums, 4)) sums.fill(0, 4, 8);
    if (compare(sums, 4, this.#amount, 0) < 0) copy(sums, 4, this.#amount, 0);
  }

  /** Whether all numbers are so far from their end that no sum of three can overflow: nearly always. */
  #isRoomy(rows: Uint32Array, d: number, c: number): boolean {
    const highest =
      (rows[d + layout.DEBITS_PENDING + 3] as number) |
      (rows[d + layout.DEBITS_POSTED + 3] as number) |
      (rows[c + layout.CREDITS_PENDING + 3] as number) |
      (rows[c + layout.CREDITS_POSTED + 3] as number) |
      (this.#amount[3] as number);
    return highest >>> 30 === 0;
  }

  /** Which balance would overflow; 0 for none. */
  #overflow(rows: Uint32Array, flags: number, d: number, c: number): number {
    const amount = this.#amount;
    const sums = this.#sums;
    if ((flags & transferFlags.pending) !== 0) {
      if (add(rows, d + layout.DEBITS_PENDING, amount, 0, sums, 0)) return TransferStatus.overflowsDebitsPending;
      if (add(rows, c + layout.CREDITS_PENDING, amount, 0, sums, 0)) return TransferStatus.overflowsCreditsPending;
    }
    if (add(rows, d + layout.DEBITS_POSTED, amount, 0, sums, 0)) return TransferStatus.overflowsDebitsPosted;
    if (add(rows, c + layout.CREDITS_POSTED, amount, 0, sums, 4)) return TransferStatus.overflowsCreditsPosted;
    if (add(sums, 0, rows, d + layout.DEBITS_PENDING, sums, 0)) return TransferStatus.overflowsDebits;
    if (add(sums, 4, rows, c + layout.CREDITS_PENDING, sums, 4)) return TransferStatus.overflowsCredits;
    return 0;
  }

  /** Which account with a limit would exceed it; 0 for none. No sum overflows. */
  #exceeds(rows: Uint32Array, d: number, c: number): number {
    const sums = this.#sums;
    const debitFlags = (rows[d + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
    if ((debitFlags & accountFlags.debitsMustNotExceedCredits) !== 0) {
      add(rows, d + layout.DEBITS_POSTED, this.#amount, 0, sums, 0);
      add(sums, 0, rows, d + layout.DEBITS_PENDING, sums, 0);
      if (compare(sums, 0, rows, d + layout.CREDITS_POSTED) > 0) return TransferStatus.exceedsCredits;
    }
    const creditFlags = (rows[c + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
    if ((creditFlags & accountFlags.creditsMustNotExceedDebits) !== 0) {
      add(rows, c + layout.CREDITS_POSTED, this.#amount, 0, sums, 0);
      add(sums, 0, rows, c + layout.CREDITS_PENDING, sums, 0);
      if (compare(sums, 0, rows, c + layout.DEBITS_POSTED) > 0) return TransferStatus.exceedsDebits;
    }
    return 0;
  }

  #store(words: Uint32Array, at: number, flags: number, debit: number, credit: number, stamp: Stamp): void {
    const { transfers } = this.#books;
    if ((flags & transferFlags.imported) !== 0) {
      stamp[RECORD_TIME] = words[at + layout.TIMESTAMP] as number;
      stamp[RECORD_TIME + 1] = words[at + layout.TIMESTAMP + 1] as number;
    }
    const row = transfers.table.push();
    const { tail } = transfers.table;
    copy(words, at, tail, row + ROW.id);
    tail[row + ROW.debit] = debit;
    tail[row + ROW.credit] = credit;
    copy(this.#amount, 0, tail, row + ROW.amount);
    tail[row + ROW.pending] = 0;
    for (let word = 0; word < layout.USER_DATA_WORDS; word++) {
      tail[row + ROW.userData128 + word] = words[at + layout.USER_DATA + word] as number;
    }
    tail[row + ROW.timeout] = words[at + layout.TIMEOUT] as number;
    tail[row + ROW.ledger] = words[at + layout.LEDGER] as number;
    tail[row + ROW.codeFlags] = words[at + layout.CODE_FLAGS] as number;
    tail[row + ROW.timestamp] = stamp[RECORD_TIME] as number;
    tail[row + ROW.timestamp + 1] = stamp[RECORD_TIME + 1] as number;
    tail[row + ROW.maker] = this.#maker;
    transfers.added();
  }

  /** Does what the newest transfer says. */
  #move(flags: number, debit: number, credit: number): void {
    const books = this.#books;
    const { rows } = books.accounts;
    if ((flags & transferFlags.pending) === 0) {
      raise(rows, debit, layout.DEBITS_POSTED, this.#amount, 0);
      raise(rows, credit, layout.CREDITS_POSTED, this.#amount, 0);
    } else {
      raise(rows, debit, layout.DEBITS_PENDING, this.#amount, 0);
      raise(rows, credit, layout.CREDITS_PENDING, this.#amount, 0);
      if ((flags & transferFlags.closingDebit) !== 0) setClosed(rows, debit, true);
      if ((flags & transferFlags.closingCredit) !== 0) setClosed(rows, credit, true);
      books.hold(books.transfers.count - 1);
    }
    books.moved(debit, credit);
  }
}

/** What an ordinary transfer must be by itself; 0 when it is. */
function checkFields(words: Uint32Array, at: number, flags: number): number {
  const debit = at + layout.DEBIT_ACCOUNT_ID;
  const credit = at + layout.CREDIT_ACCOUNT_ID;
  if (isZero(words, debit)) return TransferStatus.debitAccountIdMustNotBeZero;
  if (isMax(words, debit)) return TransferStatus.debitAccountIdMustNotBeIntMax;
  if (isZero(words, credit)) return TransferStatus.creditAccountIdMustNotBeZero;
  if (isMax(words, credit)) return TransferStatus.creditAccountIdMustNotBeIntMax;
  if (equal(words, debit, words, credit)) return TransferStatus.accountsMustBeDifferent;
  if (!isZero(words, at + layout.PENDING_ID)) return TransferStatus.pendingIdMustBeZero;
  if ((flags & transferFlags.pending) === 0) {
    if (words[at + layout.TIMEOUT] !== 0) return TransferStatus.timeoutReservedForPendingTransfer;
    if ((flags & CLOSES) !== 0) return TransferStatus.closingTransferMustBePending;
  }
  if (words[at + layout.LEDGER] === 0) return TransferStatus.ledgerMustNotBeZero;
  if (((words[at + layout.CODE_FLAGS] as number) & layout.CODE_MASK) === 0) return TransferStatus.codeMustNotBeZero;
  return 0;
}
