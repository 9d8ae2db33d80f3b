/**
 * AES-256-GCM over a data directory, under keys derived from its data key.
 *
 * GCM is broken by two texts under one key and nonce, and a log that is cut and written again puts other texts at the same
 * places. So nothing here depends on places: each cipher draws a salt of 128 bits when it is made, that is each time the
 * data is opened, derives a key from it (HKDF-SHA-256, RFC 5869) and counts its nonces (NIST SP 800-38D, 8.2.1). After
 * `SEALS_PER_KEY` texts it draws another. A crash, a torn tail, a cut, a copy that is restored: none leads back to a key
 * with its counter.
 *
 * Sealed: salt 16 | counter 12 | ciphertext | tag 16.
 */
import {
  type CipherGCM,
  createCipheriv,
  createDecipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from "node:crypto";
import { toHex, viewOf } from "../base/bytes.ts";
import { CIPHER_KEY_ID_BYTES, type Cipher, SEALED_EXTRA_BYTES } from "../base/ports/cipher.ts";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
const SALT_BYTES = 16;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const PREFIX_BYTES: number = SALT_BYTES + NONCE_BYTES;
const SEALS_PER_KEY = 1_048_576;
/** Derived keys kept for reading. */
const KEYS_KEPT_MAX = 256;

export interface DataCipherOptions {
  readonly random?: (length: number) => Uint8Array;
  readonly sealsPerKey?: number;
}

export class DataCipher implements Cipher {
  readonly keyId: Uint8Array;
  readonly #dataKey: Uint8Array;
  readonly #random: (length: number) => Uint8Array;
  readonly #sealsPerKey: number;
  /** By salt, the latest derived last. */
  readonly #keys = new Map<string, KeyObject>();
  #salt: Uint8Array = new Uint8Array(SALT_BYTES);
  #sealed: number;

  /** `dataKey` are 32 random bytes; `random` gives bytes that nobody can predict. */
  constructor(dataKey: Uint8Array, { random = randomBytes, sealsPerKey = SEALS_PER_KEY }: DataCipherOptions = {}) {
    this.#dataKey = dataKey;
    this.#random = random;
    this.#sealsPerKey = sealsPerKey;
    this.#sealed = sealsPerKey;
    this.keyId = derive(dataKey, new Uint8Array(0), "quorate data key id", CIPHER_KEY_ID_BYTES);
  }

  seal(text: Uint8Array, associated: Uint8Array): readonly Uint8Array[] {
    if (this.#sealed === this.#sealsPerKey) {
      this.#salt = this.#random(SALT_BYTES);
      this.#sealed = 0;
    }
    const prefix = new Uint8Array(PREFIX_BYTES);
    prefix.set(this.#salt);
    viewOf(prefix).setUint32(SALT_BYTES, this.#sealed, true);
    this.#sealed += 1;
    const cipher: CipherGCM = createCipheriv(ALGORITHM, this.#keyOf(prefix), prefix.subarray(SALT_BYTES));
    cipher.setAAD(associated);
    const sealed = cipher.update(text);
    cipher.final();
    return [prefix, sealed, cipher.getAuthTag()];
  }

  open(sealed: Uint8Array, associated: Uint8Array): Uint8Array | undefined {
    if (sealed.length < SEALED_EXTRA_BYTES) return undefined;
    const textEnd = sealed.length - TAG_BYTES;
    const nonce = sealed.subarray(SALT_BYTES, PREFIX_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#keyOf(sealed), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(textEnd));
    const text = decipher.update(sealed.subarray(PREFIX_BYTES, textEnd));
    try {
      decipher.final();
    } catch {
      return undefined;
    }
    return new Uint8Array(text.buffer, text.byteOffset, text.byteLength);
  }

  /** The key that belongs to the salt at the beginning of these bytes. */
  #keyOf(prefix: Uint8Array): KeyObject {
    const salt = prefix.subarray(0, SALT_BYTES);
    const name = toHex(salt);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    const key = createSecretKey(derive(this.#dataKey, salt, "quorate data", KEY_BYTES));
    const [oldest] = this.#keys.keys();
    if (this.#keys.size === KEYS_KEPT_MAX && oldest !== undefined) this.#keys.delete(oldest);
    this.#keys.set(name, key);
    return key;
  }
}

function derive(key: Uint8Array, salt: Uint8Array, what: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync("sha256", key, salt, what, length));
}
