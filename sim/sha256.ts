/** SHA-256 by Node, as fast as it goes: what takes the longest of a run. In a browser another module stands in for this one. */
import { hash } from "node:crypto";

/** Where chunks are joined; one hash is made at a time. */
let joined = new Uint8Array(4096);

/** SHA-256 of the chunks joined. */
export function sha256(...chunks: readonly Uint8Array[]): Uint8Array {
  // One native call a hash, and a text as its result: an array of its own memory would cost more than the hash.
  const text = hash("sha256", chunks.length === 1 ? (chunks[0] as Uint8Array) : join(chunks), "binary");
  const digest = new Uint8Array(32);
  for (let i = 0; i < 32; i++) digest[i] = text.charCodeAt(i);
  return digest;
}

function join(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  if (length > joined.length) joined = new Uint8Array(2 * length);
  let offset = 0;
  for (const chunk of chunks) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined.subarray(0, length);
}
