/**
 * Checkpointing of state in pages. A component of the replicated state keeps its rows in slots, cuts them into pages,
 * and knows which pages changed since the last checkpoint; the checkpoint writes only those, in one atomic batch.
 */

/** A component of the replicated state that can be saved and restored page by page. */
export interface Paged {
  /** Stable name, part of the storage key. */
  readonly name: string;
  /** Pages that exist; restore asks for 0 to pageCount - 1. */
  pageCount(): number;
  /** Pages changed since `markClean`, ascending. */
  dirtyPages(): readonly number[];
  /** The bytes of a page, which belong to the caller. */
  encodePage(page: number): Uint8Array;
  /** Forgets which pages are dirty. */
  markClean(): void;
  /** Takes a page back; pages come in ascending order, into a freshly constructed component. Throws on bad bytes. */
  decodePage(page: number, bytes: Uint8Array): void;
  /** Called after the last page: rebuild indexes, assert invariants. */
  restored(): void;
}

const ALL_READERS = 0xff;

/** A growing set of page numbers; marking one costs a store. Each of up to eight readers sees and clears it for itself. */
export class DirtyPages {
  #marks = new Uint8Array(64);

  mark(page: number): void {
    if (page >= this.#marks.length) {
      const marks = new Uint8Array(Math.max(page + 1, this.#marks.length * 2));
      marks.set(this.#marks);
      this.#marks = marks;
    }
    this.#marks[page] = ALL_READERS;
  }

  sorted(reader = 0): number[] {
    const pages: number[] = [];
    for (let page = 0; page < this.#marks.length; page++) {
      if (((this.#marks[page] as number) & (1 << reader)) !== 0) pages.push(page);
    }
    return pages;
  }

  clear(reader = 0): void {
    for (let page = 0; page < this.#marks.length; page++) {
      this.#marks[page] = (this.#marks[page] as number) & ~(1 << reader);
    }
  }
}
