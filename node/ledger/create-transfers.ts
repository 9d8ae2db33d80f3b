/**
 * The rules of `createTransfers` for ordinary and pending transfers, in their order of precedence; transfers that post or
 * void a pending one go to resolve-pending.ts, an id that is there already to existing-transfer.ts.
 */
import { SYSTEM_AUTHORITY } from "./authority.ts";
import type { BatchRules, BatchStatuses } from "./batch.ts";
import type { Columns } from "./columns.ts";
import { compareExisting } from "./existing-transfer.ts";
import { importRule } from "./import-rule.ts";
import * as layout from "./layout.ts";
import { accountFlags, TRANSFER_FLAGS_MASK, transferFlags } from "./records.ts";
import { resolvePending } from "./resolve-pending.ts";
import { TRANSIENT_STATUSES, TransferStatus } from "./status.ts";
import { add, compare, copy, equal, isMax, isZero, setU64, subtract } from "./words.ts";

const NS_PER_SECOND = 1_000_000_000n;
const TIMESTAMP_MAX: bigint = (1n << 63n) - 1n;
const RESOLVES: number = transferFlags.postPendingTransfer | transferFlags.voidPendingTransfer;
const CLOSES: number = transferFlags.closingDebit | transferFlags.closingCredit;

/** Executes single events of a batch of transfers signed by `authority`. */
export class TransferRules implements BatchRules {
  readonly statuses: BatchStatuses = TransferStatus;
  readonly importedFlag: number = transferFlags.imported;
  readonly #columns: Columns;
  readonly #amount = new Uint32Array(4);
  /** Sum of all debits of the debit account with this one, then of all credits of the credit account. */
  readonly #sums = new Uint32Array(8);
  #authority = 0;
  #existing = 0n;

  constructor(columns: Columns) {
    this.#columns = columns;
  }

  /** Whose signature the next batch bears. */
  begin(authority: number): this {
    this.#authority = authority;
    return this;
  }

  existing(status: number): bigint | undefined {
    return status === TransferStatus.exists ? this.#existing : undefined;
  }

  execute(words: Uint32Array, at: number, timestamp: bigint): number {
    const status = this.#executeOnce(words, at, timestamp);
    if (TRANSIENT_STATUSES.has(status)) this.#columns.burned.burn(words, at);
    return status;
  }

  #executeOnce(words: Uint32Array, at: number, timestamp: bigint): number {
    const { transfers, burned } = this.#columns;
    const flags = flagsOf(words, at);
    if ((flags & ~TRANSFER_FLAGS_MASK) !== 0) return TransferStatus.reservedFlag;
    if (isZero(words, at)) return TransferStatus.idMustNotBeZero;
    if (isMax(words, at)) return TransferStatus.idMustNotBeIntMax;
    const existing = transfers.index.find(words, at);
    if (existing >= 0) {
      this.#existing = transfers.timestamp(existing);
      return compareExisting(transfers, words, at, existing);
    }
    if (burned.has(words, at)) return TransferStatus.idAlreadyFailed;
    if ((flags & RESOLVES) !== 0) {
      return resolvePending(this.#columns, words, at, { timestamp, authority: this.#authority });
    }
    return this.#checkFields(words, at, flags) ?? this.#transfer(words, at, flags, timestamp);
  }

  /** What an ordinary transfer must be by itself. */
  #checkFields(words: Uint32Array, at: number, flags: number): number | undefined {
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
    return undefined;
  }

  #transfer(words: Uint32Array, at: number, flags: number, timestamp: bigint): number {
    const { accounts } = this.#columns;
    const debit = accounts.index.find(words, at + layout.DEBIT_ACCOUNT_ID);
    if (debit < 0) return TransferStatus.debitAccountNotFound;
    const credit = accounts.index.find(words, at + layout.CREDIT_ACCOUNT_ID);
    if (credit < 0) return TransferStatus.creditAccountNotFound;
    if (accounts.authorities[debit] !== this.#authority && this.#authority !== SYSTEM_AUTHORITY) {
      return TransferStatus.debitAccountNotAuthorized;
    }
    if (accounts.ledgers[debit] !== accounts.ledgers[credit]) return TransferStatus.accountsMustHaveTheSameLedger;
    if (words[at + layout.LEDGER] !== accounts.ledgers[debit]) {
      return TransferStatus.transferMustHaveTheSameLedgerAsAccounts;
    }
    if ((flags & transferFlags.imported) !== 0) {
      const refused = importRule(this.#columns, { debit, credit, timestamp });
      if (refused !== undefined) return refused;
      if (words[at + layout.TIMEOUT] !== 0) return TransferStatus.importedEventTimeoutMustBeZero;
    }
    if ((accounts.flags(debit) & accountFlags.closed) !== 0) return TransferStatus.debitAccountAlreadyClosed;
    if ((accounts.flags(credit) & accountFlags.closed) !== 0) return TransferStatus.creditAccountAlreadyClosed;
    this.#clamp(words, at, flags, debit, credit);
    const refused = this.#limit(debit, credit, flags, timestamp, words[at + layout.TIMEOUT] as number);
    if (refused !== undefined) return refused;
    this.#apply(words, at, flags, { debit, credit, timestamp });
    return TransferStatus.created;
  }

  /** The amount to move: what is asked, or for a balancing transfer what there is room for. */
  #clamp(words: Uint32Array, at: number, flags: number, debit: number, credit: number): void {
    const { balances } = this.#columns.accounts;
    copy(words, at + layout.AMOUNT, this.#amount, 0);
    const d = debit * layout.BALANCE_WORDS;
    const c = credit * layout.BALANCE_WORDS;
    if ((flags & transferFlags.balancingDebit) !== 0) {
      add(balances, d + layout.DEBITS_PENDING, balances, d + layout.DEBITS_POSTED, this.#sums, 0);
      this.#clampTo(balances, d + layout.CREDITS_POSTED, this.#sums, 0);
    }
    if ((flags & transferFlags.balancingCredit) !== 0) {
      add(balances, c + layout.CREDITS_PENDING, balances, c + layout.CREDITS_POSTED, this.#sums, 0);
      this.#clampTo(balances, c + layout.DEBITS_POSTED, this.#sums, 0);
    }
  }

  /** amount = min(amount, max(0, limit - used)) */
  #clampTo(limit: Uint32Array, i: number, used: Uint32Array, j: number): void {
    if (subtract(limit, i, used, j, this.#sums, 4)) this.#sums.fill(0, 4, 8);
    if (compare(this.#sums, 4, this.#amount, 0) < 0) copy(this.#sums, 4, this.#amount, 0);
  }

  #limit(debit: number, credit: number, flags: number, timestamp: bigint, timeout: number): number | undefined {
    const { accounts } = this.#columns;
    const { balances } = accounts;
    const amount = this.#amount;
    const sums = this.#sums;
    const d = debit * layout.BALANCE_WORDS;
    const c = credit * layout.BALANCE_WORDS;
    if ((flags & transferFlags.pending) !== 0) {
      if (add(balances, d + layout.DEBITS_PENDING, amount, 0, sums, 0)) return TransferStatus.overflowsDebitsPending;
      if (add(balances, c + layout.CREDITS_PENDING, amount, 0, sums, 0)) return TransferStatus.overflowsCreditsPending;
    }
    if (add(balances, d + layout.DEBITS_POSTED, amount, 0, sums, 0)) return TransferStatus.overflowsDebitsPosted;
    if (add(sums, 0, balances, d + layout.DEBITS_PENDING, sums, 0)) {
      // The sum of debits; reported only when no narrower sum overflows.
      const narrower = add(balances, c + layout.CREDITS_POSTED, amount, 0, sums, 4);
      return narrower ? TransferStatus.overflowsCreditsPosted : TransferStatus.overflowsDebits;
    }
    if (add(balances, c + layout.CREDITS_POSTED, amount, 0, sums, 4)) return TransferStatus.overflowsCreditsPosted;
    if (add(sums, 4, balances, c + layout.CREDITS_PENDING, sums, 4)) return TransferStatus.overflowsCredits;
    if (timestamp + BigInt(timeout) * NS_PER_SECOND > TIMESTAMP_MAX) return TransferStatus.overflowsTimeout;
    const debitLimited = (accounts.flags(debit) & accountFlags.debitsMustNotExceedCredits) !== 0;
    if (debitLimited && compare(sums, 0, balances, d + layout.CREDITS_POSTED) > 0) return TransferStatus.exceedsCredits;
    const creditLimited = (accounts.flags(credit) & accountFlags.creditsMustNotExceedDebits) !== 0;
    if (creditLimited && compare(sums, 4, balances, c + layout.DEBITS_POSTED) > 0) return TransferStatus.exceedsDebits;
    return undefined;
  }

  #apply(
    words: Uint32Array,
    at: number,
    flags: number,
    move: { readonly debit: number; readonly credit: number; readonly timestamp: bigint },
  ): void {
    const columns = this.#columns;
    const { accounts, transfers, effects } = columns;
    const { debit, credit, timestamp } = move;
    const pending = (flags & transferFlags.pending) !== 0;
    columns.touch(debit);
    columns.touch(credit);
    copy(this.#amount, 0, words, at + layout.AMOUNT);
    setU64(words, at + layout.TIMESTAMP, timestamp);
    const d = debit * layout.BALANCE_WORDS + (pending ? layout.DEBITS_PENDING : layout.DEBITS_POSTED);
    const c = credit * layout.BALANCE_WORDS + (pending ? layout.CREDITS_PENDING : layout.CREDITS_POSTED);
    add(accounts.balances, d, this.#amount, 0, accounts.balances, d);
    add(accounts.balances, c, this.#amount, 0, accounts.balances, c);
    if ((flags & transferFlags.closingDebit) !== 0) columns.setAccountFlag(debit, accountFlags.closed, true);
    if ((flags & transferFlags.closingCredit) !== 0) columns.setAccountFlag(credit, accountFlags.closed, true);
    const slot = transfers.add(words, at, {
      debitSlot: debit,
      creditSlot: credit,
      previousOfDebit: accounts.newest[debit] as number,
      previousOfCredit: accounts.newest[credit] as number,
      maker: this.#authority,
      pending,
    });
    accounts.newest[debit] = slot + 1;
    accounts.newest[credit] = slot + 1;
    if (pending && words[at + layout.TIMEOUT] !== 0) columns.watch(slot);
    effects.account(accounts, debit);
    effects.account(accounts, credit);
  }
}

function flagsOf(words: Uint32Array, at: number): number {
  return (words[at + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
}
