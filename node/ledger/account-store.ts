/**
 * Accounts in typed-array columns, one slot an account in the order of creation. Rules live in the ledger; this keeps.
 */
import { assert } from "../base/assert.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";
import { IdIndex } from "./id-index.ts";
import * as layout from "./layout.ts";
import type { Account } from "./records.ts";
import { toBigInt, U128_WORDS, u64At } from "./words.ts";

const ROWS_PER_PAGE = 512;
/** Words of a slot in a page: id, balances, user data, ledger, code and flags, authority, timestamp, newest transfer. */
const ROW_WORDS: number = U128_WORDS + layout.BALANCE_WORDS + layout.USER_DATA_WORDS + 6;
const INITIAL_SLOTS = 1_024;

export class AccountStore implements Paged {
  readonly name = "accounts";
  readonly index: IdIndex = new IdIndex();
  /** Four balances a slot, in the order of the record. */
  balances: Uint32Array<ArrayBuffer> = new Uint32Array(INITIAL_SLOTS * layout.BALANCE_WORDS);
  ledgers: Uint32Array<ArrayBuffer> = new Uint32Array(INITIAL_SLOTS);
  /** `code` in the lower half, `flags` in the upper. */
  codeFlags: Uint32Array<ArrayBuffer> = new Uint32Array(INITIAL_SLOTS);
  /** Whose signature a debit needs. */
  authorities: Uint32Array<ArrayBuffer> = new Uint32Array(INITIAL_SLOTS);
  /** Slot + 1 of the newest transfer that touched the account; 0 for none. */
  newest: Uint32Array<ArrayBuffer> = new Uint32Array(INITIAL_SLOTS);
  /** Two words a slot. */
  timestamps: Uint32Array<ArrayBuffer> = new Uint32Array(INITIAL_SLOTS * 2);
  userData: Uint32Array<ArrayBuffer> = new Uint32Array(INITIAL_SLOTS * layout.USER_DATA_WORDS);
  readonly #dirty = new DirtyPages();

  get count(): number {
    return this.index.count;
  }

  /** Adds the account of a checked record, with zero balances. */
  add(record: Uint32Array, at: number, timestamp: bigint, authority: number): number {
    const slot = this.index.add(record, at);
    this.#reserve(slot + 1);
    this.balances.fill(0, slot * layout.BALANCE_WORDS, (slot + 1) * layout.BALANCE_WORDS);
    this.ledgers[slot] = record[at + layout.LEDGER] as number;
    this.codeFlags[slot] = record[at + layout.CODE_FLAGS] as number;
    this.authorities[slot] = authority;
    this.newest[slot] = 0;
    this.timestamps[slot * 2] = Number(timestamp & 0xffff_ffffn);
    this.timestamps[slot * 2 + 1] = Number(timestamp >> 32n);
    const userData = at + layout.USER_DATA;
    this.userData.set(record.subarray(userData, userData + layout.USER_DATA_WORDS), slot * layout.USER_DATA_WORDS);
    this.touch(slot);
    return slot;
  }

  /** Takes the newest accounts out again until `count` are left. */
  truncate(count: number): void {
    this.index.truncate(count);
  }

  /** Marks a changed slot for the next checkpoint. */
  touch(slot: number): void {
    this.#dirty.mark(Math.floor(slot / ROWS_PER_PAGE));
  }

  flags(slot: number): number {
    return (this.codeFlags[slot] as number) >>> layout.FLAGS_SHIFT;
  }

  setFlags(slot: number, flags: number): void {
    const code = (this.codeFlags[slot] as number) & layout.CODE_MASK;
    this.codeFlags[slot] = code | (flags << layout.FLAGS_SHIFT);
    this.touch(slot);
  }

  timestamp(slot: number): bigint {
    return u64At(this.timestamps, slot * 2);
  }

  account(slot: number): Account {
    const balances = slot * layout.BALANCE_WORDS;
    const userData = slot * layout.USER_DATA_WORDS;
    return {
      id: toBigInt(this.index.ids, slot * U128_WORDS),
      debitsPending: toBigInt(this.balances, balances + layout.DEBITS_PENDING),
      debitsPosted: toBigInt(this.balances, balances + layout.DEBITS_POSTED),
      creditsPending: toBigInt(this.balances, balances + layout.CREDITS_PENDING),
      creditsPosted: toBigInt(this.balances, balances + layout.CREDITS_POSTED),
      userData128: toBigInt(this.userData, userData),
      userData64: u64At(this.userData, userData + 4),
      userData32: this.userData[userData + 6] as number,
      ledger: this.ledgers[slot] as number,
      code: (this.codeFlags[slot] as number) & layout.CODE_MASK,
      flags: this.flags(slot),
      timestamp: this.timestamp(slot),
    };
  }

  pageCount(): number {
    return Math.ceil(this.count / ROWS_PER_PAGE);
  }

  dirtyPages(): readonly number[] {
    // A chain that was undone may have marked a page that does not exist after all.
    return this.#dirty.sorted().filter((page) => page < this.pageCount());
  }

  encodePage(page: number): Uint8Array {
    const from = page * ROWS_PER_PAGE;
    const rows = Math.min(ROWS_PER_PAGE, this.count - from);
    const words = new Uint32Array(rows * ROW_WORDS);
    let at = 0;
    const put = (column: Uint32Array, slot: number, width: number): void => {
      words.set(column.subarray(slot * width, (slot + 1) * width), at);
      at += width;
    };
    for (let slot = from; slot < from + rows; slot++)
      for (const [column, width] of this.#columns()) put(column, slot, width);
    return new Uint8Array(words.buffer);
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(page: number, bytes: Uint8Array): void {
    assert(bytes.length % (ROW_WORDS * 4) === 0, "an account page has an odd length");
    const words = new Uint32Array(bytes.slice().buffer);
    const rows = words.length / ROW_WORDS;
    assert(this.count === page * ROWS_PER_PAGE && rows <= ROWS_PER_PAGE, "account pages do not follow each other");
    for (let row = 0; row < rows; row++) {
      let at = row * ROW_WORDS;
      const slot = this.index.add(words, at);
      this.#reserve(slot + 1);
      for (const [column, width] of this.#columns()) {
        column.set(words.subarray(at, at + width), slot * width);
        at += width;
      }
    }
  }

  restored(): void {
    // The index was rebuilt row by row.
  }

  /** The columns in the order of a page's row, with their widths in words. */
  #columns(): readonly (readonly [Uint32Array, number])[] {
    return [
      [this.index.ids, U128_WORDS],
      [this.balances, layout.BALANCE_WORDS],
      [this.userData, layout.USER_DATA_WORDS],
      [this.ledgers, 1],
      [this.codeFlags, 1],
      [this.authorities, 1],
      [this.timestamps, 2],
      [this.newest, 1],
    ];
  }

  #reserve(slots: number): void {
    if (slots <= this.ledgers.length) return;
    this.balances = doubled(this.balances);
    this.ledgers = doubled(this.ledgers);
    this.codeFlags = doubled(this.codeFlags);
    this.authorities = doubled(this.authorities);
    this.newest = doubled(this.newest);
    this.timestamps = doubled(this.timestamps);
    this.userData = doubled(this.userData);
  }
}

function doubled(column: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const larger = new Uint32Array(column.length * 2);
  larger.set(column);
  return larger;
}
