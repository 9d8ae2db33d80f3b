/** The bytes of a file in memory, sparse at the end, and what may be done to them. */
import type { Random } from "../node/base/ports/random.ts";

const SECTOR_BYTES = 512;

export interface Write {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

export type Pending =
  | { readonly kind: "write"; readonly write: Write }
  | { readonly kind: "truncate"; readonly size: number };

export class Content {
  #bytes = new Uint8Array(0);
  #used = 0;
  size = 0;

  read(offset: number, length: number): Uint8Array {
    const end = Math.min(offset + length, this.size);
    const result = new Uint8Array(Math.max(0, end - offset));
    const stored = Math.min(end, this.#used);
    if (stored > offset) result.set(this.#bytes.subarray(offset, stored));
    return result;
  }

  write({ offset, bytes }: Write): void {
    if (bytes.length === 0) return;
    const end = offset + bytes.length;
    if (end > this.#bytes.length) {
      const wider = new Uint8Array(Math.max(end, this.#bytes.length * 2, 1024));
      wider.set(this.#bytes.subarray(0, this.#used));
      this.#bytes = wider;
    }
    if (offset > this.#used) this.#bytes.fill(0, this.#used, offset);
    this.#bytes.set(bytes, offset);
    this.#used = Math.max(this.#used, end);
    this.size = Math.max(this.size, end);
  }

  truncate(size: number): void {
    this.size = size;
    this.#used = Math.min(this.#used, size);
  }

  apply(operation: Pending): void {
    if (operation.kind === "write") this.write(operation.write);
    else this.truncate(operation.size);
  }

  copy(): Content {
    const copy = new Content();
    copy.#bytes = this.#bytes.slice(0, this.#used);
    copy.#used = this.#used;
    copy.size = this.size;
    return copy;
  }
}

/** Writes some of a write's sectors and not others. */
export function tear(content: Content, { offset, bytes }: Write, random: Random): void {
  let at = 0;
  while (at < bytes.length) {
    const sectorEnd = Math.min(bytes.length, at + SECTOR_BYTES - ((offset + at) % SECTOR_BYTES));
    if (random.below(2) === 0) content.write({ offset: offset + at, bytes: bytes.subarray(at, sectorEnd) });
    at = sectorEnd;
  }
}
