/**
 * From account ids to slots: open addressing over a typed array of hashes and slots. The hash spares nearly all looks at
 * rows with other ids, which lie far away. Ids leave only newest first, when a linked chain is undone, so a removal never
 * breaks the probe of an id that stays.
 */
import { assert } from "../base/assert.ts";
import { ENTRY_WORDS, enter } from "./hash-entries.ts";
import { hash128 } from "./id-hash.ts";
import { RECORD_WORDS } from "./layout.ts";
import { equal } from "./words.ts";

const INITIAL_ENTRIES = 2_048;

/** The rows whose ids are indexed, as they are at the moment. */
export interface IndexedRows {
  readonly rows: Uint32Array;
  readonly count: number;
}

export class AccountIndex {
  readonly #source: IndexedRows;
  /** Entries of hash and slot + 1, or 0 where nothing is; a power of two of them, at most half of them taken. */
  #table = new Uint32Array(INITIAL_ENTRIES * ENTRY_WORDS);
  /** Rows that are indexed. */
  #count = 0;

  constructor(source: IndexedRows) {
    this.#source = source;
  }

  /** The slot of an id, or -1. */
  find(words: Uint32Array, at: number): number {
    const table = this.#table;
    const { rows } = this.#source;
    const mask = table.length - 1;
    const hash = hash128(words, at);
    for (let probe = (hash * ENTRY_WORDS) & mask; ; probe = (probe + ENTRY_WORDS) & mask) {
      const entry = table[probe + 1] as number;
      if (entry === 0) return -1;
      if (table[probe] === hash && equal(rows, (entry - 1) * RECORD_WORDS, words, at)) return entry - 1;
    }
  }

  /** Looks where the probe for a hash begins, so that it is near afterwards. */
  touch(hash: number): number {
    return this.#table[(hash * ENTRY_WORDS) & (this.#table.length - 1)] as number;
  }

  /** The first slot whose id has this hash, or -1; whether it is the id, its row must tell. */
  candidate(hash: number): number {
    const table = this.#table;
    const mask = table.length - 1;
    for (let probe = (hash * ENTRY_WORDS) & mask; ; probe = (probe + ENTRY_WORDS) & mask) {
      const entry = table[probe + 1] as number;
      if (entry === 0 || table[probe] === hash) return entry - 1;
    }
  }

  /** Indexes the next row. */
  add(slot: number): void {
    assert(slot === this.#count && slot < this.#source.count, "accounts are indexed as they come");
    this.#count += 1;
    if (this.#count * ENTRY_WORDS * 2 > this.#table.length) this.#grow();
    else enter(this.#table, hash128(this.#source.rows, slot * RECORD_WORDS), slot + 1);
  }

  /** Forgets the newest row that is indexed. */
  remove(slot: number): void {
    assert(slot === this.#count - 1, "the newest account is forgotten first");
    this.#count -= 1;
    const table = this.#table;
    const mask = table.length - 1;
    let probe = (hash128(this.#source.rows, slot * RECORD_WORDS) * ENTRY_WORDS) & mask;
    while (table[probe + 1] !== slot + 1) {
      assert(table[probe + 1] !== 0, "an account is missing from its index");
      probe = (probe + ENTRY_WORDS) & mask;
    }
    table[probe] = 0;
    table[probe + 1] = 0;
  }

  #grow(): void {
    this.#table = new Uint32Array(this.#table.length * 2);
    // Oldest first, so that whoever leaves first ends every probe.
    for (let slot = 0; slot < this.#count; slot++) {
      enter(this.#table, hash128(this.#source.rows, slot * RECORD_WORDS), slot + 1);
    }
  }
}
