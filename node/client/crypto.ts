/**
 * Hashing, signatures and randomness of the client library: @noble, which runs wherever JavaScript does. Inside Node three
 * things go to Node's own implementation:
 *
 * - large inputs: a full batch is hashed when it is signed and again when its receipt is checked, 9 ms a time by
 *   @noble/hashes and 1 ms by Node, on the one thread that feeds the cluster;
 * - signatures of nodes: one a block, 1.4 ms a time by @noble/curves and 0.1 ms by Node;
 * - a client's own signatures: 0.42 ms a time by @noble/curves and 0.025 ms by Node.
 *
 * Both give the same bytes, and the same verdicts as the libsodium of the nodes. Left to themselves they would not, of
 * signatures that nobody makes by the book: so `node/base/ed25519.ts` and `verify-portably.ts` keep them to one rule, and
 * tests hold all three against each other.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { randomBytes as nobleRandomBytes } from "@noble/hashes/utils.js";
import { isStrictForm } from "../base/ed25519.ts";
import { sha256 as nobleSha256 } from "../wire/sha256.ts";
import { verifyPortably } from "./verify-portably.ts";

/** Below this Node's implementation costs more to call than it saves. */
const NATIVE_FROM_BYTES = 4_096;

/** Node's crypto; undefined in a browser. Looked up, not imported, so that no bundler asks for it. */
const native: typeof import("node:crypto") | undefined =
  typeof process === "undefined" ? undefined : process.getBuiltinModule?.("node:crypto");

/** SHA-256 of the chunks joined. */
export function sha256(...chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  if (native === undefined || length < NATIVE_FROM_BYTES) return nobleSha256(...chunks);
  const hash = native.createHash("sha256");
  for (const chunk of chunks) hash.update(chunk);
  return new Uint8Array(hash.digest());
}

/** Whether an Ed25519 signature is good; false also for a key that is none. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return native === undefined
    ? verifyPortably(publicKey, message, signature)
    : verifyNatively(native, publicKey, message, signature);
}

/** OpenSSL takes keys in a second encoding, and points of small order: the form is checked before. */
function verifyNatively(
  { createPublicKey, verify }: typeof import("node:crypto"),
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): boolean {
  if (!isStrictForm(publicKey, signature)) return false;
  try {
    const key = createPublicKey({ format: "jwk", key: { kty: "OKP", crv: "Ed25519", x: base64url(publicKey) } });
    return verify(null, message, key, signature);
  } catch {
    return false;
  }
}

/** The Ed25519 signature of a message, 64 bytes; one message has one signature (RFC 8032). */
export type Sign = (message: Uint8Array) => Uint8Array;

/** Signs with the key of a secret seed, whose public key this is. */
export function signerOf(seed: Uint8Array, publicKey: Uint8Array): Sign {
  return native === undefined ? (message) => ed25519.sign(message, seed) : nativeSigner(native, seed, publicKey);
}

/** Node's form of the key is made when it is first needed: most keys of a process that has many sign nothing. */
function nativeSigner(
  { createPrivateKey, sign }: typeof import("node:crypto"),
  seed: Uint8Array,
  publicKey: Uint8Array,
): Sign {
  let key: ReturnType<typeof createPrivateKey> | undefined;
  return (message) => {
    key ??= createPrivateKey({
      format: "jwk",
      key: { kty: "OKP", crv: "Ed25519", d: base64url(seed), x: base64url(publicKey) },
    });
    return new Uint8Array(sign(null, message, key));
  };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

/** Bytes nobody can guess. */
export function randomBytes(length: number): Uint8Array {
  return nobleRandomBytes(length);
}
