/** Client keys: Ed25519, the same bytes as any other implementation of RFC 8032. */
import { ed25519 } from "@noble/curves/ed25519.js";
import type { Signer } from "../wire/transaction.ts";
import { randomBytes, signerOf } from "./crypto.ts";
import { ClientError } from "./errors.ts";

export const SEED_BYTES = 32;

/** A key pair that signs. */
export interface KeyPair extends Signer {
  /** The 32-byte secret (RFC 8032, section 5.1.5). */
  readonly seed: Uint8Array;
}

/** A new key from the system's random generator. */
export function newKey(): KeyPair {
  return keyFromSeed(randomBytes(SEED_BYTES));
}

/** The key of a 32-byte secret seed; throws `ClientError` `key_invalid`. */
export function keyFromSeed(seed: Uint8Array): KeyPair {
  if (seed.length !== SEED_BYTES) throw new ClientError("key_invalid", `a key's seed has ${SEED_BYTES} bytes`);
  const publicKey = ed25519.getPublicKey(seed);
  return { seed, publicKey, sign: signerOf(seed, publicKey) };
}
