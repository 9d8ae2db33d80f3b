/**
 * What transfers do to the accounts, and the way back: the one place that knows it. Works on the ledger's own account
 * rows and on any copy of them, so that a failed chain is undone, and the past looked at, without a journal.
 */
import { assert } from "../base/assert.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { accountFlags, transferFlags } from "./records.ts";
import type { RowTable } from "./row-table.ts";
import { add, subtract } from "./words.ts";

const CLOSED: number = accountFlags.closed << layout.FLAGS_SHIFT;
const RESOLVES: number = transferFlags.postPendingTransfer | transferFlags.voidPendingTransfer;

type Change = (rows: Uint32Array, slot: number, balance: number, amount: Uint32Array, at: number) => void;

/** Adds an amount to a balance of an account. */
export function raise(rows: Uint32Array, slot: number, balance: number, amount: Uint32Array, at: number): void {
  const row = slot * layout.RECORD_WORDS + balance;
  const overflows = add(rows, row, amount, at, rows, row);
  assert(!overflows, "a balance overflows");
}

/** Takes an amount from a balance of an account. */
function lower(rows: Uint32Array, slot: number, balance: number, amount: Uint32Array, at: number): void {
  const row = slot * layout.RECORD_WORDS + balance;
  const underflows = subtract(rows, row, amount, at, rows, row);
  assert(!underflows, "a balance underflows");
}

/** Closes or opens an account. */
export function setClosed(rows: Uint32Array, slot: number, closed: boolean): void {
  const at = slot * layout.RECORD_WORDS + layout.CODE_FLAGS;
  const before = rows[at] as number;
  rows[at] = closed ? before | CLOSED : before & ~CLOSED;
}

export class Moves {
  readonly #transfers: RowTable;
  /** A transfer, and the pending transfer that it resolves. */
  readonly #row = new Uint32Array(layout.ROW_WORDS);
  readonly #pending = new Uint32Array(layout.ROW_WORDS);

  constructor(transfers: RowTable) {
    this.#transfers = transfers;
  }

  /** Does to the accounts what a transfer says. */
  carryOut(rows: Uint32Array, slot: number): void {
    const row = this.#read(slot, this.#row);
    const flags = flagsOf(row);
    if ((flags & RESOLVES) !== 0) {
      const pending = this.#read((row[ROW.pending] as number) - 1, this.#pending);
      pendings(lower, rows, pending);
      if ((flags & transferFlags.postPendingTransfer) !== 0) postings(raise, rows, row);
      else setClosings(rows, pending, false);
    } else if ((flags & transferFlags.pending) !== 0) {
      pendings(raise, rows, row);
      setClosings(rows, row, true);
    } else postings(raise, rows, row);
  }

  /** Takes back what a transfer did; nothing may have happened since. */
  takeBack(rows: Uint32Array, slot: number): void {
    const row = this.#read(slot, this.#row);
    const flags = flagsOf(row);
    if ((flags & RESOLVES) !== 0) {
      const pending = this.#read((row[ROW.pending] as number) - 1, this.#pending);
      pendings(raise, rows, pending);
      if ((flags & transferFlags.postPendingTransfer) !== 0) postings(lower, rows, row);
      else setClosings(rows, pending, true);
    } else if ((flags & transferFlags.pending) !== 0) {
      pendings(lower, rows, row);
      setClosings(rows, row, false);
    } else postings(lower, rows, row);
  }

  /** Ends a pending transfer whose time is over. */
  expire(rows: Uint32Array, pendingSlot: number): void {
    const pending = this.#read(pendingSlot, this.#pending);
    pendings(lower, rows, pending);
    setClosings(rows, pending, false);
  }

  /** Takes back an expiry; nothing may have happened since. */
  unexpire(rows: Uint32Array, pendingSlot: number): void {
    const pending = this.#read(pendingSlot, this.#pending);
    pendings(raise, rows, pending);
    setClosings(rows, pending, true);
  }

  #read(slot: number, to: Uint32Array): Uint32Array {
    this.#transfers.copy(slot, 0, layout.ROW_WORDS, to, 0);
    return to;
  }
}

function flagsOf(row: Uint32Array): number {
  return (row[ROW.codeFlags] as number) >>> layout.FLAGS_SHIFT;
}

function pendings(change: Change, rows: Uint32Array, row: Uint32Array): void {
  change(rows, row[ROW.debit] as number, layout.DEBITS_PENDING, row, ROW.amount);
  change(rows, row[ROW.credit] as number, layout.CREDITS_PENDING, row, ROW.amount);
}

function postings(change: Change, rows: Uint32Array, row: Uint32Array): void {
  change(rows, row[ROW.debit] as number, layout.DEBITS_POSTED, row, ROW.amount);
  change(rows, row[ROW.credit] as number, layout.CREDITS_POSTED, row, ROW.amount);
}

/** Closes the accounts that a pending transfer closes, or opens them again. */
function setClosings(rows: Uint32Array, pending: Uint32Array, closed: boolean): void {
  const flags = flagsOf(pending);
  if ((flags & transferFlags.closingDebit) !== 0) setClosed(rows, pending[ROW.debit] as number, closed);
  if ((flags & transferFlags.closingCredit) !== 0) setClosed(rows, pending[ROW.credit] as number, closed);
}
