/**
 * Hashes of all pages of a checkpoint, kept from one to the next, so that the root over them costs one hash of each page
 * that has changed.
 *
 * All nodes have the same pages at the same height, whenever each of them has written its checkpoints: what a page holds
 * follows from the log, and a page that has not changed is encoded as it was.
 */
import { must } from "../base/assert.ts";
import { utf8 } from "../base/bytes.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { pack } from "../wire/msgpack.ts";
import type { ComponentPages } from "./checkpoint.ts";

const HASH_BYTES = 32;

export class PageHashes {
  readonly #sha256: Sha256;
  readonly #hashes = new Map<string, Uint8Array[]>();

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** Takes a page that is new, or has changed. */
  readonly take = (component: string, page: number, encoded: Uint8Array): void => {
    const hashes = this.#hashes.get(component) ?? [];
    this.#hashes.set(component, hashes);
    hashes[page] = this.#sha256(encoded);
  };

  /** The root over the pages of these components; all of them must have been taken. */
  root(components: readonly ComponentPages[]): Uint8Array {
    const described = pack(components.map(({ name, pages }) => [name, pages]));
    const hashes = new Uint8Array(components.reduce((sum, { pages }) => sum + pages, 0) * HASH_BYTES);
    let at = 0;
    for (const { name, pages } of components) {
      for (let page = 0; page < pages; page++) {
        hashes.set(must(this.#hashes.get(name)?.[page], `page ${page} of ${name} was hashed`), at);
        at += HASH_BYTES;
      }
    }
    return this.#sha256(utf8("quorate.pages.v1\0"), described, hashes);
  }
}
