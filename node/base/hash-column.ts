/**
 * Hashes by height, for as many blocks as a log has: in chunks of bytes outside of the heap, 33 bytes each, where a `Map` has
 * room for 16 million entries and takes some hundred bytes of heap for each.
 */
import { assert } from "./assert.ts";

const HASH_BYTES = 32;
const CHUNK_HASHES = 4_096;

interface Chunk {
  readonly hashes: Uint8Array;
  /** 1 where there is one. */
  readonly known: Uint8Array;
}

export class HashColumn {
  readonly #chunks = new Map<number, Chunk>();

  set(height: number, hash: Uint8Array): void {
    assert(hash.length === HASH_BYTES, "hashes have 32 bytes");
    const at = height % CHUNK_HASHES;
    const { hashes, known } = this.#chunk(height) ?? this.#grow(height);
    hashes.set(hash, at * HASH_BYTES);
    known[at] = 1;
  }

  /** A copy. */
  get(height: number): Uint8Array | undefined {
    const at = height % CHUNK_HASHES;
    const chunk = this.#chunk(height);
    if (chunk?.known[at] !== 1) return undefined;
    return chunk.hashes.slice(at * HASH_BYTES, (at + 1) * HASH_BYTES);
  }

  #chunk(height: number): Chunk | undefined {
    return this.#chunks.get(Math.floor(height / CHUNK_HASHES));
  }

  #grow(height: number): Chunk {
    const chunk = { hashes: new Uint8Array(CHUNK_HASHES * HASH_BYTES), known: new Uint8Array(CHUNK_HASHES) };
    this.#chunks.set(Math.floor(height / CHUNK_HASHES), chunk);
    return chunk;
  }
}
