/**
 * Hashing is real SHA-256. Signatures are not Ed25519: a signature is a hash keyed with a secret that only the holder of
 * the key object has, and the key ring checks it by knowing all secrets. So nobody in a run can sign for another, which
 * is all that the system asks of signatures, at a hundredth of the cost.
 */
import { hash } from "node:crypto";
import { toHex, utf8 } from "../node/base/bytes.ts";
import type { Crypto, VerifyJob } from "../node/base/ports/crypto.ts";
import type { Signer } from "../node/wire/transaction.ts";

/** Where chunks are joined; one hash is made at a time. */
let joined = new Uint8Array(4096);

/** SHA-256 of the chunks joined. */
export function sha256(...chunks: readonly Uint8Array[]): Uint8Array {
  // One native call a hash, and a text as its result: an array of its own memory would cost more than the hash.
  const text = hash("sha256", chunks.length === 1 ? (chunks[0] as Uint8Array) : join(chunks), "binary");
  const digest = new Uint8Array(32);
  for (let i = 0; i < 32; i++) digest[i] = text.charCodeAt(i);
  return digest;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  if (length > joined.length) joined = new Uint8Array(2 * length);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined.subarray(0, length);
}

/** All keys of a run. */
export class KeyRing {
  readonly #secrets = new Map<string, Uint8Array>();

  /** Makes a key; the same label gives the same key. */
  create(label: string): Signer {
    const secret = sha256(utf8(`secret ${label}`));
    const publicKey = sha256(utf8(`public ${label}`));
    this.#secrets.set(toHex(publicKey), secret);
    return { publicKey, sign: (message) => signature(secret, message) };
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signed: Uint8Array): boolean {
    const secret = this.#secrets.get(toHex(publicKey));
    if (secret === undefined || signed.length !== 64) return false;
    return toHex(signature(secret, message)) === toHex(signed);
  }
}

function signature(secret: Uint8Array, message: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(64);
  bytes.set(sha256(secret, message));
  return bytes;
}

/** A node's crypto; `later` brings the verdicts back as an event of its own. */
export function virtualCrypto(keys: KeyRing, own: Signer, later: (run: () => void) => void): Crypto {
  return {
    sha256,
    publicKey: own.publicKey,
    sign: (message) => own.sign(message),
    verify: (jobs: readonly VerifyJob[], done) => {
      const valid = jobs.map((job) => keys.verify(job.publicKey, job.message, job.signature));
      later(() => done(valid));
    },
  };
}
