/**
 * Transfers, append-only: flat records in pages, with a few columns beside them. What happens to a pending transfer later
 * stands in its status, never in its record.
 */
import { assert } from "../base/assert.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";
import { IdIndex } from "./id-index.ts";
import * as layout from "./layout.ts";
import type { Transfer } from "./records.ts";
import { toBigInt, u64At } from "./words.ts";

const ROWS_PER_PAGE = 1_024;
/** Columns beside the record. */
const DEBIT_SLOT = 0;
const CREDIT_SLOT = 1;
const PREVIOUS_OF_DEBIT = 2;
const PREVIOUS_OF_CREDIT = 3;
const MAKER = 4;
const STATUS = 5;
const EXTRA_WORDS = 6;
const ROW_WORDS: number = layout.RECORD_WORDS + EXTRA_WORDS;

/** What became of a pending transfer; `none` for one that never was pending. */
export const PENDING_STATUSES = ["none", "pending", "posted", "voided", "expired"] as const;
export type PendingStatus = (typeof PENDING_STATUSES)[number];

/** What the ledger knows of a new transfer beyond its record. */
export interface NewTransfer {
  readonly debitSlot: number;
  readonly creditSlot: number;
  /** Slot + 1 of the transfer before, of either account; 0 for none. */
  readonly previousOfDebit: number;
  readonly previousOfCredit: number;
  /** Authority that made it. */
  readonly maker: number;
  readonly pending: boolean;
}

export class TransferStore implements Paged {
  readonly name = "transfers";
  readonly index: IdIndex = new IdIndex();
  readonly #pages: Uint32Array[] = [];
  readonly #dirty = new DirtyPages();

  get count(): number {
    return this.index.count;
  }

  /** Appends a complete record. */
  add(record: Uint32Array, at: number, extra: NewTransfer): number {
    const slot = this.index.add(record, at);
    const page = this.#page(slot);
    const row = rowOf(slot);
    page.set(record.subarray(at, at + layout.RECORD_WORDS), row);
    const beside = row + layout.RECORD_WORDS;
    page[beside + DEBIT_SLOT] = extra.debitSlot;
    page[beside + CREDIT_SLOT] = extra.creditSlot;
    page[beside + PREVIOUS_OF_DEBIT] = extra.previousOfDebit;
    page[beside + PREVIOUS_OF_CREDIT] = extra.previousOfCredit;
    page[beside + MAKER] = extra.maker;
    page[beside + STATUS] = extra.pending ? 1 : 0;
    this.#dirty.mark(pageOf(slot));
    return slot;
  }

  /** Takes the newest transfers out again until `count` are left. */
  truncate(count: number): void {
    this.index.truncate(count);
  }

  /** The words that hold a transfer's record, and where in them it begins. */
  words(slot: number): Uint32Array {
    return this.#pages[pageOf(slot)] as Uint32Array;
  }

  at(slot: number): number {
    return rowOf(slot);
  }

  debitSlot(slot: number): number {
    return this.#extra(slot, DEBIT_SLOT);
  }

  creditSlot(slot: number): number {
    return this.#extra(slot, CREDIT_SLOT);
  }

  maker(slot: number): number {
    return this.#extra(slot, MAKER);
  }

  /** Slot + 1 of the transfer of the account before this one; 0 for none. */
  previous(slot: number, account: number): number {
    return this.#extra(slot, this.debitSlot(slot) === account ? PREVIOUS_OF_DEBIT : PREVIOUS_OF_CREDIT);
  }

  status(slot: number): PendingStatus {
    return PENDING_STATUSES[this.#extra(slot, STATUS)] as PendingStatus;
  }

  setStatus(slot: number, status: PendingStatus): void {
    this.words(slot)[rowOf(slot) + layout.RECORD_WORDS + STATUS] = PENDING_STATUSES.indexOf(status);
    this.#dirty.mark(pageOf(slot));
  }

  timestamp(slot: number): bigint {
    return u64At(this.words(slot), rowOf(slot) + layout.TIMESTAMP);
  }

  flags(slot: number): number {
    return (this.words(slot)[rowOf(slot) + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
  }

  /** Seconds; 0 for none. */
  timeout(slot: number): number {
    return this.words(slot)[rowOf(slot) + layout.TIMEOUT] as number;
  }

  transfer(slot: number): Transfer {
    const words = this.words(slot);
    const at = rowOf(slot);
    return {
      id: toBigInt(words, at),
      debitAccountId: toBigInt(words, at + layout.DEBIT_ACCOUNT_ID),
      creditAccountId: toBigInt(words, at + layout.CREDIT_ACCOUNT_ID),
      amount: toBigInt(words, at + layout.AMOUNT),
      pendingId: toBigInt(words, at + layout.PENDING_ID),
      userData128: toBigInt(words, at + layout.USER_DATA),
      userData64: u64At(words, at + layout.USER_DATA_64),
      userData32: words[at + layout.USER_DATA_32] as number,
      timeout: this.timeout(slot),
      ledger: words[at + layout.LEDGER] as number,
      code: (words[at + layout.CODE_FLAGS] as number) & layout.CODE_MASK,
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
    const rows = Math.min(ROWS_PER_PAGE, this.count - page * ROWS_PER_PAGE);
    const words = (this.#pages[page] as Uint32Array).slice(0, rows * ROW_WORDS);
    return new Uint8Array(words.buffer);
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(page: number, bytes: Uint8Array): void {
    assert(bytes.length % (ROW_WORDS * 4) === 0, "a transfer page has an odd length");
    const words = new Uint32Array(bytes.slice().buffer);
    const rows = words.length / ROW_WORDS;
    assert(this.count === page * ROWS_PER_PAGE && rows <= ROWS_PER_PAGE, "transfer pages do not follow each other");
    for (let row = 0; row < rows; row++) {
      const slot = this.index.add(words, row * ROW_WORDS);
      this.#page(slot).set(words.subarray(row * ROW_WORDS, (row + 1) * ROW_WORDS), rowOf(slot));
    }
  }

  restored(): void {
    // The index was rebuilt row by row.
  }

  #extra(slot: number, column: number): number {
    return this.words(slot)[rowOf(slot) + layout.RECORD_WORDS + column] as number;
  }

  #page(slot: number): Uint32Array {
    const page = pageOf(slot);
    if (page === this.#pages.length) this.#pages.push(new Uint32Array(ROWS_PER_PAGE * ROW_WORDS));
    return this.#pages[page] as Uint32Array;
  }
}

function pageOf(slot: number): number {
  return Math.floor(slot / ROWS_PER_PAGE);
}

function rowOf(slot: number): number {
  return (slot % ROWS_PER_PAGE) * ROW_WORDS;
}
