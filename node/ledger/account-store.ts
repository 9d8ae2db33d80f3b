/**
 * Accounts, one row of 32 words each in the order of creation: the record, with the authority in the reserved field. All
 * that a transfer looks at lies in two or three cache lines. Rules live in the ledger; this keeps.
 */
import { assert } from "../base/assert.ts";
import { viewOf } from "../base/bytes.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";
import { AccountIndex } from "./account-index.ts";
import * as layout from "./layout.ts";
import type { Account } from "./records.ts";
import { packSegment, readSegment } from "./segment.ts";
import { compare64, toBigInt, u64At } from "./words.ts";

const PAGE_SHIFT = 9;
const ROWS_PER_PAGE: number = 1 << PAGE_SHIFT;
/** Readers of the marks on changed pages. */
const CHECKPOINT = 0;
const SUMS = 1;
const INITIAL_SLOTS = 1_024;

export class AccountStore implements Paged {
  readonly name = "accounts";
  readonly index: AccountIndex = new AccountIndex(this);
  /** All rows, one after another. Replaced when it grows: never kept. */
  rows: Uint32Array<ArrayBuffer> = new Uint32Array(INITIAL_SLOTS * layout.RECORD_WORDS);
  readonly #dirty = new DirtyPages();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Adds the account of a checked record, with zero balances. */
  add(record: Uint32Array, at: number, authority: number, time: Uint32Array, timeAt: number): number {
    const slot = this.#count;
    const row = this.#append();
    for (let word = 0; word < layout.RECORD_WORDS; word++) this.rows[row + word] = record[at + word] as number;
    this.rows[row + layout.AUTHORITY] = authority;
    this.rows[row + layout.TIMESTAMP] = time[timeAt] as number;
    this.rows[row + layout.TIMESTAMP + 1] = time[timeAt + 1] as number;
    this.index.add(slot);
    this.touch(slot);
    return slot;
  }

  /** Takes the newest accounts out again until `count` are left. */
  truncate(count: number): void {
    for (let slot = this.#count - 1; slot >= count; slot--) this.index.remove(slot);
    this.#count = count;
  }

  /** Marks a changed slot for the next checkpoint, and for the next sum. */
  touch(slot: number): void {
    this.#dirty.mark(slot >>> PAGE_SHIFT);
  }

  /** The slot of the account with this id, or -1. */
  find(words: Uint32Array, at: number): number {
    return this.index.find(words, at);
  }

  /**
   * Reads a word of each cache line that a row may lie in: so many that its beginning may lie anywhere in the first. What
   * comes of it is of no meaning, but must be used, or the compiler reads nothing.
   */
  touchRow(slot: number): number {
    const row = slot * layout.RECORD_WORDS;
    const { rows } = this;
    return (rows[row] as number) + (rows[row + 15] as number) + (rows[row + layout.RECORD_WORDS - 1] as number);
  }

  flags(slot: number): number {
    return (this.rows[slot * layout.RECORD_WORDS + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
  }

  authority(slot: number): number {
    return this.rows[slot * layout.RECORD_WORDS + layout.AUTHORITY] as number;
  }

  timestamp(slot: number): bigint {
    return u64At(this.rows, slot * layout.RECORD_WORDS + layout.TIMESTAMP);
  }

  /** First slot whose timestamp is not before that in `time`; timestamps rise with the slots. */
  firstFrom(time: Uint32Array, at: number): number {
    let low = 0;
    let high = this.#count;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const row = middle * layout.RECORD_WORDS + layout.TIMESTAMP;
      if (compare64(this.rows, row, time, at) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Whether an account bears exactly this timestamp. */
  hasTimestamp(time: Uint32Array, at: number): boolean {
    const slot = this.firstFrom(time, at);
    const row = slot * layout.RECORD_WORDS + layout.TIMESTAMP;
    return slot < this.#count && compare64(this.rows, row, time, at) === 0;
  }

  account(slot: number): Account {
    return accountIn(this.rows, slot * layout.RECORD_WORDS);
  }

  pageCount(): number {
    return Math.ceil(this.#count / ROWS_PER_PAGE);
  }

  dirtyPages(): readonly number[] {
    // A chain that was undone may have marked a page that does not exist after all.
    return this.#dirty.sorted(CHECKPOINT).filter((page) => page < this.pageCount());
  }

  encodePage(page: number): Uint8Array {
    const [from, to] = this.slotsOf(page);
    const rows = this.rows.subarray(from * layout.RECORD_WORDS, to * layout.RECORD_WORDS);
    return new Uint8Array(packSegment(rows, to - from, layout.RECORD_WORDS).words.buffer);
  }

  markClean(): void {
    this.#dirty.clear(CHECKPOINT);
  }

  /** Pages changed since the last call, for whoever keeps sums; among them some that are not there any more. */
  takeUnsummed(): readonly number[] {
    const pages = this.#dirty.sorted(SUMS);
    this.#dirty.clear(SUMS);
    return pages;
  }

  /** The rows of a page, as slots from one and before another. */
  slotsOf(page: number): readonly [from: number, to: number] {
    return [page * ROWS_PER_PAGE, Math.min((page + 1) * ROWS_PER_PAGE, this.#count)];
  }

  decodePage(page: number, bytes: Uint8Array): void {
    const count = bytes.length < 4 ? 0 : viewOf(bytes).getUint32(0, true);
    assert(this.#count === page * ROWS_PER_PAGE && count <= ROWS_PER_PAGE, "account pages do not follow each other");
    const segment = readSegment(bytes, count, layout.RECORD_WORDS);
    const first = this.#count;
    for (let row = 0; row < count; row++) this.#append();
    segment.unpackTo(this.rows, first * layout.RECORD_WORDS);
    for (let slot = first; slot < this.#count; slot++) this.index.add(slot);
  }

  restored(): void {
    // The index was rebuilt row by row.
  }

  /** Room for one more row; returns where it begins. */
  #append(): number {
    const row = this.#count * layout.RECORD_WORDS;
    if (row === this.rows.length) {
      const larger = new Uint32Array(this.rows.length * 2);
      larger.set(this.rows);
      this.rows = larger;
    }
    this.#count += 1;
    return row;
  }
}

/** The balances in a row of 32 words. */
export function balancesIn(
  rows: Uint32Array,
  row: number,
): Pick<Account, "debitsPending" | "debitsPosted" | "creditsPending" | "creditsPosted"> {
  return {
    debitsPending: toBigInt(rows, row + layout.DEBITS_PENDING),
    debitsPosted: toBigInt(rows, row + layout.DEBITS_POSTED),
    creditsPending: toBigInt(rows, row + layout.CREDITS_PENDING),
    creditsPosted: toBigInt(rows, row + layout.CREDITS_POSTED),
  };
}

/** The account in a row of 32 words. */
function accountIn(rows: Uint32Array, row: number): Account {
  const codeFlags = rows[row + layout.CODE_FLAGS] as number;
  return {
    id: toBigInt(rows, row),
    ...balancesIn(rows, row),
    userData128: toBigInt(rows, row + layout.USER_DATA),
    userData64: u64At(rows, row + layout.USER_DATA_64),
    userData32: rows[row + layout.USER_DATA_32] as number,
    ledger: rows[row + layout.LEDGER] as number,
    code: codeFlags & layout.CODE_MASK,
    flags: codeFlags >>> layout.FLAGS_SHIFT,
    timestamp: u64At(rows, row + layout.TIMESTAMP),
  };
}
