/**
 * Posting and voiding pending transfers: the second half of two-phase transfers, in its order of precedence. Only whoever
 * made the pending transfer may resolve it, so a hold of the state machine cannot be lifted from outside.
 */
import { SYSTEM_AUTHORITY } from "./authority.ts";
import { NOW, RECORD_TIME, type Stamp } from "./batch.ts";
import type { Books } from "./books.ts";
import { importRule } from "./import-rule.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { lower, raise, setClosed } from "./moves.ts";
import { EXPIRED, POSTED, VOIDED } from "./pending-statuses.ts";
import { accountFlags, transferFlags } from "./records.ts";
import { TransferStatus } from "./status.ts";
import { addSeconds, compare, compare64, copy, equal, isMax, isZero } from "./words.ts";

/** Flags that do not go with posting or voiding. */
const FOREIGN_FLAGS: number =
  transferFlags.pending |
  transferFlags.balancingDebit |
  transferFlags.balancingCredit |
  transferFlags.closingDebit |
  transferFlags.closingCredit;
const RESOLVES: number = transferFlags.postPendingTransfer | transferFlags.voidPendingTransfer;

/** Executes transfers with `postPendingTransfer` or `voidPendingTransfer`. */
export class PendingResolution {
  readonly #books: Books;
  /** The pending transfer's row. */
  readonly #pending = new Uint32Array(layout.ROW_WORDS);
  readonly #expiry = new Uint32Array(2);

  constructor(books: Books) {
    this.#books = books;
  }

  execute(words: Uint32Array, at: number, flags: number, stamp: Stamp, authority: number): number {
    const refused = checkFields(words, at, flags);
    if (refused !== 0) return refused;
    const { transfers } = this.#books;
    const slot = transfers.find(words, at + layout.PENDING_ID);
    if (slot < 0) return TransferStatus.pendingTransferNotFound;
    transfers.table.copy(slot, 0, layout.ROW_WORDS, this.#pending, 0);
    return (
      this.#checkFit(words, at) ||
      this.#checkAuthority(authority) ||
      this.#checkAmount(words, at, flags) ||
      this.#checkState(slot, stamp) ||
      this.#checkAccounts(words, at, flags) ||
      this.#carryOut(words, at, flags, slot, stamp, authority)
    );
  }

  /** Fields of the pending transfer, given again, must be the same. */
  #checkFit(words: Uint32Array, at: number): number {
    const pending = this.#pending;
    if ((flagsOf(pending) & transferFlags.pending) === 0) return TransferStatus.pendingTransferNotPending;
    if (!this.#isAccount(words, at + layout.DEBIT_ACCOUNT_ID, pending[ROW.debit] as number)) {
      return TransferStatus.pendingTransferHasDifferentDebitAccountId;
    }
    if (!this.#isAccount(words, at + layout.CREDIT_ACCOUNT_ID, pending[ROW.credit] as number)) {
      return TransferStatus.pendingTransferHasDifferentCreditAccountId;
    }
    const ledger = words[at + layout.LEDGER];
    if (ledger !== 0 && ledger !== pending[ROW.ledger]) return TransferStatus.pendingTransferHasDifferentLedger;
    const code = (words[at + layout.CODE_FLAGS] as number) & layout.CODE_MASK;
    const same = code === 0 || code === ((pending[ROW.codeFlags] as number) & layout.CODE_MASK);
    return same ? 0 : TransferStatus.pendingTransferHasDifferentCode;
  }

  #isAccount(words: Uint32Array, id: number, slot: number): boolean {
    return isZero(words, id) || this.#books.transfers.isAccount(slot, words, id);
  }

  #checkAuthority(authority: number): number {
    const allowed = authority === SYSTEM_AUTHORITY || this.#pending[ROW.maker] === authority;
    return allowed ? 0 : TransferStatus.debitAccountNotAuthorized;
  }

  #checkAmount(words: Uint32Array, at: number, flags: number): number {
    if (meansAll(words, at, flags)) return 0;
    const difference = compare(words, at + layout.AMOUNT, this.#pending, ROW.amount);
    if (difference > 0) return TransferStatus.exceedsPendingTransferAmount;
    const partial = difference < 0 && (flags & transferFlags.voidPendingTransfer) !== 0;
    return partial ? TransferStatus.pendingTransferHasDifferentAmount : 0;
  }

  /** An expiry counts from its moment on, also where it was not executed yet. */
  #checkState(slot: number, stamp: Stamp): number {
    const status = this.#books.transfers.statuses.get(slot);
    if (status === POSTED) return TransferStatus.pendingTransferAlreadyPosted;
    if (status === VOIDED) return TransferStatus.pendingTransferAlreadyVoided;
    if (status === EXPIRED) return TransferStatus.pendingTransferExpired;
    const timeout = this.#pending[ROW.timeout] as number;
    if (timeout === 0) return 0;
    addSeconds(this.#pending, ROW.timestamp, timeout, this.#expiry, 0);
    return compare64(this.#expiry, 0, stamp, NOW) <= 0 ? TransferStatus.pendingTransferExpired : 0;
  }

  #checkAccounts(words: Uint32Array, at: number, flags: number): number {
    const { accounts } = this.#books;
    const debit = this.#pending[ROW.debit] as number;
    const credit = this.#pending[ROW.credit] as number;
    if ((flags & transferFlags.imported) !== 0) {
      const refused = importRule(this.#books, words, at, debit, credit);
      if (refused !== 0) return refused;
    }
    if ((flags & transferFlags.voidPendingTransfer) !== 0) return 0;
    const barred = accounts.flags(debit) & (accountFlags.closed | accountFlags.frozen);
    if (barred !== 0) {
      const frozen = (barred & accountFlags.frozen) !== 0;
      return frozen ? TransferStatus.debitAccountFrozen : TransferStatus.debitAccountAlreadyClosed;
    }
    return (accounts.flags(credit) & accountFlags.closed) === 0 ? 0 : TransferStatus.creditAccountAlreadyClosed;
  }

  #carryOut(words: Uint32Array, at: number, flags: number, slot: number, stamp: Stamp, authority: number): number {
    const { transfers } = this.#books;
    if ((flags & transferFlags.imported) !== 0) {
      stamp[RECORD_TIME] = words[at + layout.TIMESTAMP] as number;
      stamp[RECORD_TIME + 1] = words[at + layout.TIMESTAMP + 1] as number;
    }
    const row = this.#store(words, at, flags, slot);
    const { tail } = transfers.table;
    tail[row + ROW.timestamp] = stamp[RECORD_TIME] as number;
    tail[row + ROW.timestamp + 1] = stamp[RECORD_TIME + 1] as number;
    tail[row + ROW.maker] = authority;
    transfers.added();
    transfers.statuses.set(slot, (flags & transferFlags.voidPendingTransfer) === 0 ? POSTED : VOIDED);
    this.#move(flags, tail, row);
    return TransferStatus.created;
  }

  /** Does what the newest transfer says. */
  #move(flags: number, tail: Uint32Array, row: number): void {
    const { rows } = this.#books.accounts;
    const pending = this.#pending;
    const debit = pending[ROW.debit] as number;
    const credit = pending[ROW.credit] as number;
    lower(rows, debit, layout.DEBITS_PENDING, pending, ROW.amount);
    lower(rows, credit, layout.CREDITS_PENDING, pending, ROW.amount);
    if ((flags & transferFlags.postPendingTransfer) !== 0) {
      raise(rows, debit, layout.DEBITS_POSTED, tail, row + ROW.amount);
      raise(rows, credit, layout.CREDITS_POSTED, tail, row + ROW.amount);
    } else {
      // An account that the pending transfer had closed is open again.
      if ((flagsOf(pending) & transferFlags.closingDebit) !== 0) setClosed(rows, debit, false);
      if ((flagsOf(pending) & transferFlags.closingCredit) !== 0) setClosed(rows, credit, false);
    }
    this.#books.moved(debit, credit);
  }

  /** Appends the record, completed with what it takes from the pending transfer; returns where it begins. */
  #store(words: Uint32Array, at: number, flags: number, slot: number): number {
    const pending = this.#pending;
    const { table } = this.#books.transfers;
    const row = table.push();
    const { tail } = table;
    copy(words, at, tail, row + ROW.id);
    tail[row + ROW.debit] = pending[ROW.debit] as number;
    tail[row + ROW.credit] = pending[ROW.credit] as number;
    if (meansAll(words, at, flags)) copy(pending, ROW.amount, tail, row + ROW.amount);
    else copy(words, at + layout.AMOUNT, tail, row + ROW.amount);
    tail[row + ROW.pending] = slot + 1;
    inherit(words, at + layout.USER_DATA, 4, pending, ROW.userData128, tail, row + ROW.userData128);
    inherit(words, at + layout.USER_DATA_64, 2, pending, ROW.userData64, tail, row + ROW.userData64);
    inherit(words, at + layout.USER_DATA_32, 1, pending, ROW.userData32, tail, row + ROW.userData32);
    tail[row + ROW.timeout] = 0;
    tail[row + ROW.ledger] = pending[ROW.ledger] as number;
    const code = (pending[ROW.codeFlags] as number) & layout.CODE_MASK;
    tail[row + ROW.codeFlags] = code | (flags << layout.FLAGS_SHIFT);
    return row;
  }
}

function flagsOf(row: Uint32Array): number {
  return (row[ROW.codeFlags] as number) >>> layout.FLAGS_SHIFT;
}

function checkFields(words: Uint32Array, at: number, flags: number): number {
  if ((flags & RESOLVES) === RESOLVES || (flags & FOREIGN_FLAGS) !== 0) return TransferStatus.flagsAreMutuallyExclusive;
  const pendingId = at + layout.PENDING_ID;
  if (isZero(words, pendingId)) return TransferStatus.pendingIdMustNotBeZero;
  if (isMax(words, pendingId)) return TransferStatus.pendingIdMustNotBeIntMax;
  if (equal(words, pendingId, words, at)) return TransferStatus.pendingIdMustBeDifferent;
  return words[at + layout.TIMEOUT] === 0 ? 0 : TransferStatus.timeoutReservedForPendingTransfer;
}

/** Zero voids all, the highest amount posts all. */
function meansAll(words: Uint32Array, at: number, flags: number): boolean {
  const amount = at + layout.AMOUNT;
  return (flags & transferFlags.voidPendingTransfer) === 0 ? isMax(words, amount) : isZero(words, amount);
}

/** Copies a field of the record, or where that is zero, the pending transfer's. */
function inherit(
  words: Uint32Array,
  at: number,
  width: number,
  pending: Uint32Array,
  pendingAt: number,
  to: Uint32Array,
  toAt: number,
): void {
  let zero = true;
  for (let word = 0; word < width; word++) if (words[at + word] !== 0) zero = false;
  for (let word = 0; word < width; word++) {
    to[toAt + word] = (zero ? pending[pendingAt + word] : words[at + word]) as number;
  }
}
