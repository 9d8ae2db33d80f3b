/**
 * From ids to dense slots: open addressing over typed arrays. Ids enter in the order of their slots and leave, when a
 * linked chain is undone, newest first; so a removal never breaks the probe of an id that stays.
 */
import { assert } from "../base/assert.ts";
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
    for (let probe = hash(words, at) & mask; ; probe = (probe + 1) & mask) {
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

  /** Takes the newest ids out again until `count` are left. */
  truncate(count: number): void {
    while (this.#count > count) {
      const slot = this.#count - 1;
      this.#table[this.#probeOf(slot)] = 0;
      this.#count = slot;
    }
  }

  #enter(slot: number): void {
    const mask = this.#table.length - 1;
    let probe = hash(this.#ids, slot * U128_WORDS) & mask;
    while (this.#table[probe] !== 0) probe = (probe + 1) & mask;
    this.#table[probe] = slot + 1;
  }

  #probeOf(slot: number): number {
    const mask = this.#table.length - 1;
    let probe = hash(this.#ids, slot * U128_WORDS) & mask;
    while (this.#table[probe] !== slot + 1) {
      assert(this.#table[probe] !== 0, "an id is missing from its index");
      probe = (probe + 1) & mask;
    }
    return probe;
  }

  #grow(): void {
    const ids = new Uint32Array(this.#ids.length * 2);
    ids.set(this.#ids);
    this.#ids = ids;
    this.#table = new Uint32Array(this.#table.length * 2);
    for (let slot = 0; slot < this.#count; slot++) this.#enter(slot);
  }
}

/** Mixes the four words; every input bit reaches the low bits (finalizer of MurmurHash3). */
function hash(words: Uint32Array, at: number): number {
  let h = Math.imul(words[at] as number, 0x9e37_79b1);
  h = Math.imul(h ^ (words[at + 1] as number) ^ (h >>> 15), 0x85eb_ca77);
  h = Math.imul(h ^ (words[at + 2] as number) ^ (h >>> 13), 0xc2b2_ae3d);
  h = Math.imul(h ^ (words[at + 3] as number) ^ (h >>> 16), 0x27d4_eb2f);
  h = Math.imul(h ^ (h >>> 15), 0x85eb_ca6b);
  return (h ^ (h >>> 13)) >>> 0;
}
