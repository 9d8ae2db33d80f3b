/**
 * One binary message as one WebSocket frame (RFC 6455, section 5.2), header and payload in one array.
 *
 * `ws` would hand header and payload over apart, and TLS joins what it is handed into a fresh array before it encrypts: for
 * a block of a mebibyte that costs as much as the encryption.
 */
const FINAL_BINARY = 0x82;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** A payload's length stands in 7 bits, or behind one of these two in 16 or 64. */
const IN_16_BITS = 126;
const IN_64_BITS = 127;

/** `masked` for an end that has dialled: under a mask of zeros, which leaves the payload as it is. */
export function webSocketFrame(pieces: readonly Uint8Array[], masked: boolean): Uint8Array {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  const lengthBytes = length < IN_16_BITS ? 0 : length <= 0xffff ? 2 : 8;
  const headerBytes = 2 + lengthBytes + (masked ? MASK_BYTES : 0);
  const frame = Buffer.allocUnsafe(headerBytes + length);
  const shortLength = lengthBytes === 0 ? length : lengthBytes === 2 ? IN_16_BITS : IN_64_BITS;
  frame[0] = FINAL_BINARY;
  frame[1] = shortLength | (masked ? MASKED : 0);
  if (lengthBytes === 2) frame.writeUInt16BE(length, 2);
  else if (lengthBytes === 8) frame.writeBigUInt64BE(BigInt(length), 2);
  if (masked) frame.writeUInt32BE(0, 2 + lengthBytes);
  let offset = headerBytes;
  for (const piece of pieces) {
    frame.set(piece, offset);
    offset += piece.length;
  }
  return frame;
}
