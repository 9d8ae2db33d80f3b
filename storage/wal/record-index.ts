/** Where each record of the log is, its term and its hash: flat, so that a long log costs little memory (56 bytes each). */
import type { LogStart, WalRecord } from "./log-store.ts";

const HASH_BYTES = 32;
const INITIAL_RECORDS = 64;

export interface RecordPlace {
  /** First index of the segment. */
  readonly segment: number;
  readonly offset: number;
}

export class RecordIndex {
  /** Undefined for a log that begins at index 1. */
  #start: LogStart | undefined;
  #count = 0;
  #terms = new Float64Array(INITIAL_RECORDS);
  #segments = new Float64Array(INITIAL_RECORDS);
  #offsets = new Float64Array(INITIAL_RECORDS);
  #hashes = new Uint8Array(INITIAL_RECORDS * HASH_BYTES);

  constructor(start?: LogStart) {
    this.#start = start;
  }

  get firstIndex(): number {
    return (this.#start?.index ?? 0) + 1;
  }

  get lastIndex(): number {
    return this.firstIndex - 1 + this.#count;
  }

  /** Adds the record behind the last. */
  add(record: WalRecord, segment: number, offset: number): void {
    if (this.#count === this.#terms.length) this.#grow();
    this.#terms[this.#count] = record.term;
    this.#segments[this.#count] = segment;
    this.#offsets[this.#count] = offset;
    this.#hashes.set(record.hash, this.#count * HASH_BYTES);
    this.#count += 1;
  }

  term(index: number): number | undefined {
    const at = this.#position(index);
    return at === undefined ? this.#before(index)?.term : this.#terms[at];
  }

  /** A copy of the record's hash. */
  hash(index: number): Uint8Array | undefined {
    const at = this.#position(index);
    if (at === undefined) return this.#before(index)?.hash.slice();
    return this.#hashes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES);
  }

  place(index: number): RecordPlace | undefined {
    const at = this.#position(index);
    return at === undefined
      ? undefined
      : { segment: this.#segments[at] as number, offset: this.#offsets[at] as number };
  }

  /** Forgets the records from `from` on. */
  truncate(from: number): void {
    this.#count = from - this.firstIndex;
  }

  /** Forgets the records up to where the log begins now. */
  compact(start: LogStart): void {
    const dropped = start.index + 1 - this.firstIndex;
    for (const column of [this.#terms, this.#segments, this.#offsets]) column.copyWithin(0, dropped, this.#count);
    this.#hashes.copyWithin(0, dropped * HASH_BYTES, this.#count * HASH_BYTES);
    this.#count -= dropped;
    this.#start = start;
  }

  /** Forgets all records: the log is empty and begins there. */
  reset(start: LogStart): void {
    this.#start = start;
    this.#count = 0;
  }

  #position(index: number): number | undefined {
    return index >= this.firstIndex && index <= this.lastIndex ? index - this.firstIndex : undefined;
  }

  #before(index: number): LogStart | undefined {
    return this.#start?.index === index ? this.#start : undefined;
  }

  #grow(): void {
    const capacity = this.#terms.length * 2;
    const widen = (column: Float64Array<ArrayBuffer>): Float64Array<ArrayBuffer> => {
      const wider = new Float64Array(capacity);
      wider.set(column);
      return wider;
    };
    this.#terms = widen(this.#terms);
    this.#segments = widen(this.#segments);
    this.#offsets = widen(this.#offsets);
    const hashes = new Uint8Array(capacity * HASH_BYTES);
    hashes.set(this.#hashes);
    this.#hashes = hashes;
  }
}
