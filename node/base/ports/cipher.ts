/** Encryption of what a node keeps on its disk. */

/** Bytes that sealing adds to a text. */
export const SEALED_EXTRA_BYTES = 44;
export const CIPHER_KEY_ID_BYTES = 8;

/** Authenticated encryption under the data key of one data directory (AES-256-GCM on a real host). */
export interface Cipher {
  /** Which data key it is, in 8 bytes that are not all zeros; tells nothing else of it. */
  readonly keyId: Uint8Array;
  /**
   * The text encrypted, in pieces to be put one behind the other, `SEALED_EXTRA_BYTES` longer than it was. Never gives
   * the same bytes twice. `associated` is not in them, but must be the same when they are opened.
   */
  seal(text: Uint8Array, associated: Uint8Array): readonly Uint8Array[];
  /** The text, in memory of its own; undefined where these are not the bytes that were sealed, or not with this key. */
  open(sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined;
}
