/**
 * Hashing and signatures by Node's OpenSSL. Signatures are checked on the thread pool, so the event loop stays free; keys
 * that come again and again are parsed once.
 */
import { createHash, hash, type KeyObject, verify } from "node:crypto";
import { toHex } from "../base/bytes.ts";
import type { Crypto, Sha256, VerifyJob } from "../base/ports/crypto.ts";
import { publicKeyObject } from "../transport/certificate.ts";
import type { Identity } from "../transport/identity.ts";

const KEYS_CACHED = 4_096;
/** Up to here it is faster to join the chunks than to feed them one by one. */
const JOIN_BYTES_MAX = 16_384;

const joined = new Uint8Array(JOIN_BYTES_MAX);

/** SHA-256 of the chunks joined. */
export function sha256(...chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  if (chunks.length > 1 && length > JOIN_BYTES_MAX) {
    const stream = createHash("sha256");
    for (const chunk of chunks) stream.update(chunk);
    return plain(stream.digest());
  }
  return plain(hash("sha256", chunks.length === 1 ? (chunks[0] as Uint8Array) : join(chunks), "buffer"));
}

export class NodeCrypto implements Crypto {
  readonly publicKey: Uint8Array;
  readonly sha256: Sha256 = sha256;
  readonly #identity: Identity;
  readonly #keys = new Map<string, KeyObject>();

  constructor(identity: Identity) {
    this.#identity = identity;
    this.publicKey = identity.publicKey;
  }

  verify(jobs: readonly VerifyJob[], done: (valid: readonly boolean[]) => void): void {
    const valid = jobs.map(() => false);
    if (jobs.length === 0) setImmediate(() => done(valid));
    let open = jobs.length;
    const finish = (index: number, good: boolean): void => {
      valid[index] = good;
      open -= 1;
      if (open === 0) done(valid);
    };
    jobs.forEach(({ publicKey, message, signature }, index) => {
      const key = this.#key(publicKey);
      if (key === undefined) {
        setImmediate(() => finish(index, false));
        return;
      }
      verify(null, message, key, signature, (error, good) => finish(index, error === null && good));
    });
  }

  sign(message: Uint8Array): Uint8Array {
    return this.#identity.sign(message);
  }

  #key(raw: Uint8Array): KeyObject | undefined {
    const name = toHex(raw);
    const known = this.#keys.get(name);
    if (known !== undefined) return known;
    try {
      const key = publicKeyObject(raw);
      const oldest = this.#keys.keys().next().value;
      if (this.#keys.size >= KEYS_CACHED && oldest !== undefined) this.#keys.delete(oldest);
      this.#keys.set(name, key);
      return key;
    } catch {
      // Not a key: no signature can match it.
      return undefined;
    }
  }
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined.subarray(0, offset);
}

function plain(buffer: Buffer): Uint8Array {
  return new Uint8Array(buffer.buffer, buffer.byteOffset, buffer.byteLength);
}
