/**
 * MessagePack for everything rich: envelopes, bodies of rich kinds, client frames, gossip.
 *
 * Bytes are hostile until `checkMsgpack` has walked them: well-formed, no longer than announced, shallow, no extension
 * types, only distinct text keys in maps. Only then does msgpackr build values from them, so a ten-byte message cannot
 * make it allocate an array of four thousand million slots.
 */
import { Packr } from "msgpackr";
import { fromUtf8 } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";

/** Refused bytes. */
export class WireError extends CodedError<WireFault> {
  override readonly name = "WireError";
}

export type WireFault =
  | "malformed_msgpack"
  | "malformed_transaction"
  | "malformed_body"
  | "malformed_block"
  | "malformed_frame"
  | "malformed_receipt"
  | "malformed_genesis"
  | "unknown_kind";

const NESTING_MAX = 8;

const packr = new Packr({
  useRecords: false,
  mapsAsObjects: true,
  variableMapSize: true,
  int64AsType: "bigint",
  largeBigIntToString: false,
  copyBuffers: false,
  moreTypes: false,
});

/** Encodes plain values: null, booleans, integers, bigints below 2^64, text, `Uint8Array`, arrays and plain objects. */
export function pack(value: unknown): Uint8Array {
  const bytes = packr.pack(value);
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Decodes one value that fills `bytes` exactly; throws `WireError` `malformed_msgpack`. */
export function unpack(bytes: Uint8Array): unknown {
  const end = skipValue(bytes, 0, 0);
  if (end !== bytes.length) throw malformed("bytes after the value", end);
  try {
    return packr.unpack(bytes);
  } catch (error) {
    throw new WireError("malformed_msgpack", "the bytes are not MessagePack", {}, error);
  }
}

function malformed(reason: string, offset: number): WireError {
  return new WireError("malformed_msgpack", `malformed MessagePack: ${reason}`, { offset });
}

/** Offset behind the value at `offset`. Recursion is bounded by NESTING_MAX. */
function skipValue(bytes: Uint8Array, offset: number, depth: number): number {
  if (offset >= bytes.length) throw malformed("it ends early", offset);
  const token = bytes[offset] as number;
  const next = offset + 1;
  if (token <= 0x7f || token >= 0xe0) return next;
  if (token <= 0x8f) return skipMap(bytes, next, token & 0x0f, depth);
  if (token <= 0x9f) return skipArray(bytes, next, token & 0x0f, depth);
  if (token <= 0xbf) return skipText(bytes, next, token & 0x1f);
  switch (token) {
    case 0xc0:
    case 0xc2:
    case 0xc3:
      return next;
    case 0xc4:
      return skipBytes(bytes, next + 1, readLength(bytes, next, 1));
    case 0xc5:
      return skipBytes(bytes, next + 2, readLength(bytes, next, 2));
    case 0xc6:
      return skipBytes(bytes, next + 4, readLength(bytes, next, 4));
    case 0xcc:
    case 0xd0:
      return skipBytes(bytes, next, 1);
    case 0xcd:
    case 0xd1:
      return skipBytes(bytes, next, 2);
    case 0xca:
    case 0xce:
    case 0xd2:
      return skipBytes(bytes, next, 4);
    case 0xcb:
    case 0xcf:
    case 0xd3:
      return skipBytes(bytes, next, 8);
    case 0xd9:
      return skipText(bytes, next + 1, readLength(bytes, next, 1));
    case 0xda:
      return skipText(bytes, next + 2, readLength(bytes, next, 2));
    case 0xdb:
      return skipText(bytes, next + 4, readLength(bytes, next, 4));
    case 0xdc:
      return skipArray(bytes, next + 2, readLength(bytes, next, 2), depth);
    case 0xdd:
      return skipArray(bytes, next + 4, readLength(bytes, next, 4), depth);
    case 0xde:
      return skipMap(bytes, next + 2, readLength(bytes, next, 2), depth);
    case 0xdf:
      return skipMap(bytes, next + 4, readLength(bytes, next, 4), depth);
    default:
      throw malformed(`type 0x${token.toString(16)} is not allowed`, offset);
  }
}

function readLength(bytes: Uint8Array, offset: number, width: number): number {
  if (offset + width > bytes.length) throw malformed("it ends early", offset);
  let length = 0;
  for (let i = 0; i < width; i++) length = length * 256 + (bytes[offset + i] as number);
  return length;
}

function skipBytes(bytes: Uint8Array, offset: number, length: number): number {
  if (offset + length > bytes.length) throw malformed("it ends early", offset);
  return offset + length;
}

function skipText(bytes: Uint8Array, offset: number, length: number): number {
  const end = skipBytes(bytes, offset, length);
  try {
    fromUtf8(bytes.subarray(offset, end));
  } catch {
    throw malformed("text is not UTF-8", offset);
  }
  return end;
}

function skipArray(bytes: Uint8Array, offset: number, count: number, depth: number): number {
  if (depth === NESTING_MAX) throw malformed("nested too deeply", offset);
  let at = offset;
  for (let i = 0; i < count; i++) at = skipValue(bytes, at, depth + 1);
  return at;
}

function skipMap(bytes: Uint8Array, offset: number, count: number, depth: number): number {
  if (depth === NESTING_MAX) throw malformed("nested too deeply", offset);
  const keys = new Set<string>();
  let at = offset;
  for (let i = 0; i < count; i++) {
    const token = bytes[at];
    if (token === undefined || !((token >= 0xa0 && token <= 0xbf) || token === 0xd9)) {
      throw malformed("a map key is not a short text", at);
    }
    const end = skipValue(bytes, at, depth + 1);
    const key = fromUtf8(bytes.subarray(token === 0xd9 ? at + 2 : at + 1, end));
    if (keys.has(key) || key === "__proto__") throw malformed("a map key is repeated or reserved", at);
    keys.add(key);
    at = skipValue(bytes, end, depth + 1);
  }
  return at;
}
