/**
 * Ids of transfers that failed for a reason that may pass. They stay refused for ever, so that a delayed duplicate can
 * never succeed after its sender was told that it failed.
 */
import { assert } from "../base/assert.ts";
import { DirtyPages, type Paged } from "../base/paged.ts";
import { IdIndex } from "./id-index.ts";
import { U128_WORDS } from "./words.ts";

const IDS_PER_PAGE = 4_096;

export class BurnedIds implements Paged {
  readonly name = "burnedIds";
  readonly #index = new IdIndex();
  readonly #dirty = new DirtyPages();

  burn(words: Uint32Array, at: number): void {
    if (this.#index.find(words, at) >= 0) return;
    this.#dirty.mark(Math.floor(this.#index.add(words, at) / IDS_PER_PAGE));
  }

  has(words: Uint32Array, at: number): boolean {
    return this.#index.count > 0 && this.#index.find(words, at) >= 0;
  }

  pageCount(): number {
    return Math.ceil(this.#index.count / IDS_PER_PAGE);
  }

  dirtyPages(): readonly number[] {
    return this.#dirty.sorted();
  }

  encodePage(page: number): Uint8Array {
    const to = Math.min((page + 1) * IDS_PER_PAGE, this.#index.count);
    return new Uint8Array(this.#index.ids.slice(page * IDS_PER_PAGE * U128_WORDS, to * U128_WORDS).buffer);
  }

  markClean(): void {
    this.#dirty.clear();
  }

  decodePage(_page: number, bytes: Uint8Array): void {
    assert(bytes.length % (U128_WORDS * 4) === 0, "a page of burned ids has an odd length");
    const words = new Uint32Array(bytes.slice().buffer);
    for (let at = 0; at < words.length; at += U128_WORDS) this.#index.add(words, at);
  }

  restored(): void {
    // The index was rebuilt id by id.
  }
}
