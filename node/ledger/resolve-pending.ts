/**
 * Posting and voiding pending transfers: the second half of two-phase transfers, in its order of precedence. Only whoever
 * made the pending transfer may resolve it, so a hold of the state machine cannot be lifted from outside.
 */
import { SYSTEM_AUTHORITY } from "./authority.ts";
import type { Columns } from "./columns.ts";
import { importRule } from "./import-rule.ts";
import * as layout from "./layout.ts";
import { accountFlags, transferFlags } from "./records.ts";
import { TransferStatus } from "./status.ts";
import { add, compare, copy, equal, isMax, isZero, setU64, subtract } from "./words.ts";

/** Flags that do not go with posting or voiding. */
const FOREIGN_FLAGS: number =
  transferFlags.pending |
  transferFlags.balancingDebit |
  transferFlags.balancingCredit |
  transferFlags.closingDebit |
  transferFlags.closingCredit;
const RESOLVES: number = transferFlags.postPendingTransfer | transferFlags.voidPendingTransfer;

interface Occasion {
  readonly timestamp: bigint;
  readonly authority: number;
}

/** Executes a transfer with `postPendingTransfer` or `voidPendingTransfer`. */
export function resolvePending(columns: Columns, words: Uint32Array, at: number, occasion: Occasion): number {
  const { transfers } = columns;
  const refused = checkFields(words, at);
  if (refused !== undefined) return refused;
  const slot = transfers.index.find(words, at + layout.PENDING_ID);
  if (slot < 0) return TransferStatus.pendingTransferNotFound;
  return (
    checkAgainstPending(columns, words, at, slot) ??
    checkAuthority(columns, slot, occasion.authority) ??
    checkAmount(columns, words, at, slot) ??
    checkState(columns, words, at, slot, occasion.timestamp) ??
    apply(columns, words, at, slot, occasion)
  );
}

function flagsOf(words: Uint32Array, at: number): number {
  return (words[at + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
}

function voidsAt(words: Uint32Array, at: number): boolean {
  return (flagsOf(words, at) & transferFlags.voidPendingTransfer) !== 0;
}

function checkFields(words: Uint32Array, at: number): number | undefined {
  const flags = flagsOf(words, at);
  if ((flags & RESOLVES) === RESOLVES || (flags & FOREIGN_FLAGS) !== 0) return TransferStatus.flagsAreMutuallyExclusive;
  const pendingId = at + layout.PENDING_ID;
  if (isZero(words, pendingId)) return TransferStatus.pendingIdMustNotBeZero;
  if (isMax(words, pendingId)) return TransferStatus.pendingIdMustNotBeIntMax;
  if (equal(words, pendingId, words, at)) return TransferStatus.pendingIdMustBeDifferent;
  return words[at + layout.TIMEOUT] === 0 ? undefined : TransferStatus.timeoutReservedForPendingTransfer;
}

function checkAgainstPending({ transfers }: Columns, words: Uint32Array, at: number, slot: number): number | undefined {
  const p = transfers.words(slot);
  const q = transfers.at(slot);
  if ((transfers.flags(slot) & transferFlags.pending) === 0) return TransferStatus.pendingTransferNotPending;
  const debit = at + layout.DEBIT_ACCOUNT_ID;
  if (!isZero(words, debit) && !equal(words, debit, p, q + layout.DEBIT_ACCOUNT_ID)) {
    return TransferStatus.pendingTransferHasDifferentDebitAccountId;
  }
  const credit = at + layout.CREDIT_ACCOUNT_ID;
  if (!isZero(words, credit) && !equal(words, credit, p, q + layout.CREDIT_ACCOUNT_ID)) {
    return TransferStatus.pendingTransferHasDifferentCreditAccountId;
  }
  const ledger = words[at + layout.LEDGER];
  if (ledger !== 0 && ledger !== p[q + layout.LEDGER]) return TransferStatus.pendingTransferHasDifferentLedger;
  const code = (words[at + layout.CODE_FLAGS] as number) & layout.CODE_MASK;
  const stored = (p[q + layout.CODE_FLAGS] as number) & layout.CODE_MASK;
  return code !== 0 && code !== stored ? TransferStatus.pendingTransferHasDifferentCode : undefined;
}

function checkAuthority({ transfers }: Columns, slot: number, authority: number): number | undefined {
  const allowed = authority === SYSTEM_AUTHORITY || transfers.maker(slot) === authority;
  return allowed ? undefined : TransferStatus.debitAccountNotAuthorized;
}

function checkAmount({ transfers }: Columns, words: Uint32Array, at: number, slot: number): number | undefined {
  const amount = at + layout.AMOUNT;
  const voids = voidsAt(words, at);
  if (voids ? isZero(words, amount) : isMax(words, amount)) return undefined; // all of it
  const difference = compare(words, amount, transfers.words(slot), transfers.at(slot) + layout.AMOUNT);
  if (difference > 0) return TransferStatus.exceedsPendingTransferAmount;
  return voids && difference < 0 ? TransferStatus.pendingTransferHasDifferentAmount : undefined;
}

function checkState(
  columns: Columns,
  words: Uint32Array,
  at: number,
  slot: number,
  timestamp: bigint,
): number | undefined {
  const { accounts, transfers } = columns;
  const status = transfers.status(slot);
  if (status === "posted") return TransferStatus.pendingTransferAlreadyPosted;
  if (status === "voided") return TransferStatus.pendingTransferAlreadyVoided;
  const expiry = columns.expiryOf(slot);
  if (status === "expired" || (expiry !== undefined && expiry <= timestamp))
    return TransferStatus.pendingTransferExpired;
  const debit = transfers.debitSlot(slot);
  const credit = transfers.creditSlot(slot);
  if ((flagsOf(words, at) & transferFlags.imported) !== 0) {
    const refused = importRule(columns, { debit, credit, timestamp });
    if (refused !== undefined) return refused;
  }
  if (voidsAt(words, at)) return undefined;
  if ((accounts.flags(debit) & accountFlags.closed) !== 0) return TransferStatus.debitAccountAlreadyClosed;
  if ((accounts.flags(credit) & accountFlags.closed) !== 0) return TransferStatus.creditAccountAlreadyClosed;
  return undefined;
}

function apply(columns: Columns, words: Uint32Array, at: number, slot: number, occasion: Occasion): number {
  const { accounts, transfers, effects } = columns;
  const { balances } = accounts;
  const debit = transfers.debitSlot(slot);
  const credit = transfers.creditSlot(slot);
  const voids = voidsAt(words, at);
  inherit(words, at, transfers.words(slot), transfers.at(slot));
  setU64(words, at + layout.TIMESTAMP, occasion.timestamp);
  releasePending(columns, slot);
  if (!voids) {
    const d = debit * layout.BALANCE_WORDS + layout.DEBITS_POSTED;
    const c = credit * layout.BALANCE_WORDS + layout.CREDITS_POSTED;
    add(balances, d, words, at + layout.AMOUNT, balances, d);
    add(balances, c, words, at + layout.AMOUNT, balances, c);
  }
  columns.setStatus(slot, voids ? "voided" : "posted");
  const resolved = transfers.add(words, at, {
    debitSlot: debit,
    creditSlot: credit,
    previousOfDebit: accounts.newest[debit] as number,
    previousOfCredit: accounts.newest[credit] as number,
    maker: occasion.authority,
    pending: false,
  });
  accounts.newest[debit] = resolved + 1;
  accounts.newest[credit] = resolved + 1;
  if (voids) reopen(columns, slot);
  effects.account(accounts, debit);
  effects.account(accounts, credit);
  return TransferStatus.created;
}

/** Completes the record with what it takes from the pending transfer. */
function inherit(words: Uint32Array, at: number, p: Uint32Array, q: number): void {
  copy(p, q + layout.DEBIT_ACCOUNT_ID, words, at + layout.DEBIT_ACCOUNT_ID);
  copy(p, q + layout.CREDIT_ACCOUNT_ID, words, at + layout.CREDIT_ACCOUNT_ID);
  const amount = at + layout.AMOUNT;
  if (voidsAt(words, at) || isMax(words, amount)) copy(p, q + layout.AMOUNT, words, amount);
  if (isZero(words, at + layout.USER_DATA)) copy(p, q + layout.USER_DATA, words, at + layout.USER_DATA);
  const data64 = layout.USER_DATA_64;
  if (words[at + data64] === 0 && words[at + data64 + 1] === 0) {
    words[at + data64] = p[q + data64] as number;
    words[at + data64 + 1] = p[q + data64 + 1] as number;
  }
  if (words[at + layout.USER_DATA_32] === 0) words[at + layout.USER_DATA_32] = p[q + layout.USER_DATA_32] as number;
  words[at + layout.LEDGER] = p[q + layout.LEDGER] as number;
  const code = (p[q + layout.CODE_FLAGS] as number) & layout.CODE_MASK;
  words[at + layout.CODE_FLAGS] = (code | (flagsOf(words, at) << layout.FLAGS_SHIFT)) >>> 0;
}

/** Takes a pending transfer's amount out of both accounts' pending balances. */
function releasePending(columns: Columns, slot: number): void {
  const { accounts, transfers } = columns;
  const { balances } = accounts;
  const p = transfers.words(slot);
  const amount = transfers.at(slot) + layout.AMOUNT;
  const debit = transfers.debitSlot(slot);
  const credit = transfers.creditSlot(slot);
  columns.touch(debit);
  columns.touch(credit);
  const d = debit * layout.BALANCE_WORDS + layout.DEBITS_PENDING;
  const c = credit * layout.BALANCE_WORDS + layout.CREDITS_PENDING;
  subtract(balances, d, p, amount, balances, d);
  subtract(balances, c, p, amount, balances, c);
}

/** An account closed by a pending transfer is open again when that transfer does not come about. */
function reopen(columns: Columns, slot: number): void {
  const { transfers } = columns;
  const flags = transfers.flags(slot);
  if ((flags & transferFlags.closingDebit) !== 0) {
    columns.setAccountFlag(transfers.debitSlot(slot), accountFlags.closed, false);
  }
  if ((flags & transferFlags.closingCredit) !== 0) {
    columns.setAccountFlag(transfers.creditSlot(slot), accountFlags.closed, false);
  }
}

/** Ends a pending transfer whose timeout has passed. */
export function expirePending(columns: Columns, slot: number): void {
  const { accounts, transfers, effects } = columns;
  releasePending(columns, slot);
  columns.setStatus(slot, "expired");
  reopen(columns, slot);
  effects.account(accounts, transfers.debitSlot(slot));
  effects.account(accounts, transfers.creditSlot(slot));
}
