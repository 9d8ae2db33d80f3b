/** Ciphers for tests: the real one, with salts that are drawn once and never again. */
import { toHex } from "../node/base/bytes.ts";
import type { Cipher } from "../node/base/ports/cipher.ts";
import { DataCipher } from "../node/host/data-cipher.ts";

let salts = 0;

/** The cipher of a data key, as each process makes its own; two of one key read each other's. */
export function testCipher(key = 1): DataCipher {
  const random = (length: number): Uint8Array => {
    salts += 1;
    return new Uint8Array(length).fill(salts & 0xff).fill(salts >> 8, 8);
  };
  return new DataCipher(new Uint8Array(32).fill(key), { random });
}

/** Salt and counter of a sealed text, which must never come twice. */
function nonceOf(sealed: Uint8Array): string {
  return toHex(sealed.subarray(0, 28));
}

/** Passes on to a cipher, and notes salt and counter of everything that is sealed. */
export function watchedCipher(inner: Cipher, seen: string[]): Cipher {
  return {
    keyId: inner.keyId,
    seal: (text, associated) => {
      const pieces = inner.seal(text, associated);
      seen.push(nonceOf(pieces[0] as Uint8Array));
      return pieces;
    },
    open: (sealed, associated) => inner.open(sealed, associated),
  };
}
