/**
 * Rows of 32-bit words that are only ever appended: the newest as they are, in the tail; the rest packed in segments. A
 * row's number, its slot, never changes. Only rows of a linked chain that fails are taken away again.
 */
import { assert } from "../base/assert.ts";
import { readU32 } from "../base/bytes.ts";
import type { Paged } from "../base/paged.ts";
import { packSegment, readSegment, type Segment } from "./segment.ts";
import { compare64, u64At } from "./words.ts";

const TAIL_PAGE_ROWS = 1_024;
const INITIAL_TAIL_ROWS = 256;
/** Rows that a batch may add before the tail can be packed; some add two an event. */
const BATCH_ROWS = 8_192;
/** First word of a page of the tail, before its rows, which are packed, too; that of a segment tells how many it has. */
const TAIL_MARK = 0;

export interface RowTableOptions {
  readonly name: string;
  /** Words in a row. */
  readonly width: number;
  /** Rows in a segment; a power of two. */
  readonly segmentRows: number;
}

export class RowTable implements Paged {
  readonly name: string;
  readonly width: number;
  readonly segmentRows: number;
  readonly segments: Segment[] = [];
  /** The rows behind the segments, one after another. Replaced when it grows: never kept. */
  tail: Uint32Array<ArrayBuffer>;
  readonly #shift: number;
  readonly #time = new Uint32Array(2);
  #tailRows = 0;
  /** What the last checkpoint has. */
  #saved = { segments: 0, tailRows: 0 };

  constructor({ name, width, segmentRows }: RowTableOptions) {
    assert(segmentRows > 0 && (segmentRows & (segmentRows - 1)) === 0, "a segment's rows must be a power of two");
    this.name = name;
    this.width = width;
    this.segmentRows = segmentRows;
    this.#shift = 31 - Math.clz32(segmentRows);
    this.tail = new Uint32Array(INITIAL_TAIL_ROWS * width);
  }

  get count(): number {
    return this.sealedRows + this.#tailRows;
  }

  get sealedRows(): number {
    return this.segments.length * this.segmentRows;
  }

  get tailRows(): number {
    return this.#tailRows;
  }

  /** Appends a row and returns where in the tail its words begin; the caller must write all of them. */
  push(): number {
    const at = this.#tailRows * this.width;
    if (at === this.tail.length) this.#grow();
    this.#tailRows += 1;
    return at;
  }

  get(slot: number, column: number): number {
    const inTail = slot - this.sealedRows;
    if (inTail >= 0) return this.tail[inTail * this.width + column] as number;
    return (this.segments[slot >>> this.#shift] as Segment).get(slot & (this.segmentRows - 1), column);
  }

  /** Copies `count` words of a row. */
  copy(slot: number, column: number, count: number, to: Uint32Array, at: number): void {
    const inTail = slot - this.sealedRows;
    if (inTail >= 0) {
      const from = inTail * this.width + column;
      for (let word = 0; word < count; word++) to[at + word] = this.tail[from + word] as number;
      return;
    }
    const segment = this.segments[slot >>> this.#shift] as Segment;
    const row = slot & (this.segmentRows - 1);
    for (let word = 0; word < count; word++) to[at + word] = segment.get(row, column + word);
  }

  /** Takes the newest rows away until `count` are left; they must still be in the tail. */
  truncate(count: number): void {
    assert(count >= this.sealedRows && count <= this.count, "only rows of the tail can be taken away");
    this.#tailRows = count - this.sealedRows;
  }

  /** Packs the oldest rows of the tail once they fill a segment; undefined when they do not. */
  seal(): Segment | undefined {
    if (this.#tailRows < this.segmentRows) return undefined;
    const segment = packSegment(this.tail, this.segmentRows, this.width);
    this.tail.copyWithin(0, this.segmentRows * this.width, this.#tailRows * this.width);
    this.segments.push(segment);
    this.#tailRows -= this.segmentRows;
    return segment;
  }

  /** Packs all that fills segments. */
  sealAll(): void {
    while (this.seal() !== undefined);
  }

  /** First slot in [from, to) at which `isBehind` holds, or `to`; it must hold for all slots after the first. */
  search(from: number, to: number, isBehind: (slot: number) => boolean): number {
    let low = from;
    let high = to;
    while (low < high) {
      const middle = low + ((high - low) >>> 1);
      if (isBehind(middle)) high = middle;
      else low = middle + 1;
    }
    return low;
  }

  /** The time in two columns of a row. */
  timeAt(slot: number, column: number): bigint {
    this.copy(slot, column, 2, this.#time, 0);
    return u64At(this.#time, 0);
  }

  /** First slot whose time, in two columns and never falling, is not before the one in `words`; else the count. */
  firstFrom(column: number, words: Uint32Array, at: number): number {
    const time = this.#time;
    return this.search(0, this.count, (slot) => {
      this.copy(slot, column, 2, time, 0);
      return compare64(time, 0, words, at) >= 0;
    });
  }

  /** Whether a row bears exactly this time. */
  hasTime(column: number, words: Uint32Array, at: number): boolean {
    const slot = this.firstFrom(column, words, at);
    return slot < this.count && this.get(slot, column) === words[at] && this.get(slot, column + 1) === words[at + 1];
  }

  pageCount(): number {
    return this.segments.length + Math.ceil(this.#tailRows / TAIL_PAGE_ROWS);
  }

  dirtyPages(): readonly number[] {
    const { segments, tailRows } = this.#saved;
    const moved = this.segments.length > segments;
    const cleanTailPages = moved ? 0 : Math.floor(tailRows / TAIL_PAGE_ROWS);
    const grown = moved || this.#tailRows > tailRows;
    const pages: number[] = [];
    for (let page = segments; page < this.segments.length; page++) pages.push(page);
    const firstTailPage = this.segments.length + cleanTailPages;
    if (grown) for (let page = firstTailPage; page < this.pageCount(); page++) pages.push(page);
    return pages;
  }

  encodePage(page: number): Uint8Array {
    const segment = this.segments[page];
    if (segment !== undefined) return new Uint8Array(segment.words.slice().buffer);
    const from = (page - this.segments.length) * TAIL_PAGE_ROWS;
    const to = Math.min(from + TAIL_PAGE_ROWS, this.#tailRows);
    const packed = packSegment(this.tail.subarray(from * this.width, to * this.width), to - from, this.width);
    const words = new Uint32Array(1 + packed.words.length);
    words[0] = TAIL_MARK;
    words.set(packed.words, 1);
    return new Uint8Array(words.buffer);
  }

  markClean(): void {
    this.#saved = { segments: this.segments.length, tailRows: this.#tailRows };
  }

  decodePage(_page: number, bytes: Uint8Array): void {
    const isTail = bytes.length >= 4 && bytes[0] === 0 && bytes[1] === 0 && bytes[2] === 0 && bytes[3] === 0;
    if (!isTail) {
      assert(this.#tailRows === 0, "segments come before the tail");
      this.segments.push(readSegment(bytes, this.segmentRows, this.width));
      return;
    }
    const rows = bytes.length < 8 ? 0 : readU32(bytes, 4);
    assert(rows > 0 && rows <= TAIL_PAGE_ROWS, "a page of the tail has another number of rows");
    assert(this.#tailRows % TAIL_PAGE_ROWS === 0, "only the last page of the tail is not full");
    assert(this.#tailRows < this.segmentRows + BATCH_ROWS, "the tail is longer than one may be");
    const packed = readSegment(bytes.subarray(4), rows, this.width);
    const first = this.#tailRows * this.width;
    for (let row = 0; row < rows; row++) this.push();
    packed.unpackTo(this.tail, first);
  }

  restored(): void {
    this.markClean();
  }

  /** Doubles the tail until it holds a segment; from then on it needs room for one more batch only. */
  #grow(): void {
    const rows = this.tail.length / this.width;
    const larger = new Uint32Array((rows < this.segmentRows ? rows * 2 : rows + BATCH_ROWS) * this.width);
    larger.set(this.tail);
    this.tail = larger;
  }
}
