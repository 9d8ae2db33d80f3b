/**
 * Signing with OpenSSL's Ed25519 instead of the client library's: the same bytes, some twenty times faster. For a process
 * that signs on behalf of many and would otherwise be what is measured.
 */
import { createPrivateKey, sign } from "node:crypto";
import type { KeyPair, Signer } from "../node/client/index.ts";

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}

export function nativeSigner({ seed, publicKey }: KeyPair): Signer {
  const jwk = { kty: "OKP", crv: "Ed25519", d: base64url(seed), x: base64url(publicKey) };
  const key = createPrivateKey({ format: "jwk", key: jwk });
  return { publicKey, sign: (message) => new Uint8Array(sign(null, message, key)) };
}
