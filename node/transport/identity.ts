/**
 * A node's identity: its Ed25519 key pair, with which it signs receipts and proves itself to peers and clients.
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign } from "node:crypto";
import { CodedError } from "../base/errors.ts";
import { rawPublicKey, selfSignedCertificate } from "./certificate.ts";

/** What stands before the 32 bytes of an Ed25519 seed in PKCS #8 DER (RFC 8410, section 7). */
const PKCS8_PREFIX: Uint8Array = Buffer.from("302e020100300506032b657004220420", "hex");
const SEED_BYTES = 32;

export class Identity {
  readonly publicKey: Uint8Array;
  /** PEM of a self-signed certificate over the key. */
  readonly certificate: string;
  readonly #privateKey: KeyObject;

  private constructor(privateKey: KeyObject) {
    const raw = rawPublicKey(createPublicKey(privateKey));
    if (raw === undefined) throw new CodedError("identity_invalid", "a node's identity must be an Ed25519 key");
    this.publicKey = raw;
    this.#privateKey = privateKey;
    this.certificate = selfSignedCertificate(privateKey, raw);
  }

  /**
   * From a seed of its own, and not by Node's generator: with Node 20 the process stands still for ever where what
   * that leaves behind is collected while the key is exported, for both want one lock.
   */
  static generate(): Identity {
    const key = Buffer.concat([PKCS8_PREFIX, randomBytes(SEED_BYTES)]);
    return new Identity(createPrivateKey({ key, format: "der", type: "pkcs8" }));
  }

  /** From a PKCS #8 PEM; throws `CodedError` `identity_invalid`. */
  static fromPem(pem: string): Identity {
    try {
      return new Identity(createPrivateKey(pem));
    } catch (error) {
      if (error instanceof CodedError) throw error;
      throw new CodedError("identity_invalid", "the identity is not a private key in PKCS #8 PEM", {}, error);
    }
  }

  /** The private key as PKCS #8 PEM: keep it secret. */
  toPem(): string {
    return this.#privateKey.export({ type: "pkcs8", format: "pem" }).toString();
  }

  sign(message: Uint8Array): Uint8Array {
    return new Uint8Array(sign(null, message, this.#privateKey));
  }
}
