/**
 * Arrays for what is small and soon gone, cut from larger ones, as Node cuts its small buffers: an allocation for each would
 * cost more than to write it (0.25 us instead of 0.02), and be one thing more for the collector to free. Whoever keeps one
 * for long keeps a slab.
 */

const CUT_BYTES_MAX = 4_096;
const SLAB_BYTES = 65_536;

export class Slab {
  #bytes = new Uint8Array(0);
  #used = 0;

  /** An array of zeros, cut from a slab unless it is large. */
  cut(length: number): Uint8Array {
    if (length > CUT_BYTES_MAX) return new Uint8Array(length);
    if (this.#used + length > this.#bytes.length) {
      this.#bytes = new Uint8Array(SLAB_BYTES);
      this.#used = 0;
    }
    const from = this.#used;
    this.#used = from + length;
    return this.#bytes.subarray(from, this.#used);
  }

  /** One array holding all chunks in order. */
  join(chunks: readonly Uint8Array[]): Uint8Array {
    let length = 0;
    for (const chunk of chunks) length += chunk.length;
    const all = this.cut(length);
    let offset = 0;
    for (const chunk of chunks) {
      all.set(chunk, offset);
      offset += chunk.length;
    }
    return all;
  }
}
