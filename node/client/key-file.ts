/** Key files: the secret seed in the clear, readable by its owner only. */
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { equalBytes, fromHex, toHex } from "../base/bytes.ts";
import { errorMessage } from "../base/errors.ts";
import { ClientError } from "./errors.ts";
import { type KeyPair, keyFromSeed, SEED_BYTES } from "./keys.ts";

const VERSION = 1;
const OWNER_ONLY = 0o600;
const OTHERS = 0o077;

/** Writes a new key file; throws `ClientError` `file_exists` rather than overwrite a key. */
export function writeKeyFile(path: string, key: KeyPair): void {
  const fields = { version: VERSION, publicKey: toHex(key.publicKey), secretSeed: toHex(key.seed) };
  try {
    writeFileSync(path, `${JSON.stringify(fields, undefined, 2)}\n`, { mode: OWNER_ONLY, flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new ClientError("file_exists", `${path} exists already, and a key is never overwritten`);
    }
    throw new ClientError("key_file_unwritable", `${path} cannot be written: ${errorMessage(error)}`, { path }, error);
  }
}

/** Reads a key file; throws `ClientError` `key_file_unreadable`, `key_file_exposed` or `key_invalid`. */
export function readKeyFile(path: string): KeyPair {
  const fields = parse(readSecret(path));
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

/** The text of a file that only its owner may read. */
function readSecret(path: string): string {
  let mode: number;
  let text: string;
  try {
    ({ mode } = statSync(path));
    text = readFileSync(path, "utf8");
  } catch {
    throw new ClientError("key_file_unreadable", `there is no readable key file ${path}; "quorate keys new" makes one`);
  }
  // Windows has no such bits, and shows them all as set.
  if (process.platform !== "win32" && (mode & OTHERS) !== 0) {
    throw new ClientError("key_file_exposed", `others may read the secret in ${path}: chmod 600 ${path}`, { path });
  }
  return text;
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
