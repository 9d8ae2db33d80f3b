/**
 * From transfer ids to slots. Ids that rise cost nothing: a segment whose ids rise, and begin behind those of all such
 * segments before it, is searched by its own rows, and an id beyond all of them is new by one comparison. The ids of any
 * other segment are in a hash index. The tail counts as rising until an id in it does not rise.
 */
import { HashIndex } from "./hash-index.ts";
import { ROW } from "./layout.ts";
import type { RowTable } from "./row-table.ts";
import type { Segment } from "./segment.ts";
import { compare, copy, equal, U128_WORDS } from "./words.ts";

/** A segment whose ids rise. */
interface RisingSegment {
  readonly number: number;
  readonly segment: Segment;
  /** First and last id. */
  readonly ends: Uint32Array;
}

export class TransferIds {
  readonly #table: RowTable;
  readonly #hashed = new HashIndex();
  readonly #rising: RisingSegment[] = [];
  #tailRises = true;
  /** The highest of the ids that rise; zero at first, which is no id. */
  readonly #highest = new Uint32Array(U128_WORDS);
  /** What `#isWanted` compares with. */
  #wanted: Uint32Array = this.#highest;
  #wantedAt = 0;

  constructor(table: RowTable) {
    this.#table = table;
  }

  /** The slot of an id, or -1. */
  find(words: Uint32Array, at: number): number {
    if (compare(words, at, this.#highest, 0) <= 0) {
      const slot = this.#findRising(words, at);
      if (slot >= 0) return slot;
    }
    if (this.#hashed.count === 0) return -1;
    this.#wanted = words;
    this.#wantedAt = at;
    return this.#hashed.find(words, at, this.#isWanted);
  }

  /** Indexes the newest row, whose id was not there. */
  added(): void {
    const { tail, tailRows, width } = this.#table;
    const at = (tailRows - 1) * width;
    if (this.#tailRises && compare(tail, at, this.#highest, 0) > 0) {
      copy(tail, at, this.#highest, 0);
      return;
    }
    if (this.#tailRises) {
      this.#tailRises = false;
      this.#lowerHighest();
      for (let row = 0; row < tailRows - 1; row++) this.#hash(row);
    }
    this.#hash(tailRows - 1);
  }

  /** Forgets the newest row, which is in the tail; called before it goes. */
  removing(): void {
    const { tail, tailRows, width } = this.#table;
    if (!this.#tailRises) this.#unhash(tailRows - 1);
    else if (tailRows > 1) copy(tail, (tailRows - 2) * width, this.#highest, 0);
    else this.#lowerHighest();
  }

  /** The oldest rows of the tail have become the newest segment. */
  sealed(): void {
    const { segments, tailRows } = this.#table;
    const number = segments.length - 1;
    if (this.#tailRises) this.#rising.push(risingSegment(number, segments[number] as Segment));
    else if (this.#tailRowsRise()) {
      // One id out of order has cost no more than its segment.
      for (let row = 0; row < tailRows; row++) this.#unhash(row);
      this.#raiseOverTail();
    }
  }

  /** After all rows came back. */
  restored(): void {
    const { segments, segmentRows, tailRows } = this.#table;
    const id = new Uint32Array(U128_WORDS);
    segments.forEach((segment, number) => {
      if (rises(segment, this.#highest)) {
        const rising = risingSegment(number, segment);
        this.#rising.push(rising);
        copy(rising.ends, U128_WORDS, this.#highest, 0);
        return;
      }
      for (let row = 0; row < segmentRows; row++) {
        readId(segment, row, id, 0);
        this.#hashed.add(id, 0, number * segmentRows + row);
      }
    });
    this.#tailRises = this.#tailRowsRise();
    if (this.#tailRises) this.#raiseOverTail();
    else for (let row = 0; row < tailRows; row++) this.#hash(row);
  }

  #hash(tailRow: number): void {
    const { tail, width, sealedRows } = this.#table;
    this.#hashed.add(tail, tailRow * width, sealedRows + tailRow);
  }

  #unhash(tailRow: number): void {
    const { tail, width, sealedRows } = this.#table;
    this.#hashed.remove(tail, tailRow * width, sealedRows + tailRow);
  }

  /** Whether the ids of the tail rise, and begin behind what rises so far without them. */
  #tailRowsRise(): boolean {
    const { tail, tailRows, width } = this.#table;
    for (let row = 0; row < tailRows; row++) {
      const behind = row === 0 ? this.#highest : tail;
      if (compare(tail, row * width, behind, row === 0 ? 0 : (row - 1) * width) <= 0) return false;
    }
    return true;
  }

  #raiseOverTail(): void {
    const { tail, tailRows, width } = this.#table;
    this.#tailRises = true;
    if (tailRows > 0) copy(tail, (tailRows - 1) * width, this.#highest, 0);
  }

  /** The tail does not count any more among what rises. */
  #lowerHighest(): void {
    const newest = this.#rising.at(-1);
    if (newest === undefined) this.#highest.fill(0);
    else copy(newest.ends, U128_WORDS, this.#highest, 0);
  }

  readonly #isWanted = (slot: number): boolean => {
    const { tail, width, sealedRows, segments, segmentRows } = this.#table;
    if (slot >= sealedRows) return equal(tail, (slot - sealedRows) * width, this.#wanted, this.#wantedAt);
    const segment = segments[Math.floor(slot / segmentRows)] as Segment;
    return compareId(segment, slot % segmentRows, this.#wanted, this.#wantedAt) === 0;
  };

  #findRising(words: Uint32Array, at: number): number {
    const { tail, tailRows, sealedRows, segmentRows } = this.#table;
    if (this.#tailRises && tailRows > 0 && compare(words, at, tail, 0) >= 0) {
      const row = this.#findInTail(words, at);
      return row < 0 ? -1 : sealedRows + row;
    }
    const rising = this.#segmentFor(words, at);
    if (rising === undefined) return -1;
    const row = findInSegment(rising, words, at);
    return row < 0 ? -1 : rising.number * segmentRows + row;
  }

  #findInTail(words: Uint32Array, at: number): number {
    const { tail, tailRows, width } = this.#table;
    // Where ids are consecutive, the distance from the newest tells the row.
    const distance = (this.#highest[0] as number) - (words[at] as number);
    if (distance >= 0 && distance < tailRows) {
      const row = tailRows - 1 - distance;
      if (equal(tail, row * width, words, at)) return row;
    }
    let low = 0;
    let high = tailRows;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare(tail, middle * width, words, at) < 0) low = middle + 1;
      else high = middle;
    }
    return low < tailRows && equal(tail, low * width, words, at) ? low : -1;
  }

  /** The rising segment that would have the id. */
  #segmentFor(words: Uint32Array, at: number): RisingSegment | undefined {
    let low = 0;
    let high = this.#rising.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compare((this.#rising[middle] as RisingSegment).ends, U128_WORDS, words, at) < 0) low = middle + 1;
      else high = middle;
    }
    const found = this.#rising[low];
    return found !== undefined && compare(found.ends, 0, words, at) <= 0 ? found : undefined;
  }
}

function risingSegment(number: number, segment: Segment): RisingSegment {
  const ends = new Uint32Array(2 * U128_WORDS);
  readId(segment, 0, ends, 0);
  readId(segment, segment.rows - 1, ends, U128_WORDS);
  return { number, segment, ends };
}

function readId(segment: Segment, row: number, to: Uint32Array, at: number): void {
  for (let word = 0; word < U128_WORDS; word++) to[at + word] = segment.get(row, ROW.id + word);
}

/** Negative, zero or positive as the row's id is less than, equal to or greater than the one in `words`. */
function compareId(segment: Segment, row: number, words: Uint32Array, at: number): number {
  for (let word = U128_WORDS - 1; word >= 0; word--) {
    const difference = segment.get(row, ROW.id + word) - (words[at + word] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function findInSegment({ segment, ends }: RisingSegment, words: Uint32Array, at: number): number {
  const distance = (words[at] as number) - (ends[0] as number);
  if (distance >= 0 && distance < segment.rows && compareId(segment, distance, words, at) === 0) return distance;
  let low = 0;
  let high = segment.rows;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (compareId(segment, middle, words, at) < 0) low = middle + 1;
    else high = middle;
  }
  return low < segment.rows && compareId(segment, low, words, at) === 0 ? low : -1;
}

/** Whether the ids of a segment rise, and begin behind `behind`. */
function rises(segment: Segment, behind: Uint32Array): boolean {
  const previous = behind.slice();
  for (let row = 0; row < segment.rows; row++) {
    if (compareId(segment, row, previous, 0) <= 0) return false;
    readId(segment, row, previous, 0);
  }
  return true;
}
