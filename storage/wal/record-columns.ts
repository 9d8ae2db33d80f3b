/**
 * Where each record of a log is, its term and its hash, in columns of numbers and bytes: 52 bytes a record, outside of the
 * heap. The columns are cut into chunks by index, so that a log that grows never waits for old records to be copied, has no
 * length at which one array is too small for it, and gives memory back where records go.
 */
import type { WalRecord } from "./log-store.ts";

const HASH_BYTES = 32;
const CHUNK_RECORDS = 4_096;

interface Chunk {
  readonly terms: Float64Array;
  readonly files: Float64Array;
  /** 0 where there is no record: a file begins with its header. */
  readonly offsets: Uint32Array;
  readonly hashes: Uint8Array;
}

export class RecordColumns {
  readonly #chunkRecords: number;
  /** By index divided by the records of a chunk. */
  readonly #chunks = new Map<number, Chunk>();

  constructor(chunkRecords: number = CHUNK_RECORDS) {
    this.#chunkRecords = chunkRecords;
  }

  /** For how many records there is memory now. */
  get capacity(): number {
    return this.#chunks.size * this.#chunkRecords;
  }

  /** `file` is any number by which the caller knows the file; `offset` is not 0. */
  set(index: number, { term, hash }: Pick<WalRecord, "term" | "hash">, file: number, offset: number): void {
    const at = index % this.#chunkRecords;
    const chunk = this.#chunk(index) ?? this.#grow(index);
    chunk.terms[at] = term;
    chunk.files[at] = file;
    chunk.offsets[at] = offset;
    chunk.hashes.set(hash, at * HASH_BYTES);
  }

  term(index: number): number | undefined {
    return this.#holder(index)?.terms[index % this.#chunkRecords];
  }

  file(index: number): number | undefined {
    return this.#holder(index)?.files[index % this.#chunkRecords];
  }

  offset(index: number): number | undefined {
    return this.#holder(index)?.offsets[index % this.#chunkRecords];
  }

  /** A copy of the record's hash. */
  hash(index: number): Uint8Array | undefined {
    const at = (index % this.#chunkRecords) * HASH_BYTES;
    return this.#holder(index)?.hashes.slice(at, at + HASH_BYTES);
  }

  delete(index: number): void {
    const chunk = this.#chunk(index);
    if (chunk !== undefined) chunk.offsets[index % this.#chunkRecords] = 0;
  }

  deleteFrom(from: number): void {
    this.#deleteRange(from, Number.POSITIVE_INFINITY);
  }

  deleteBefore(index: number): void {
    this.#deleteRange(0, index);
  }

  /** `to` is not included. */
  #deleteRange(from: number, to: number): void {
    for (const [number, { offsets }] of this.#chunks) {
      const first = number * this.#chunkRecords;
      const end = first + this.#chunkRecords;
      if (from <= first && end <= to) this.#chunks.delete(number);
      else if (from < end && first < to) offsets.fill(0, Math.max(from, first) - first, Math.min(to, end) - first);
    }
  }

  #chunk(index: number): Chunk | undefined {
    return this.#chunks.get(Math.floor(index / this.#chunkRecords));
  }

  /** The chunk of a record that is there. */
  #holder(index: number): Chunk | undefined {
    const chunk = this.#chunk(index);
    return chunk !== undefined && chunk.offsets[index % this.#chunkRecords] !== 0 ? chunk : undefined;
  }

  #grow(index: number): Chunk {
    const records = this.#chunkRecords;
    const chunk = {
      terms: new Float64Array(records),
      files: new Float64Array(records),
      offsets: new Uint32Array(records),
      hashes: new Uint8Array(records * HASH_BYTES),
    };
    this.#chunks.set(Math.floor(index / records), chunk);
    return chunk;
  }
}
