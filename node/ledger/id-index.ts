/**
 * A growing set of ids, numbered as they come: open addressing over typed arrays.
 */
import { hash128 } from "./id-hash.ts";
import { copy, equal, U128_WORDS } from "./words.ts";

const INITIAL_SLOTS = 1_024;
/** Entries of the table a slot: it is at most half full. */
const TABLE_FACTOR = 2;

export class IdIndex {
  #ids = new Uint32Array(INITIAL_SLOTS * U128_WORDS);
  /** Slot + 1, or 0 where nothing is; a power of two long. */
  #table = new Uint32Array(INITIAL_SLOTS * TABLE_FACTOR);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The ids, four words a slot. Valid until the next `add`. */
  get ids(): Uint32Array {
    return this.#ids;
  }

  /** The slot of an id, or -1. */
  find(words: Uint32Array, at: number): number {
    const mask = this.#table.length - 1;
    for (let probe = hash128(words, at) & mask; ; probe = (probe + 1) & mask) {
      const entry = this.#table[probe] as number;
      if (entry === 0) return -1;
      if (equal(this.#ids, (entry - 1) * U128_WORDS, words, at)) return entry - 1;
    }
  }

  /** Gives an id that is not there the next slot. */
  add(words: Uint32Array, at: number): number {
    const slot = this.#count;
    if ((slot + 1) * U128_WORDS > this.#ids.length) this.#grow();
    copy(words, at, this.#ids, slot * U128_WORDS);
    this.#count = slot + 1;
    this.#enter(slot);
    return slot;
  }

  #enter(slot: number): void {
    const mask = this.#table.length - 1;
    let probe = hash128(this.#ids, slot * U128_WORDS) & mask;
    while (this.#table[probe] !== 0) probe = (probe + 1) & mask;
    this.#table[probe] = slot + 1;
  }

  #grow(): void {
    const ids = new Uint32Array(this.#ids.length * 2);
    ids.set(this.#ids);
    this.#ids = ids;
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let slot = 0; slot < this.#count; slot++) this.#enter(slot);
  }
}
