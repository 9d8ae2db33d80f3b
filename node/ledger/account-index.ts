/**
 * From account ids to slots: open addressing over a typed array. Ids leave only newest first, when a linked chain is
 * undone, so a removal never breaks the probe of an id that stays.
 */
import { assert } from "../base/assert.ts";
import { RECORD_WORDS } from "./layout.ts";
import { equal, hash128 } from "./words.ts";

const INITIAL_ENTRIES = 2_048;

/** The rows whose ids are indexed, as they are at the moment. */
export interface IndexedRows {
  readonly rows: Uint32Array;
  readonly count: number;
}

export class AccountIndex {
  readonly #source: IndexedRows;
  /** Slot + 1, or 0 where nothing is; a power of two long, at most half full. */
  #table = new Uint32Array(INITIAL_ENTRIES);

  constructor(source: IndexedRows) {
    this.#source = source;
  }

  /** The slot of an id, or -1. */
  find(words: Uint32Array, at: number): number {
    const table = this.#table;
    const { rows } = this.#source;
    const mask = table.length - 1;
    for (let probe = hash128(words, at) & mask; ; probe = (probe + 1) & mask) {
      const entry = table[probe] as number;
      if (entry === 0) return -1;
      if (equal(rows, (entry - 1) * RECORD_WORDS, words, at)) return entry - 1;
    }
  }

  /** Indexes the newest row. */
  add(slot: number): void {
    assert(slot === this.#source.count - 1, "accounts are indexed as they come");
    if ((slot + 1) * 2 > this.#table.length) this.#grow();
    else this.#enter(slot);
  }

  /** Forgets the newest row that is indexed. */
  remove(slot: number): void {
    const mask = this.#table.length - 1;
    let probe = this.#home(slot);
    while (this.#table[probe] !== slot + 1) {
      assert(this.#table[probe] !== 0, "an account is missing from its index");
      probe = (probe + 1) & mask;
    }
    this.#table[probe] = 0;
  }

  #enter(slot: number): void {
    const mask = this.#table.length - 1;
    let probe = this.#home(slot);
    while (this.#table[probe] !== 0) probe = (probe + 1) & mask;
    this.#table[probe] = slot + 1;
  }

  #home(slot: number): number {
    return hash128(this.#source.rows, slot * RECORD_WORDS) & (this.#table.length - 1);
  }

  #grow(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let slot = 0; slot < this.#source.count; slot++) this.#enter(slot);
  }
}
