/**
 * One large buffer that is used again and again. A fresh mebibyte is a mapping of memory that the kernel fills with zeros page
 * by page when it is first written, and gives back when the collector comes to it: 0.05 to 0.3 ms, as much as it takes to
 * encrypt what is put into it.
 */

/** Smaller ones cost little; and where there are thousands of links, only those that carry batches keep a buffer. */
const LARGE_BYTES = 262_144;
/** What is larger comes seldom, and is not kept. */
const KEPT_BYTES_MAX = 4_194_304;
/** Batches differ by some bytes: buffers are made in steps. */
const STEP_BYTES = 65_536;

export class SpareBuffer {
  #spare: ArrayBufferLike | undefined;

  /** A buffer of so many bytes, with anything in it: the spare one where that is large enough and not in use. */
  take(bytes: number): Buffer {
    if (bytes < LARGE_BYTES) return Buffer.allocUnsafe(bytes);
    const spare = this.#spare;
    if (spare !== undefined && spare.byteLength >= bytes) {
      this.#spare = undefined;
      return Buffer.from(spare, 0, bytes);
    }
    return Buffer.allocUnsafeSlow(Math.ceil(bytes / STEP_BYTES) * STEP_BYTES).subarray(0, bytes);
  }

  /** Whether it is worth giving back a buffer that was taken from such a spare. */
  static keeps({ length, buffer }: Buffer): boolean {
    return length >= LARGE_BYTES && buffer.byteLength <= KEPT_BYTES_MAX;
  }

  /** A buffer that was taken here, and that nobody uses any more. */
  giveBack(used: Buffer): void {
    if (!SpareBuffer.keeps(used)) return;
    const { buffer } = used;
    if (this.#spare === undefined || this.#spare.byteLength < buffer.byteLength) this.#spare = buffer;
  }
}
