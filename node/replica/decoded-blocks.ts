/**
 * Blocks that this node has built or checked and not applied yet, so that each is decoded and its tree hashed once.
 *
 * They are known by the very array that holds their bytes: a block that was replaced is forgotten with it, and one that
 * comes back from the disk is decoded again.
 */
import type { Sha256 } from "../base/ports/crypto.ts";
import { type Block, decodeBlock } from "../wire/block.ts";

export class DecodedBlocks {
  readonly #sha256: Sha256;
  readonly #blocks = new WeakMap<Uint8Array, Block>();

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** Takes a block that was just encoded. */
  add(bytes: Uint8Array, block: Block): void {
    this.#blocks.set(bytes, block);
  }

  /** The block in these bytes; throws `WireError` where there is none. */
  decode(bytes: Uint8Array): Block {
    const known = this.#blocks.get(bytes);
    if (known !== undefined) return known;
    const block = decodeBlock(this.#sha256, bytes);
    this.#blocks.set(bytes, block);
    return block;
  }

  /** The block in these bytes, which is needed for the last time. */
  take(bytes: Uint8Array): Block {
    const block = this.#blocks.get(bytes) ?? decodeBlock(this.#sha256, bytes);
    this.#blocks.delete(bytes);
    return block;
  }
}
