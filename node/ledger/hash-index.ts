/**
 * From ids to slots for ids in no order: open addressing over entries of a hash and a slot, in 256 tables, so that none
 * of them takes long to grow. The ids themselves are not here: the caller compares, and the hash spares it nearly all
 * comparisons with others.
 */
import { assert } from "../base/assert.ts";
import { ENTRY_WORDS, enter } from "./hash-entries.ts";
import { hash128 } from "./id-hash.ts";

const TABLES = 256;
const TABLE_SHIFT = 24;
const INITIAL_ENTRIES = 16;

export class HashIndex {
  /** Entries of hash and slot + 1; a power of two of them. Made when first needed. */
  readonly #tables: (Uint32Array | undefined)[] = Array.from({ length: TABLES }, () => undefined);
  readonly #counts = new Uint32Array(TABLES);
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The slot of the id, which `isAt` must confirm; -1 where there is none. */
  find(words: Uint32Array, at: number, isAt: (slot: number) => boolean): number {
    if (this.#count === 0) return -1;
    const hash = hash128(words, at);
    const table = this.#tables[hash >>> TABLE_SHIFT];
    if (table === undefined) return -1;
    const mask = table.length - 1;
    for (let probe = (hash * ENTRY_WORDS) & mask; ; probe = (probe + ENTRY_WORDS) & mask) {
      const entry = table[probe + 1] as number;
      if (entry === 0) return -1;
      if (table[probe] === hash && isAt(entry - 1)) return entry - 1;
    }
  }

  /** Adds an id that is not there. */
  add(words: Uint32Array, at: number, slot: number): void {
    const hash = hash128(words, at);
    const number = hash >>> TABLE_SHIFT;
    let table = this.#tables[number] ?? new Uint32Array(INITIAL_ENTRIES * ENTRY_WORDS);
    const count = (this.#counts[number] as number) + 1;
    if (count * ENTRY_WORDS * 2 > table.length) table = doubled(table);
    this.#tables[number] = table;
    this.#counts[number] = count;
    this.#count += 1;
    enter(table, hash, slot + 1);
  }

  /** Forgets an id. */
  remove(words: Uint32Array, at: number, slot: number): void {
    const hash = hash128(words, at);
    const number = hash >>> TABLE_SHIFT;
    const table = this.#tables[number];
    assert(table !== undefined, "an id is missing from its index");
    const mask = table.length - 1;
    let probe = (hash * ENTRY_WORDS) & mask;
    while (table[probe + 1] !== slot + 1) {
      assert(table[probe + 1] !== 0, "an id is missing from its index");
      probe = (probe + ENTRY_WORDS) & mask;
    }
    closeGap(table, probe);
    this.#counts[number] = (this.#counts[number] as number) - 1;
    this.#count -= 1;
  }
}

/** Empties an entry, and moves up those behind it that a probe would no longer find. */
function closeGap(table: Uint32Array, entry: number): void {
  const mask = table.length - 1;
  let gap = entry;
  for (let next = (gap + ENTRY_WORDS) & mask; table[next + 1] !== 0; next = (next + ENTRY_WORDS) & mask) {
    const home = ((table[next] as number) * ENTRY_WORDS) & mask;
    // It may move when its home is not behind the gap on the way to where it is.
    if (((next - home) & mask) < ((next - gap) & mask)) continue;
    table[gap] = table[next] as number;
    table[gap + 1] = table[next + 1] as number;
    gap = next;
  }
  table[gap + 1] = 0;
}

function doubled(table: Uint32Array): Uint32Array {
  const larger = new Uint32Array(table.length * 2);
  for (let at = 0; at < table.length; at += ENTRY_WORDS) {
    if (table[at + 1] !== 0) enter(larger, table[at] as number, table[at + 1] as number);
  }
  return larger;
}
