/** Whether what is on the disk and the cipher that a program was given belong together. */
import { equalBytes, toHex } from "../node/base/bytes.ts";
import { CIPHER_KEY_ID_BYTES, type Cipher } from "../node/base/ports/cipher.ts";
import { StorageError } from "./errors.ts";

/** What headers say where nothing is encrypted. */
export const NO_KEY: Uint8Array = new Uint8Array(CIPHER_KEY_ID_BYTES);

/** What headers say of what is written with this cipher, or without one. */
export function keyIdOf(cipher: Cipher | undefined): Uint8Array {
  return cipher?.keyId ?? NO_KEY;
}

/** Throws `StorageError` where a header names another key than the cipher's; `what` is what has the header. */
export function checkKeyId(found: Uint8Array, cipher: Cipher | undefined, what: string): void {
  if (equalBytes(found, keyIdOf(cipher))) return;
  if (cipher === undefined) {
    const text = `${what} is encrypted: give the node its data key (encryption.keyFile or QUORATE_DATA_KEY)`;
    throw new StorageError("data_key_missing", text, { keyId: toHex(found) });
  }
  if (equalBytes(found, NO_KEY)) {
    const text = `${what} is not encrypted, but the node has a data key: was it put there from other data?`;
    throw new StorageError("data_not_encrypted", text);
  }
  const ids = `${toHex(found)}, not ${toHex(cipher.keyId)}`;
  throw new StorageError("data_key_wrong", `${what} is encrypted under ${ids}: was it put there from other data?`, {
    keyId: toHex(found),
  });
}
