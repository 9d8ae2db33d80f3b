/**
 * Client keys: Ed25519 by @noble/curves, the same bytes as any other implementation of RFC 8032. A key file holds the
 * secret seed in the clear and is readable by its owner only.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { ed25519 } from "@noble/curves/ed25519.js";
import { equalBytes, fromHex, toHex } from "../base/bytes.ts";
import type { Signer } from "../wire/transaction.ts";
import { ClientError } from "./errors.ts";

const VERSION = 1;
const SEED_BYTES = 32;

/** A key pair that signs. */
export interface KeyPair extends Signer {
  /** The 32-byte secret (RFC 8032, section 5.1.5). */
  readonly seed: Uint8Array;
}

/** A new key from the system's random generator. */
export function newKey(): KeyPair {
  return keyFromSeed(ed25519.utils.randomSecretKey());
}

/** The key of a 32-byte secret seed. */
export function keyFromSeed(seed: Uint8Array): KeyPair {
  if (seed.length !== SEED_BYTES) throw new ClientError("key_invalid", "a key's seed has 32 bytes");
  const publicKey = ed25519.getPublicKey(seed);
  return { seed, publicKey, sign: (message) => ed25519.sign(message, seed) };
}

/** Writes a new key file; throws `ClientError` `file_exists` rather than overwrite a key. */
export function writeKeyFile(path: string, key: KeyPair): void {
  const fields = { version: VERSION, publicKey: toHex(key.publicKey), secretSeed: toHex(key.seed) };
  try {
    writeFileSync(path, `${JSON.stringify(fields, undefined, 2)}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    throw new ClientError("file_exists", `${path} exists already, and a key is never overwritten`);
  }
}

/** Reads a key file; throws `ClientError` `key_file_unreadable` or `key_invalid`. */
export function readKeyFile(path: string): KeyPair {
  let text: string;
  try {
    text = readFileSync(path, "utf8");
  } catch {
    throw new ClientError("key_file_unreadable", `there is no readable key file ${path}; "quorate keys new" makes one`);
  }
  const fields = parse(text);
  const { secretSeed, publicKey } = fields;
  const seed = typeof secretSeed === "string" ? fromHex(secretSeed) : undefined;
  if (fields["version"] !== VERSION || seed?.length !== SEED_BYTES) {
    throw new ClientError("key_invalid", `${path} is not a key file`);
  }
  const key = keyFromSeed(seed);
  const stated = typeof publicKey === "string" ? fromHex(publicKey) : undefined;
  if (stated === undefined || !equalBytes(stated, key.publicKey)) {
    throw new ClientError("key_invalid", `the public key in ${path} does not belong to its secret`);
  }
  return key;
}

function parse(text: string): {
  readonly secretSeed?: unknown;
  readonly publicKey?: unknown;
  readonly version?: unknown;
} {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : {};
  } catch {
    return {};
  }
}
