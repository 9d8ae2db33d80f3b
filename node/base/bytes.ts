/**
 * Bytes: equality, hexadecimal, UTF-8, and little-endian integers up to 128 bits.
 * Everything on disk and on the wire that is ours and not msgpack is little-endian.
 */
import { assert } from "./assert.ts";

export const EMPTY_BYTES: Uint8Array = new Uint8Array(0);

export const U32_MAX = 0xffff_ffff;
export const U64_MAX = 0xffff_ffff_ffff_ffffn;
export const U128_MAX: bigint = (1n << 128n) - 1n;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, "0"));

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/**
 * A name for 16 or 32 bytes (a session, a key, a hash) in maps and sets: equal for equal bytes and for no others. It is
 * made in a tenth of the time of a text that people can read.
 */
export function nameOf(bytes: Uint8Array): string {
  if (bytes.length === 16) {
    return String.fromCharCode(
      pair(bytes, 0),
      pair(bytes, 2),
      pair(bytes, 4),
      pair(bytes, 6),
      pair(bytes, 8),
      pair(bytes, 10),
      pair(bytes, 12),
      pair(bytes, 14),
    );
  }
  assert(bytes.length === 32, `${bytes.length} bytes have no name`);
  return String.fromCharCode(
    pair(bytes, 0),
    pair(bytes, 2),
    pair(bytes, 4),
    pair(bytes, 6),
    pair(bytes, 8),
    pair(bytes, 10),
    pair(bytes, 12),
    pair(bytes, 14),
    pair(bytes, 16),
    pair(bytes, 18),
    pair(bytes, 20),
    pair(bytes, 22),
    pair(bytes, 24),
    pair(bytes, 26),
    pair(bytes, 28),
    pair(bytes, 30),
  );
}

function pair(bytes: Uint8Array, offset: number): number {
  return (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
}

/** Bytes of a hexadecimal text, or undefined where it is not one. */
export function fromHex(text: string): Uint8Array | undefined {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) return undefined;
  const bytes = new Uint8Array(text.length / 2);
  for (let i = 0; i < bytes.length; i++) bytes[i] = Number.parseInt(text.slice(2 * i, 2 * i + 2), 16);
  return bytes;
}

/** Whether two byte arrays hold the same bytes. Not constant-time: never use it on secrets. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** Whether all bytes are zero; quick over many. */
export function allZero(bytes: Uint8Array): boolean {
  const view = viewOf(bytes);
  const words = bytes.length & ~3;
  for (let at = 0; at < words; at += 4) if (view.getUint32(at) !== 0) return false;
  for (let at = words; at < bytes.length; at++) if (bytes[at] !== 0) return false;
  return true;
}

/** Lexicographic order of bytes: negative, zero or positive. */
export function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return (a[i] as number) - (b[i] as number);
  return a.length - b.length;
}

/** One array holding all chunks in order. */
export function concatBytes(chunks: readonly Uint8Array[]): Uint8Array {
  let length = 0;
  for (const chunk of chunks) length += chunk.length;
  const all = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    all.set(chunk, offset);
    offset += chunk.length;
  }
  return all;
}

/** A DataView over exactly these bytes. */
export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Reads an unsigned 32-bit little-endian integer, without the view that small arrays would be copied for. */
export function readU32(bytes: Uint8Array, offset: number): number {
  const low = (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8);
  return (low | ((bytes[offset + 2] as number) << 16) | ((bytes[offset + 3] as number) << 24)) >>> 0;
}

/** Writes an unsigned 32-bit little-endian integer. */
export function writeU32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

/** Reads an unsigned 64-bit little-endian integer as a number; above 2^53 it is not exact. */
export function readU64Number(bytes: Uint8Array, offset: number): number {
  return readU32(bytes, offset) + readU32(bytes, offset + 4) * 0x1_0000_0000;
}

/** Writes a safe integer as an unsigned 64-bit little-endian one. */
export function writeU64Number(bytes: Uint8Array, offset: number, value: number): void {
  writeU32(bytes, offset, value % 0x1_0000_0000);
  writeU32(bytes, offset + 4, Math.floor(value / 0x1_0000_0000));
}

/** The 8 little-endian bytes of a safe integer. */
export function u64Bytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  writeU64Number(bytes, 0, value);
  return bytes;
}

/** Reads an unsigned 128-bit little-endian integer. */
export function readU128(view: DataView, offset: number): bigint {
  return view.getBigUint64(offset, true) | (view.getBigUint64(offset + 8, true) << 64n);
}

/** Writes an unsigned 128-bit little-endian integer. */
export function writeU128(view: DataView, offset: number, value: bigint): void {
  assert(value >= 0n && value <= U128_MAX, `${value} is no unsigned 128-bit integer`);
  view.setBigUint64(offset, value & U64_MAX, true);
  view.setBigUint64(offset + 8, value >> 64n, true);
}

/** One number as its bytes: a view of each small array would cost more than all else (0.3 us). */
const WIDE_BYTES = new Uint8Array(16);
const WIDE_VIEW = viewOf(WIDE_BYTES);

/** The 16 little-endian bytes of an unsigned 128-bit integer. */
export function u128Bytes(value: bigint): Uint8Array {
  writeU128(WIDE_VIEW, 0, value);
  return WIDE_BYTES.slice();
}

/** The unsigned 128-bit integer in 16 little-endian bytes. */
export function u128Of(bytes: Uint8Array): bigint {
  assert(bytes.length === 16, `${bytes.length} bytes are no 128-bit integer`);
  WIDE_BYTES.set(bytes);
  return readU128(WIDE_VIEW, 0);
}

// Part of every JavaScript host; declared here because pure units compile with neither DOM nor Node types.
declare const TextEncoder: new () => { encode(text: string): Uint8Array };
declare const TextDecoder: new (
  label: string,
  options: { readonly fatal: boolean; readonly ignoreBOM: boolean },
) => { decode(bytes: Uint8Array): string };

const encoder = new TextEncoder();
// A byte order mark is a character like any other: dropping it would let two texts have the same bytes.
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a text; a lone surrogate, which has none, becomes U+FFFD. */
export function utf8(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The text of UTF-8 bytes; throws `TypeError` where they are not UTF-8. */
export function fromUtf8(bytes: Uint8Array): string {
  return decoder.decode(bytes);
}
