/**
 * What transfers do to the accounts, and the way back: the one place that knows it. Works on the ledger's own account
 * rows and on any copy of them, so that a failed chain is undone, and the past looked at, without a journal.
 */
import { assert } from "../base/assert.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { accountFlags, transferFlags } from "./records.ts";
import type { RowTable } from "./row-table.ts";
import { add, subtract, U128_WORDS } from "./words.ts";

const CLOSED: number = accountFlags.closed << layout.FLAGS_SHIFT;
const FROZEN: number = accountFlags.frozen << layout.FLAGS_SHIFT;
const RESOLVES: number = transferFlags.postPendingTransfer | transferFlags.voidPendingTransfer;

type Change = (rows: Uint32Array, slot: number, balance: number, amount: Uint32Array, at: number) => void;

/** Adds an amount to a balance of an account. */
export function raise(rows: Uint32Array, slot: number, balance: number, amount: Uint32Array, at: number): void {
  const row = slot * layout.RECORD_WORDS + balance;
  const overflows = add(rows, row, amount, at, rows, row);
  assert(!overflows, "a balance overflows");
}

/** Takes an amount from a balance of an account. */
export function lower(rows: Uint32Array, slot: number, balance: number, amount: Uint32Array, at: number): void {
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

/** Freezes or thaws an account. */
export function setFrozen(rows: Uint32Array, slot: number, frozen: boolean): void {
  const at = slot * layout.RECORD_WORDS + layout.CODE_FLAGS;
  const before = rows[at] as number;
  rows[at] = frozen ? before | FROZEN : before & ~FROZEN;
}

export class Moves {
  readonly #transfers: RowTable;
  readonly #amount = new Uint32Array(U128_WORDS);

  constructor(transfers: RowTable) {
    this.#transfers = transfers;
  }

  /** Does to the accounts what a transfer says. */
  carryOut(rows: Uint32Array, slot: number): void {
    const flags = this.#flags(slot);
    if ((flags & RESOLVES) !== 0) {
      const pending = this.#transfers.get(slot, ROW.pending) - 1;
      this.#pendings(lower, rows, pending);
      if ((flags & transferFlags.postPendingTransfer) !== 0) this.#postings(raise, rows, slot);
      else this.#setClosings(rows, pending, false);
    } else if ((flags & transferFlags.pending) !== 0) {
      this.#pendings(raise, rows, slot);
      this.#setClosings(rows, slot, true);
    } else this.#postings(raise, rows, slot);
  }

  /** Takes back what a transfer did; nothing may have happened since. */
  takeBack(rows: Uint32Array, slot: number): void {
    const flags = this.#flags(slot);
    if ((flags & RESOLVES) !== 0) {
      const pending = this.#transfers.get(slot, ROW.pending) - 1;
      this.#pendings(raise, rows, pending);
      if ((flags & transferFlags.postPendingTransfer) !== 0) this.#postings(lower, rows, slot);
      else this.#setClosings(rows, pending, true);
    } else if ((flags & transferFlags.pending) !== 0) {
      this.#pendings(lower, rows, slot);
      this.#setClosings(rows, slot, false);
    } else this.#postings(lower, rows, slot);
  }

  /** Ends a pending transfer whose time is over. */
  expire(rows: Uint32Array, pending: number): void {
    this.#pendings(lower, rows, pending);
    this.#setClosings(rows, pending, false);
  }

  /** Takes back an expiry; nothing may have happened since. */
  unexpire(rows: Uint32Array, pending: number): void {
    this.#pendings(raise, rows, pending);
    this.#setClosings(rows, pending, true);
  }

  #flags(slot: number): number {
    return this.#transfers.get(slot, ROW.codeFlags) >>> layout.FLAGS_SHIFT;
  }

  #pendings(change: Change, rows: Uint32Array, slot: number): void {
    this.#transfers.copy(slot, ROW.amount, U128_WORDS, this.#amount, 0);
    change(rows, this.#transfers.get(slot, ROW.debit), layout.DEBITS_PENDING, this.#amount, 0);
    change(rows, this.#transfers.get(slot, ROW.credit), layout.CREDITS_PENDING, this.#amount, 0);
  }

  #postings(change: Change, rows: Uint32Array, slot: number): void {
    this.#transfers.copy(slot, ROW.amount, U128_WORDS, this.#amount, 0);
    change(rows, this.#transfers.get(slot, ROW.debit), layout.DEBITS_POSTED, this.#amount, 0);
    change(rows, this.#transfers.get(slot, ROW.credit), layout.CREDITS_POSTED, this.#amount, 0);
  }

  /** Closes the accounts that a pending transfer closes, or opens them again. */
  #setClosings(rows: Uint32Array, slot: number, closed: boolean): void {
    const flags = this.#flags(slot);
    if ((flags & transferFlags.closingDebit) !== 0) setClosed(rows, this.#transfers.get(slot, ROW.debit), closed);
    if ((flags & transferFlags.closingCredit) !== 0) setClosed(rows, this.#transfers.get(slot, ROW.credit), closed);
  }
}
