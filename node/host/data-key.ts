/**
 * Keys for data at rest. A node's own key comes from a file or the environment and never touches the data: it only wraps
 * (AES-256-GCM) the data key, which is drawn when the data directory is new and stays. So a new node key rewrites two
 * sectors and no data.
 */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { resolve } from "node:path";
import { type WrappedKey, WrappedKeyFile } from "../../storage/wrapped-key-file.ts";
import { concatBytes, equalBytes, fromHex, toHex, utf8 } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { Cipher } from "../base/ports/cipher.ts";
import { type Disk, DiskError } from "../base/ports/disk.ts";
import type { NodeConfig } from "./config.ts";
import { DataCipher } from "./data-cipher.ts";
import { readSecret } from "./files.ts";

const DATA_KEY_VARIABLE = "QUORATE_DATA_KEY";
/** In the data directory. */
export const WRAPPED_KEY_FILE = "wrapped.key";
const KEY_BYTES = 32;
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
const ID_BYTES = 8;
const ALGORITHM = "aes-256-gcm";
const ASSOCIATED: Uint8Array = utf8("quorate wrapped data key");

/** The key of a node's operator that wraps the data key. */
export interface NodeKey {
  /** May be known to everybody; hexadecimal. */
  readonly id: string;
  readonly secret: Uint8Array;
}

/** A new key as it stands in a file or the environment: 64 hexadecimal digits. */
export function newNodeKey(): string {
  return `${toHex(randomBytes(KEY_BYTES))}\n`;
}

/** Reads a key; throws `CodedError` `data_key_invalid`. `what` says where it comes from. */
function parseNodeKey(text: string, what: string): NodeKey {
  const secret = fromHex(text.trim());
  if (secret?.length !== KEY_BYTES) {
    const reason = `must be ${KEY_BYTES * 2} hexadecimal digits: quorate data-key new FILE makes one`;
    throw new CodedError("data_key_invalid", `${what}: ${reason}`);
  }
  const digest = createHash("sha256").update("quorate node data key").update(secret).digest();
  return { id: toHex(digest.subarray(0, ID_BYTES)), secret };
}

/**
 * The key that a node is configured with, or undefined for none; throws `CodedError` `config_invalid`, `data_key_invalid`,
 * or as `readSecret`. `home` is what paths in the configuration are relative to.
 */
export function readNodeKey({ encryption }: NodeConfig, home: string): NodeKey | undefined {
  const given = process.env[DATA_KEY_VARIABLE];
  if (encryption === undefined) return given === undefined ? undefined : parseNodeKey(given, DATA_KEY_VARIABLE);
  if (given !== undefined) {
    throw new CodedError("config_invalid", `config.encryption: there is ${DATA_KEY_VARIABLE}, too; give one of them`);
  }
  return readNodeKeyFile(resolve(home, encryption.keyFile), "config.encryption.keyFile");
}

/** The key in a file; throws `CodedError` `data_key_invalid`, or as `readSecret`. */
export function readNodeKeyFile(path: string, what: string): NodeKey {
  return parseNodeKey(readSecret(path, what), `${what}: ${path}`);
}

/**
 * The cipher of a data directory, or undefined where it is not encrypted. With `create` a new directory becomes encrypted
 * when there is a key. Throws `CodedError` `data_key_missing`, `data_key_wrong`, `data_key_damaged`, `data_not_encrypted`
 * or `data_in_use`, and then has changed nothing.
 */
export function openDataCipher(
  disk: Disk,
  key: NodeKey | undefined,
  { create }: { readonly create: boolean },
): Cipher | undefined {
  const file = WrappedKeyFile.open(disk, WRAPPED_KEY_FILE);
  try {
    const hasData = ["log", "state"].some((directory) => disk.list(directory).length > 0);
    const copies = file?.read() ?? [];
    if (copies.length > 0) return new DataCipher(unwrap(copies, key));
    if (file !== undefined && hasData) throw damaged("both copies of the data key are damaged");
    if (key === undefined) return undefined;
    if (hasData) throw notEncrypted();
    if (!create) return undefined;
    if (file !== undefined) throw inTheMaking();
    const dataKey = randomBytes(KEY_BYTES);
    claim(disk);
    WrappedKeyFile.create(disk, WRAPPED_KEY_FILE, wrap(dataKey, key)).close();
    return new DataCipher(dataKey);
  } finally {
    file?.close();
  }
}

/** Makes the file, empty: of two processes that start on a new directory at once, one. Throws `CodedError` `data_in_use`. */
function claim(disk: Disk): void {
  try {
    disk.open(WRAPPED_KEY_FILE, { create: true }).close();
  } catch (error) {
    throw error instanceof DiskError && error.code === "disk_exists" ? inTheMaking() : error;
  }
}

/**
 * Wraps the data key of a directory with `next` in place of `current`; when that was cut off, doing it again finishes it.
 * Throws as `openDataCipher`, or `DiskError`.
 */
export async function rotateNodeKey(disk: Disk, current: NodeKey | undefined, next: NodeKey): Promise<void> {
  const file = WrappedKeyFile.open(disk, WRAPPED_KEY_FILE);
  if (file === undefined) throw notEncrypted();
  try {
    const copies = file.read();
    if (copies.length === 0) throw damaged("both copies of the data key are damaged");
    const done = copies.some(({ keyId }) => toHex(keyId) === next.id);
    const dataKey = unwrap(copies, done ? next : current);
    await new Promise<void>((succeed, fail) => {
      file.replace(wrap(dataKey, next), (error) => (error === undefined ? succeed() : fail(error)));
    });
  } finally {
    file.close();
  }
}

function wrap(dataKey: Uint8Array, { id, secret }: NodeKey): WrappedKey {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, secret, nonce);
  cipher.setAAD(ASSOCIATED);
  const sealed = [cipher.update(dataKey), cipher.final()];
  return { keyId: idBytes(id), wrapped: concatBytes([nonce, ...sealed, cipher.getAuthTag()]) };
}

function unwrap(copies: readonly WrappedKey[], key: NodeKey | undefined): Uint8Array {
  const ids = [...new Set(copies.map(({ keyId }) => toHex(keyId)))].join(" or ");
  if (key === undefined) {
    const text = `the data is encrypted under the key ${ids}: set encryption.keyFile, or ${DATA_KEY_VARIABLE}`;
    throw new CodedError("data_key_missing", text, { keyId: ids });
  }
  const copy = copies.find(({ keyId }) => equalBytes(keyId, idBytes(key.id)));
  if (copy === undefined) {
    const text = `the data is encrypted under the key ${ids}, the key given is ${key.id}: give the node that key`;
    throw new CodedError("data_key_wrong", text, { keyId: ids, given: key.id });
  }
  const tagAt = copy.wrapped.length - TAG_BYTES;
  const nonce = copy.wrapped.subarray(0, NONCE_BYTES);
  const decipher = createDecipheriv(ALGORITHM, key.secret, nonce, { authTagLength: TAG_BYTES });
  decipher.setAAD(ASSOCIATED);
  decipher.setAuthTag(copy.wrapped.subarray(tagAt));
  try {
    return concatBytes([decipher.update(copy.wrapped.subarray(NONCE_BYTES, tagAt)), decipher.final()]);
  } catch (error) {
    throw damaged("the data key does not open with the key that it is said to be wrapped with", error);
  }
}

function idBytes(id: string): Uint8Array {
  return fromHex(id) ?? new Uint8Array(ID_BYTES);
}

function damaged(reason: string, cause?: unknown): CodedError {
  const text = `${WRAPPED_KEY_FILE}: ${reason}; put the file back from a backup, or restore this node from its peers`;
  return new CodedError("data_key_damaged", text, {}, cause);
}

function inTheMaking(): CodedError {
  const text =
    `${WRAPPED_KEY_FILE} has no whole key, and there is no data yet: another process is starting on this directory, or one ` +
    "was cut off at its first start. Where none is running, remove the file and start again";
  return new CodedError("data_in_use", text);
}

function notEncrypted(): CodedError {
  const text =
    `there is data, but no ${WRAPPED_KEY_FILE} beside it: the data was written without encryption (start the node without a ` +
    "data key), or that file was lost (put it back from a backup)";
  return new CodedError("data_not_encrypted", text);
}
