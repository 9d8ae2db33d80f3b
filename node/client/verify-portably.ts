/**
 * Checking of Ed25519 signatures by @noble/curves, where there is nothing faster. Its own `verify` multiplies both sides of
 * the equation by the cofactor, so it takes signatures that libsodium and OpenSSL refuse. Here its points are put together
 * as those two do it: what R must be is computed and its one encoding compared (RFC 8032, section 5.1.7, without the 8).
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import { concatBytes, equalBytes } from "../base/bytes.ts";
import { isStrictForm } from "../base/ed25519.ts";

const { Point } = ed25519;

/** Whether an Ed25519 signature is good, by @noble/curves; false also for a key that is none. */
export function verifyPortably(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isStrictForm(publicKey, signature)) return false;
  const r = signature.subarray(0, 32);
  const s = bytesToNumberLE(signature.subarray(32));
  const k = Point.Fn.create(bytesToNumberLE(sha512(concatBytes([r, publicKey, message]))));
  try {
    const a = Point.fromBytes(publicKey);
    return equalBytes(r, Point.BASE.multiplyUnsafe(s).subtract(a.multiplyUnsafe(k)).toBytes());
  } catch {
    return false; // No point of the curve has this y.
  }
}
