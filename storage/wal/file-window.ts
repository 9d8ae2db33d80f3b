/**
 * Reading a file piece by piece through one piece of memory: fresh memory for every record would cost more than reading
 * and checking it.
 */
import type { DiskFile } from "../../node/base/ports/disk.ts";

const WINDOW_BYTES = 262_144;

export class FileWindow {
  #memory = new Uint8Array(0);
  #file: DiskFile | undefined;
  /** What is in memory: these bytes, from this offset of the file on. */
  #bytes: Uint8Array = this.#memory.subarray(0, 0);
  #offset = 0;

  /** Bytes of the file from an offset on, fewer at its end; good until the next call. Throws `DiskError`. */
  read(file: DiskFile, offset: number, length: number): Uint8Array {
    const from = offset - this.#offset;
    const isHere = file === this.#file && from >= 0 && from + length <= this.#bytes.length;
    if (isHere) return this.#bytes.subarray(from, from + length);
    const wanted = Math.max(length, Math.min(WINDOW_BYTES, file.size()));
    if (wanted > this.#memory.length) this.#memory = new Uint8Array(Math.max(wanted, 2 * this.#memory.length));
    this.#bytes = file.read(offset, this.#memory.length, this.#memory);
    this.#file = file;
    this.#offset = offset;
    return this.#bytes.subarray(0, length);
  }
}
