/**
 * Binary messages as WebSocket frames (RFC 6455, section 5.2), all that leave together in one array, headers and payloads.
 *
 * `ws` would hand header and payload over apart, and TLS joins what it is handed into a fresh array before it encrypts: for
 * a block of a mebibyte that costs as much as the encryption, and for a hundred receipts a stream's write of each costs as
 * much as the receipts.
 */
const FINAL_BINARY = 0x82;
const MASKED = 0x80;
const MASK_BYTES = 4;
/** A payload's length stands in 7 bits, or behind one of these two in 16 or 64. */
const IN_16_BITS = 126;
const IN_64_BITS = 127;

/** A message in pieces. */
export type Pieces = readonly Uint8Array[];

/**
 * `masked` for an end that has dialled: under a mask of zeros, which leaves the payload as it is. `allocate` gives the array,
 * whatever is in it.
 */
export function webSocketFrames(
  messages: readonly Pieces[],
  masked: boolean,
  allocate: (bytes: number) => Buffer = (bytes) => Buffer.allocUnsafe(bytes),
): Buffer {
  const lengths = messages.map(lengthOf);
  let bytes = 0;
  for (const length of lengths) bytes += headerBytes(length, masked) + length;
  const frames = allocate(bytes);
  let offset = 0;
  for (let i = 0; i < messages.length; i++) {
    offset = writeHeader(frames, offset, lengths[i] as number, masked);
    for (const piece of messages[i] as Pieces) {
      frames.set(piece, offset);
      offset += piece.length;
    }
  }
  return frames;
}

/** Bytes of a message. */
export function lengthOf(pieces: Pieces): number {
  let length = 0;
  for (const piece of pieces) length += piece.length;
  return length;
}

function headerBytes(length: number, masked: boolean): number {
  const lengthBytes = length < IN_16_BITS ? 0 : length <= 0xffff ? 2 : 8;
  return 2 + lengthBytes + (masked ? MASK_BYTES : 0);
}

/** Writes the header of a frame; returns where its payload begins. */
function writeHeader(frames: Buffer, at: number, length: number, masked: boolean): number {
  const mask = masked ? MASKED : 0;
  frames[at] = FINAL_BINARY;
  if (length < IN_16_BITS) frames[at + 1] = length | mask;
  else if (length <= 0xffff) {
    frames[at + 1] = IN_16_BITS | mask;
    frames.writeUInt16BE(length, at + 2);
  } else {
    frames[at + 1] = IN_64_BITS | mask;
    frames.writeBigUInt64BE(BigInt(length), at + 2);
  }
  const payload = at + headerBytes(length, masked);
  if (masked) frames.writeUInt32BE(0, payload - MASK_BYTES);
  return payload;
}
