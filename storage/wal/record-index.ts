/**
 * Where each record of the log is, its term and its hash: flat, so that a long log costs little memory (56 bytes each).
 * The log begins at index 1.
 */
import type { WalRecord } from "./log-store.ts";

const HASH_BYTES = 32;
const INITIAL_RECORDS = 64;

export interface RecordPlace {
  /** First index of the segment. */
  readonly segment: number;
  readonly offset: number;
}

export class RecordIndex {
  #count = 0;
  #terms = new Float64Array(INITIAL_RECORDS);
  #segments = new Float64Array(INITIAL_RECORDS);
  #offsets = new Float64Array(INITIAL_RECORDS);
  #hashes = new Uint8Array(INITIAL_RECORDS * HASH_BYTES);

  get lastIndex(): number {
    return this.#count;
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
    return this.#has(index) ? this.#terms[index - 1] : undefined;
  }

  /** A copy of the record's hash. */
  hash(index: number): Uint8Array | undefined {
    if (!this.#has(index)) return undefined;
    const at = (index - 1) * HASH_BYTES;
    return this.#hashes.slice(at, at + HASH_BYTES);
  }

  place(index: number): RecordPlace | undefined {
    if (!this.#has(index)) return undefined;
    const at = index - 1;
    return { segment: this.#segments[at] as number, offset: this.#offsets[at] as number };
  }

  /** Forgets the records from `from` on. */
  truncate(from: number): void {
    this.#count = from - 1;
  }

  #has(index: number): boolean {
    return index >= 1 && index <= this.#count;
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
