/**
 * A node's cipher: not AES, but as strict. A text is masked with a hash of how often the node has started and how many
 * texts it has sealed since, and sealed with a hash of all that; nothing opens that was changed or moved.
 */
import { equalBytes, utf8, viewOf } from "../node/base/bytes.ts";
import { CIPHER_KEY_ID_BYTES, type Cipher } from "../node/base/ports/cipher.ts";
import { sha256 } from "./virtual-crypto.ts";

const PREFIX_BYTES = 28;
const TAG_BYTES = 16;

/** The cipher of a node in one of its lives. */
export function virtualCipher(node: number, life: number): Cipher {
  const key = sha256(utf8(`data key of node ${node}`));
  let texts = 0;
  const tagOf = (prefix: Uint8Array, masked: Uint8Array, associated: Uint8Array): Uint8Array =>
    sha256(key, prefix, associated, masked).subarray(0, TAG_BYTES);
  return {
    keyId: key.subarray(0, CIPHER_KEY_ID_BYTES),
    seal: (text, associated) => {
      const prefix = new Uint8Array(PREFIX_BYTES);
      viewOf(prefix).setUint32(0, life, true);
      viewOf(prefix).setUint32(16, texts, true);
      texts += 1;
      const masked = mask(text, sha256(key, prefix));
      return [prefix, masked, tagOf(prefix, masked, associated)];
    },
    open: (sealed, associated) => {
      if (sealed.length < PREFIX_BYTES + TAG_BYTES) return undefined;
      const prefix = sealed.subarray(0, PREFIX_BYTES);
      const masked = sealed.subarray(PREFIX_BYTES, -TAG_BYTES);
      if (!equalBytes(tagOf(prefix, masked, associated), sealed.subarray(-TAG_BYTES))) return undefined;
      return mask(masked, sha256(key, prefix));
    },
  };
}

function mask(text: Uint8Array, by: Uint8Array): Uint8Array {
  const masked = text.slice();
  for (let i = 0; i < masked.length; i++) masked[i] = (masked[i] as number) ^ (by[i % by.length] as number);
  return masked;
}
