/**
 * Hashing is real SHA-256. Signatures are not Ed25519: a signature is a hash keyed with a secret that only the holder of
 * the key object has, and the key ring checks it by knowing all secrets. So nobody in a run can sign for another, which
 * is all that the system asks of signatures, at a hundredth of the cost.
 */
import { equalBytes, nameOf, utf8 } from "../node/base/bytes.ts";
import type { Crypto, VerifyJob } from "../node/base/ports/crypto.ts";
import type { Signer } from "../node/wire/transaction.ts";
import { sha256 } from "./sha256.ts";

export { sha256 };

const KEY_BYTES = 32;

/** All keys of a run. */
export class KeyRing {
  /** By the names of public keys. */
  readonly #secrets = new Map<string, Uint8Array>();

  /** Makes a key; the same label gives the same key. */
  create(label: string): Signer {
    const secret = sha256(utf8(`secret ${label}`));
    const publicKey = sha256(utf8(`public ${label}`));
    this.#secrets.set(nameOf(publicKey), secret);
    return { publicKey, sign: (message) => signature(secret, message) };
  }

  verify(publicKey: Uint8Array, message: Uint8Array, signed: Uint8Array): boolean {
    const secret = publicKey.length === KEY_BYTES ? this.#secrets.get(nameOf(publicKey)) : undefined;
    return secret !== undefined && equalBytes(signature(secret, message), signed);
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
