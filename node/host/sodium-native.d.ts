/** What we use of sodium-native, which ships no types of its own. */
declare module "sodium-native" {
  const sodium: {
    /** Ed25519 (RFC 8032), checked as libsodium does: no small-order keys, canonical encodings only. Throws for wrong lengths. */
    crypto_sign_verify_detached(signature: Uint8Array, message: Uint8Array, publicKey: Uint8Array): boolean;
  };
  export default sodium;
}
