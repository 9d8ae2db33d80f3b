/**
 * SHA-256 in JavaScript, for whoever has no faster one at hand: the client library in any environment, files that are
 * hashed once. Nodes hash through the Crypto port.
 */
import { sha256 as noble } from "@noble/hashes/sha2.js";

/** SHA-256 of the chunks joined. */
export function sha256(...chunks: readonly Uint8Array[]): Uint8Array {
  const hash = noble.create();
  for (const chunk of chunks) hash.update(chunk);
  return hash.digest();
}
