/**
 * The rows of a segment in the order of a field, so that those with a wanted value are found by halving: two bytes a row
 * and field, three where the values are many, and nothing where all rows have the same value.
 */
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import type { Segment } from "./segment.ts";

/** A field that queries ask for: its columns, and which bits of them. */
export interface Field {
  readonly column: number;
  readonly width: number;
  readonly mask: number;
}

const ALL_BITS = 0xffff_ffff;

export type FieldName = "debit" | "credit" | "userData128" | "userData64" | "userData32" | "ledger" | "code";

export const FIELDS: Readonly<Record<FieldName, Field>> = {
  debit: { column: ROW.debit, width: 1, mask: ALL_BITS },
  credit: { column: ROW.credit, width: 1, mask: ALL_BITS },
  userData128: { column: ROW.userData128, width: 4, mask: ALL_BITS },
  userData64: { column: ROW.userData64, width: 2, mask: ALL_BITS },
  userData32: { column: ROW.userData32, width: 1, mask: ALL_BITS },
  ledger: { column: ROW.ledger, width: 1, mask: ALL_BITS },
  code: { column: ROW.codeFlags, width: 1, mask: layout.CODE_MASK },
};

/** Of a search that begins near its end. */
const FIRST_STEP = 16;
const FILTER_BITS_PER_ROW = 8;
const RADIX_BITS = 11;
const BUCKETS: number = 1 << RADIX_BITS;

/** Rows [from, to) of an order; without an order they are the rows themselves. */
export interface RowRange {
  readonly order: Uint16Array | undefined;
  readonly from: number;
  readonly to: number;
}

export class SegmentOrder {
  readonly #segment: Segment;
  readonly #field: Field;
  /** Rows by key, then by number; undefined where all have the same key. */
  readonly #rows: Uint16Array | undefined;
  readonly #ends: { readonly lowest: number; readonly highest: number };
  readonly #filter: KeyFilter | undefined;

  constructor(segment: Segment, field: Field) {
    this.#segment = segment;
    this.#field = field;
    const keys = isConstant(segment, field) ? undefined : keysOf(segment, field);
    this.#rows = keys === undefined ? undefined : sortRows(keys);
    this.#filter = keys === undefined || this.#rows === undefined ? undefined : filterOf(keys, this.#rows);
    this.#ends = { lowest: this.#keyAt(this.#rows?.[0] ?? 0), highest: this.#keyAt(this.#rows?.at(-1) ?? 0) };
  }

  /** The rows whose key is that of a wanted value; among wider fields others may have it, too. */
  range(key: number): RowRange {
    const { rows } = this.#segment;
    const order = this.#rows;
    if (order === undefined) return { order, from: 0, to: this.#keyAt(0) === key ? rows : 0 };
    if (this.#filter !== undefined && !this.#filter.mayHave(key)) return { order, from: 0, to: 0 };
    const from = this.#first(order, key);
    const found = from < order.length && this.#keyAt(order[from] as number) === key;
    return { order, from, to: found ? this.#first(order, key + 1) : from };
  }

  /**
   * First place in the order whose key is not less. Keys are often spread evenly: the search begins where the key should
   * then be, and widens its steps from there, so that it touches little of a memory that is large.
   */
  #first(order: Uint16Array, key: number): number {
    const { lowest, highest } = this.#ends;
    if (key <= lowest) return 0;
    if (key > highest) return order.length;
    const guess = Math.floor(((key - lowest) / (highest - lowest)) * (order.length - 1));
    let low = guess;
    let high = guess;
    if (this.#isBefore(order, guess, key)) {
      for (let step = FIRST_STEP; high < order.length && this.#isBefore(order, high, key); step *= 2) {
        low = high + 1;
        high += step;
      }
      high = Math.min(high, order.length);
    } else {
      for (let step = FIRST_STEP; low > 0 && !this.#isBefore(order, low, key); step *= 2) {
        high = low;
        low -= step;
      }
      low = Math.max(low, 0);
    }
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#isBefore(order, middle, key)) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  #isBefore(order: Uint16Array, place: number, key: number): boolean {
    return this.#keyAt(order[place] as number) < key;
  }

  #keyAt(row: number): number {
    return keyAt(this.#segment, this.#field, row);
  }
}

/** The number that stands for a value of a field: the value itself, or for wider fields a hash of it. */
export function keyOf(field: Field, value: Uint32Array): number {
  let key = ((value[0] as number) & field.mask) >>> 0;
  for (let word = 1; word < field.width; word++) key = mix(key, value[word] as number);
  return key;
}

function keyAt(segment: Segment, field: Field, row: number): number {
  let key = (segment.get(row, field.column) & field.mask) >>> 0;
  for (let word = 1; word < field.width; word++) key = mix(key, segment.get(row, field.column + word));
  return key;
}

function mix(key: number, word: number): number {
  const h = Math.imul(key ^ (key >>> 15), 0x85eb_ca6b) ^ word;
  return Math.imul(h ^ (h >>> 13), 0xc2b2_ae35) >>> 0;
}

function isConstant(segment: Segment, field: Field): boolean {
  for (let word = 0; word < field.width; word++) if (!segment.isConstant(field.column + word)) return false;
  return true;
}

/**
 * Which keys a segment may have: a bit for each of their hashes, eight bits a row. One look tells of most keys that are
 * not there that they are not.
 */
class KeyFilter {
  readonly #bits: Uint32Array;
  readonly #shift: number;

  constructor(keys: Uint32Array) {
    const bits = Math.max(32, keys.length * FILTER_BITS_PER_ROW);
    this.#bits = new Uint32Array(bits / 32);
    this.#shift = Math.clz32(bits) + 1;
    for (let row = 0; row < keys.length; row++) {
      const bit = this.#bitOf(keys[row] as number);
      this.#bits[bit >>> 5] = (this.#bits[bit >>> 5] as number) | (1 << (bit & 31));
    }
  }

  mayHave(key: number): boolean {
    const bit = this.#bitOf(key);
    return ((this.#bits[bit >>> 5] as number) & (1 << (bit & 31))) !== 0;
  }

  #bitOf(key: number): number {
    return Math.imul(key, 0x9e37_79b1) >>> this.#shift;
  }
}

/** A filter, where most keys are of one row; where keys come often, nearly every segment has them all. */
function filterOf(keys: Uint32Array, order: Uint16Array): KeyFilter | undefined {
  let different = 1;
  for (let place = 1; place < order.length; place++) {
    if (keys[order[place] as number] !== keys[order[place - 1] as number]) different += 1;
  }
  return different * 2 > order.length ? new KeyFilter(keys) : undefined;
}

/** The keys of all rows. */
function keysOf(segment: Segment, field: Field): Uint32Array {
  const keys = segment.column(field.column);
  for (let row = 0; row < keys.length; row++) keys[row] = (keys[row] as number) & field.mask;
  for (let word = 1; word < field.width; word++) {
    const words = segment.column(field.column + word);
    for (let row = 0; row < keys.length; row++) keys[row] = mix(keys[row] as number, words[row] as number);
  }
  return keys;
}

/** Row numbers sorted by key, stable: a radix sort that passes over digits in which all keys agree. */
function sortRows(keys: Uint32Array): Uint16Array | undefined {
  const rows = keys.length;
  let varying = 0;
  for (let row = 0; row < rows; row++) varying |= (keys[row] as number) ^ (keys[0] as number);
  if (varying === 0) return undefined;
  let order = new Uint16Array(rows);
  let sorted = new Uint16Array(rows);
  for (let row = 0; row < rows; row++) order[row] = row;
  const ends = new Uint32Array(BUCKETS);
  for (let shift = 0; shift < 32; shift += RADIX_BITS) {
    if (((varying >>> shift) & (BUCKETS - 1)) === 0) continue;
    countDigits(keys, shift, ends);
    for (let place = rows - 1; place >= 0; place--) {
      const row = order[place] as number;
      const digit = ((keys[row] as number) >>> shift) & (BUCKETS - 1);
      const end = (ends[digit] as number) - 1;
      ends[digit] = end;
      sorted[end] = row;
    }
    [order, sorted] = [sorted, order];
  }
  return order;
}

/** For each digit, how many keys have it or a lesser one. */
function countDigits(keys: Uint32Array, shift: number, ends: Uint32Array): void {
  ends.fill(0);
  for (let row = 0; row < keys.length; row++) {
    const digit = ((keys[row] as number) >>> shift) & (BUCKETS - 1);
    ends[digit] = (ends[digit] as number) + 1;
  }
  let sum = 0;
  for (let digit = 0; digit < BUCKETS; digit++) {
    sum += ends[digit] as number;
    ends[digit] = sum;
  }
}
