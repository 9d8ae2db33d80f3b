/**
 * The hash by which everybody knows a transaction (its leaf in a block's tree), computed once for each array of bytes that
 * a node holds: a batch has a megabyte, and admission, waiters and the block builder all ask for it.
 */
import type { Sha256 } from "../base/ports/crypto.ts";
import { leafHash } from "./merkle.ts";

export class TransactionHashes {
  readonly #sha256: Sha256;
  readonly #hashes = new WeakMap<Uint8Array, Uint8Array>();

  constructor(sha256: Sha256) {
    this.#sha256 = sha256;
  }

  /** The hash of an encoded transaction, whose bytes do not change any more. */
  of(encoded: Uint8Array): Uint8Array {
    const known = this.#hashes.get(encoded);
    if (known !== undefined) return known;
    const hash = leafHash(this.#sha256, encoded);
    this.#hashes.set(encoded, hash);
    return hash;
  }
}
