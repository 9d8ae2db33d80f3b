/**
 * What became of pending transfers: one byte a transfer, in chunks that exist only where a transfer was pending.
 */
import { assert } from "../base/assert.ts";
import { EMPTY_BYTES } from "../base/bytes.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";

/** What became of a pending transfer; `none` for one that never was pending. */
export const PENDING_STATUSES = ["none", "pending", "posted", "voided", "expired"] as const;
export type PendingStatus = (typeof PENDING_STATUSES)[number];

/** The same as numbers. */
export const NONE = 0;
export const PENDING = 1;
export const POSTED = 2;
export const VOIDED = 3;
export const EXPIRED = 4;

const CHUNK_SHIFT = 14;
const CHUNK_SLOTS: number = 1 << CHUNK_SHIFT;

export class PendingStatuses implements Paged {
  readonly name = "pendingStatuses";
  readonly #chunks: (Uint8Array | undefined)[] = [];
  readonly #dirty = new DirtyPages();

  get(slot: number): number {
    return this.#chunks[slot >>> CHUNK_SHIFT]?.[slot & (CHUNK_SLOTS - 1)] ?? NONE;
  }

  set(slot: number, status: number): void {
    const page = slot >>> CHUNK_SHIFT;
    while (this.#chunks.length <= page) {
      this.#dirty.mark(this.#chunks.length);
      this.#chunks.push(undefined);
    }
    let chunk = this.#chunks[page];
    if (chunk === undefined) {
      chunk = new Uint8Array(CHUNK_SLOTS);
      this.#chunks[page] = chunk;
    }
    chunk[slot & (CHUNK_SLOTS - 1)] = status;
    this.#dirty.mark(page);
  }

  /** Calls `visit` with the slot of each transfer that is pending, ascending. */
  forEachPending(visit: (slot: number) => void): void {
    this.#chunks.forEach((chunk, page) => {
      chunk?.forEach((status, index) => {
        if (status === PENDING) visit(page * CHUNK_SLOTS + index);
      });
    });
  }

  pageCount(): number {
    return this.#chunks.length;
  }

  dirtyPages(): readonly number[] {
    return this.#dirty.sorted();
  }

  encodePage(page: number): Uint8Array {
    return this.#chunks[page]?.slice() ?? EMPTY_BYTES;
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(page: number, bytes: Uint8Array): void {
    assert(page === this.#chunks.length, "pages of pending statuses do not follow each other");
    assert(bytes.length === 0 || bytes.length === CHUNK_SLOTS, "a page of pending statuses has an odd length");
    this.#chunks.push(bytes.length === 0 ? undefined : bytes.slice());
  }

  restored(): void {
    // Nothing is derived.
  }
}
