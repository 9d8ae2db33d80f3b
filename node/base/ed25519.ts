/**
 * What implementations of Ed25519 judge differently (RFC 8032 leaves it open), decided by the bytes alone: encodings are
 * canonical, and neither a key nor the point R of a signature is of small order; one signature by a key of small order is
 * good for many messages. libsodium, which nodes check with, has this rule built in. Others are asked only about what keeps
 * it, so that clients say the same of every signature.
 */
import { must } from "./assert.ts";
import { fromHex, nameOf } from "./bytes.ts";

const POINT_BYTES = 32;
const SIGNATURE_BYTES = 64;

/** p = 2^255 - 19: coordinates lie below. Little-endian, as all of this. */
const PRIME: Uint8Array = ofHex("edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f");

/** L = 2^252 + 27742317777372353535851937790883648493, the order of the base point: scalars lie below. */
const ORDER: Uint8Array = ofHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");

/** The y of the eight points whose order divides the cofactor 8; a point and its negative share theirs. */
const SMALL_ORDER_Y: ReadonlySet<string> = new Set(
  [
    "0100000000000000000000000000000000000000000000000000000000000000", // order 1: the identity
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f", // order 2
    "0000000000000000000000000000000000000000000000000000000000000000", // order 4
    "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05", // order 8
    "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a", // order 8
  ].map((hex) => nameOf(ofHex(hex))),
);

/**
 * Whether 32 bytes may be a key, or the R of a signature: canonical, and not of small order. Whether a point of the curve
 * has this y is not checked; nothing verifies by a key that is none.
 */
export function isStrictPoint(encoded: Uint8Array): boolean {
  if (encoded.length !== POINT_BYTES) return false;
  const y = encoded.slice();
  y[POINT_BYTES - 1] = (y[POINT_BYTES - 1] as number) & 0x7f; // The highest bit is the sign of x.
  return isBelow(y, PRIME) && !SMALL_ORDER_Y.has(nameOf(y));
}

/** Whether a key and a signature have a form that may be good; the equation `R = sB - kA` is still to be checked. */
export function isStrictForm(publicKey: Uint8Array, signature: Uint8Array): boolean {
  return (
    signature.length === SIGNATURE_BYTES &&
    isStrictPoint(publicKey) &&
    isStrictPoint(signature.subarray(0, POINT_BYTES)) &&
    isBelow(signature.subarray(POINT_BYTES), ORDER)
  );
}

function isBelow(value: Uint8Array, limit: Uint8Array): boolean {
  for (let i = limit.length - 1; i >= 0; i--) {
    const [a, b] = [value[i] as number, limit[i] as number];
    if (a !== b) return a < b;
  }
  return false;
}

function ofHex(hex: string): Uint8Array {
  return must(fromHex(hex), `${hex} is not hexadecimal`);
}
