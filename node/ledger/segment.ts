/**
 * Rows that will not change any more, packed: a segment. Every column of 32-bit words is stored the shortest of two ways,
 * and each value can be read by itself.
 *
 *   packed  value = base + the row's bits; a column that is constant has no bits
 *   runs    value = the run's value + stride * (row - start of the run); stride is 0 or 1, so rising ids and timestamps,
 *           and values that change rarely, take a few words
 *
 * Form, in words: rows, columns; for each column kind, width or count, base or stride, offset of its data; the data.
 */
import { assert } from "../base/assert.ts";

const HEADER_WORDS = 2;
const COLUMN_WORDS = 4;
const PACKED = 0;
const RUNS = 1;
/** Rows that are looked at together: those of a transfer are 24 KiB, which fits the nearest cache. */
const BLOCK_ROWS = 256;

export class Segment {
  /** The packed form. */
  readonly words: Uint32Array;
  readonly rows: number;

  constructor(words: Uint32Array) {
    this.words = words;
    this.rows = words[0] as number;
  }

  get(row: number, column: number): number {
    const { words } = this;
    const at = HEADER_WORDS + column * COLUMN_WORDS;
    const offset = words[at + 3] as number;
    if (words[at] === RUNS) return valueInRuns(words, offset, words[at + 1] as number, words[at + 2] as number, row);
    const width = words[at + 1] as number;
    const base = words[at + 2] as number;
    return width === 0 ? base : (base + bitsAt(words, offset, width, row)) >>> 0;
  }

  /** All values of a column. */
  column(column: number): Uint32Array {
    const values = new Uint32Array(this.rows);
    const at = HEADER_WORDS + column * COLUMN_WORDS;
    const { words } = this;
    const offset = words[at + 3] as number;
    if (words[at] === RUNS) {
      const count = words[at + 1] as number;
      const stride = words[at + 2] as number;
      for (let run = 0; run < count; run++) {
        const start = words[offset + run] as number;
        const end = run + 1 < count ? (words[offset + run + 1] as number) : this.rows;
        const first = words[offset + count + run] as number;
        for (let row = start; row < end; row++) values[row] = first + stride * (row - start);
      }
      return values;
    }
    const width = words[at + 1] as number;
    const base = words[at + 2] as number;
    if (width === 0) return values.fill(base);
    for (let row = 0; row < values.length; row++) values[row] = base + bitsAt(words, offset, width, row);
    return values;
  }

  /** Writes all rows to `to`, one behind the other from a place on: what `packSegment` was given. */
  unpackTo(to: Uint32Array, at: number): void {
    const width = this.words[1] as number;
    for (let column = 0; column < width; column++) {
      const values = this.column(column);
      for (let row = 0, place = at + column; row < values.length; row++, place += width)
        to[place] = values[row] as number;
    }
  }

  /** Whether all rows have the same value in a column. */
  isConstant(column: number): boolean {
    const at = HEADER_WORDS + column * COLUMN_WORDS;
    return this.words[at] === PACKED && this.words[at + 1] === 0;
  }
}

function bitsAt(words: Uint32Array, offset: number, width: number, row: number): number {
  const bit = row * width;
  const at = offset + (bit >>> 5);
  const shift = bit & 31;
  let value = (words[at] as number) >>> shift;
  if (shift + width > 32) value |= (words[at + 1] as number) << (32 - shift);
  return width === 32 ? value >>> 0 : value & ((1 << width) - 1);
}

/** Starts of the runs, then their values. */
function valueInRuns(words: Uint32Array, offset: number, count: number, stride: number, row: number): number {
  let low = 0;
  let high = count - 1;
  while (low < high) {
    const middle = (low + high + 1) >>> 1;
    if ((words[offset + middle] as number) <= row) low = middle;
    else high = middle - 1;
  }
  const start = words[offset + low] as number;
  return ((words[offset + count + low] as number) + stride * (row - start)) >>> 0;
}

/** How a column will be stored. */
interface Plan {
  readonly column: number;
  readonly kind: typeof PACKED | typeof RUNS;
  /** Bits of a value, or number of runs. */
  readonly size: number;
  /** Lowest value, or stride of the runs. */
  readonly base: number;
  /** Words of data. */
  readonly length: number;
}

/** Packs `rows` rows of `width` words each, which follow each other in `source`. */
export function packSegment(source: Uint32Array, rows: number, width: number): Segment {
  const values = new Uint32Array(rows);
  const varying = varyingColumns(source, rows, width);
  const plans: Plan[] = [];
  let length = HEADER_WORDS + width * COLUMN_WORDS;
  for (let column = 0; column < width; column++) {
    let plan: Plan = { column, kind: PACKED, size: 0, base: source[column] as number, length: 0 };
    if (varying[column] === true) {
      gather(source, width, column, values);
      plan = planColumn(column, values);
    }
    plans.push(plan);
    length += plan.length;
  }
  const out = new Uint32Array(length);
  out[0] = rows;
  out[1] = width;
  let offset = HEADER_WORDS + width * COLUMN_WORDS;
  for (const { column, kind, size, base, length: words } of plans) {
    out.set([kind, size, base, offset], HEADER_WORDS + column * COLUMN_WORDS);
    if (words > 0) {
      gather(source, width, column, values);
      if (kind === RUNS) writeRuns(out, offset, values, size, base);
      else writeBits(out, offset, values, size, base);
    }
    offset += words;
  }
  return new Segment(out);
}

/**
 * For each column whether its value is not the same in all rows. Block after block, so that all columns of a block are
 * looked at while it is near; a column that is known to vary is looked at no more, and most vary in the first block.
 */
function varyingColumns(source: Uint32Array, rows: number, width: number): readonly boolean[] {
  const varying: boolean[] = [];
  for (let column = 0; column < width; column++) varying.push(false);
  for (let from = 0; from < rows; from += BLOCK_ROWS) {
    const end = Math.min(from + BLOCK_ROWS, rows) * width;
    for (let column = 0; column < width; column++) {
      if (varying[column] === true) continue;
      const first = source[column] as number;
      let bits = 0;
      for (let at = from * width + column; at < end; at += width) bits |= (source[at] as number) ^ first;
      varying[column] = bits !== 0;
    }
  }
  return varying;
}

function gather(source: Uint32Array, width: number, column: number, values: Uint32Array): void {
  for (let row = 0, at = column; row < values.length; row++, at += width) values[row] = source[at] as number;
}

function planColumn(column: number, values: Uint32Array): Plan {
  let previous = values[0] as number;
  let lowest = previous;
  let highest = previous;
  let changes = 0;
  let jumps = 0;
  for (let row = 1; row < values.length; row++) {
    const value = values[row] as number;
    if (value < lowest) lowest = value;
    if (value > highest) highest = value;
    if (value !== previous) changes += 1;
    if (value !== previous + 1) jumps += 1;
    previous = value;
  }
  const bits = 32 - Math.clz32(highest - lowest);
  const packedLength = Math.ceil((values.length * bits) / 32);
  const runs = 1 + Math.min(jumps, changes);
  if (runs * 2 >= packedLength) return { column, kind: PACKED, size: bits, base: lowest, length: packedLength };
  return { column, kind: RUNS, size: runs, base: jumps < changes ? 1 : 0, length: runs * 2 };
}

function writeRuns(out: Uint32Array, offset: number, values: Uint32Array, count: number, stride: number): void {
  let run = -1;
  for (let row = 0; row < values.length; row++) {
    if (row > 0 && values[row] === (values[row - 1] as number) + stride) continue;
    run += 1;
    out[offset + run] = row;
    out[offset + count + run] = values[row] as number;
  }
  assert(run === count - 1, "the runs of a column were miscounted");
}

function writeBits(out: Uint32Array, offset: number, values: Uint32Array, width: number, base: number): void {
  let at = offset;
  let word = 0;
  let filled = 0;
  for (let row = 0; row < values.length; row++) {
    const value = (values[row] as number) - base;
    word |= value << filled;
    filled += width;
    if (filled < 32) continue;
    out[at] = word;
    at += 1;
    filled -= 32;
    word = filled === 0 ? 0 : value >>> (width - filled);
  }
  if (filled > 0) out[at] = word;
}

/** Takes back the packed form; asserts that it is one, of rows of this shape. */
export function readSegment(bytes: Uint8Array, rows: number, width: number): Segment {
  assert(bytes.length % 4 === 0 && bytes.length >= 4 * HEADER_WORDS, "a segment has an odd length");
  const words = new Uint32Array(bytes.slice().buffer);
  assert(words[0] === rows && words[1] === width, "a segment has rows of another shape");
  assert(words.length >= HEADER_WORDS + width * COLUMN_WORDS, "a segment does not describe all columns");
  for (let column = 0; column < width; column++) checkColumn(words, rows, HEADER_WORDS + column * COLUMN_WORDS);
  return new Segment(words);
}

/** Runs must follow each other, or reading them could take as long as whoever made them likes. */
function checkColumn(words: Uint32Array, rows: number, at: number): void {
  const [kind, size, , offset] = words.subarray(at, at + COLUMN_WORDS) as unknown as [number, number, number, number];
  assert(kind === PACKED || kind === RUNS, "a segment has a column of an unknown kind");
  const length = kind === RUNS ? 2 * size : Math.ceil((rows * size) / 32);
  assert((kind === RUNS ? size > 0 : size <= 32) && offset + length <= words.length, "a segment is cut off");
  if (kind === PACKED) return;
  let behind = 0;
  for (let run = 0; run < size; run++) {
    const start = words[offset + run] as number;
    assert(run === 0 ? start === 0 : start >= behind && start < rows, "the runs of a segment do not follow each other");
    behind = start + 1;
  }
}
