/**
 * The words of a batch, for as long as it runs. Few batches lie where words may begin; those are copied, always to the same
 * memory: a fresh mebibyte costs as much again as the copy, and a payment alone in its batch shall allocate nothing.
 */
import { RECORD_BYTES } from "../base/limits.ts";
import { RECORD_WORDS } from "./layout.ts";
import { checkBatch, notABatch } from "./records.ts";

export class BatchWords {
  readonly #one = new Uint32Array(RECORD_WORDS);
  readonly #oneBytes = new Uint8Array(this.#one.buffer);
  /** As large as the largest batch that was copied. */
  #manyBytes = new Uint8Array(0);

  /** Valid until the next call; throws `CodedError` for what is not made of records. */
  of(batch: Uint8Array): Uint32Array {
    if (batch.length === RECORD_BYTES) {
      this.#oneBytes.set(batch);
      return this.#one;
    }
    const fault = batch.length === 0 ? undefined : checkBatch(batch);
    if (fault !== undefined) throw notABatch(fault);
    const { buffer, byteOffset } = batch.byteOffset % 4 === 0 ? batch : this.#copy(batch);
    return new Uint32Array(buffer, byteOffset, batch.length / 4);
  }

  #copy(batch: Uint8Array): Uint8Array {
    if (this.#manyBytes.length < batch.length) this.#manyBytes = new Uint8Array(batch.length);
    this.#manyBytes.set(batch);
    return this.#manyBytes;
  }
}
