/** One signature to check: Ed25519, 32-byte key, 64-byte signature. */
export interface VerifyJob {
  readonly publicKey: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

/** Hashing and signatures; native on a real host. Same bytes whatever the implementation (FIPS 180-4, RFC 8032). */
export interface Crypto {
  /** SHA-256 of the chunks joined. */
  sha256(...chunks: readonly Uint8Array[]): Uint8Array;
  /** Checks signatures off the caller's stack; `done` gets one boolean a job, in order. */
  verify(jobs: readonly VerifyJob[], done: (valid: readonly boolean[]) => void): void;
  /** Signs with this node's identity key. */
  sign(message: Uint8Array): Uint8Array;
  /** This node's 32-byte identity. */
  readonly publicKey: Uint8Array;
}

/** SHA-256 alone, for pure units that only hash. */
export type Sha256 = (...chunks: readonly Uint8Array[]) => Uint8Array;
