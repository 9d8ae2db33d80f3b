/**
 * Bytes of a log segment. All little-endian; records and marks are aligned to 8 bytes and never cross segments.
 *
 * Segment header, 32 bytes: magic u32 | version u32 | first index u64 | crc32c u32 of these 16 | id of the data key 8,
 *         zeros where nothing is encrypted | crc32c u32 of these 28.
 * Record: crc32 u32 | magic u32 | payload length u32 | offset u32 | index u64 | term u64 | durable index u64 |
 *         previous hash 32 | hash 32 | payload | zeros up to a multiple of 8.
 * Mark, 24 bytes: crc32 u32 | magic u32 | offset u32 | zero u32 | durable index u64.
 *
 * Headers have CRC32C, as in every version; records and marks CRC-32, which the processor does. A checksum covers all of
 * the record or mark behind itself. `offset` is where it stands in its segment: bytes that got to a wrong place, or that a
 * client sent as part of a payload, are none. `durable index` is the last index known to be durable when it was written:
 * damage at or before it is damage to what was acknowledged, not a torn tail.
 *
 * In an encrypted log the payload is sealed, bound to its index, term and hashes. Checksums are of what stands on the disk,
 * so that a log is read and judged the same way with or without the key.
 */
import { concatBytes, viewOf } from "../../node/base/bytes.ts";
import { type Cipher, SEALED_EXTRA_BYTES } from "../../node/base/ports/cipher.ts";
import { crc32c } from "../checksum.ts";
import { crc32 } from "../crc32.ts";
import type { WalRecord } from "./log-store.ts";

export const FORMAT_VERSION = 4;
export const SEGMENT_HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 104;
export const MARK_BYTES = 24;
export const ALIGNMENT = 8;
const SEGMENT_MAGIC = 0x4c415751; // "QWAL"
const RECORD_MAGIC = 0x52415751; // "QWAR"
const MARK_MAGIC = 0x4d415751; // "QWAM"

/** What a segment's first bytes say. */
export interface SegmentHeader {
  readonly version: number;
  readonly firstIndex: number;
  /** Of the data key that payloads are sealed with; all zeros for none. */
  readonly keyId: Uint8Array;
}

/** A record, or a mark, as found in a segment; hashes and payload are views of the bytes it was found in. */
export interface Found {
  readonly record: WalRecord | undefined;
  readonly durableIndex: number;
  /** Bytes it takes, padding included. */
  readonly bytes: number;
}

/** Bytes of a record with so many bytes of payload as it stands on the disk. */
export function recordBytes(payloadLength: number): number {
  return Math.ceil((RECORD_HEADER_BYTES + payloadLength) / ALIGNMENT) * ALIGNMENT;
}

/** How long a payload is on the disk. */
export function storedLength({ payload }: WalRecord, cipher: Cipher | undefined): number {
  return payload.length + (cipher === undefined ? 0 : SEALED_EXTRA_BYTES);
}

export function encodeSegmentHeader(firstIndex: number, keyId: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, SEGMENT_MAGIC, true);
  view.setUint32(4, FORMAT_VERSION, true);
  view.setBigUint64(8, BigInt(firstIndex), true);
  view.setUint32(16, crc32c(bytes.subarray(0, 16)), true);
  bytes.set(keyId, 20);
  view.setUint32(28, crc32c(bytes.subarray(0, 28)), true);
  return bytes;
}

/**
 * The header in a segment's first bytes, or undefined where there is no undamaged one. Every version keeps magic,
 * version and checksum where they are, so that an older program can say what it sees.
 */
export function decodeSegmentHeader(bytes: Uint8Array): SegmentHeader | undefined {
  if (bytes.length < SEGMENT_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== SEGMENT_MAGIC) return undefined;
  if (view.getUint32(16, true) !== crc32c(bytes.subarray(0, 16))) return undefined;
  const version = view.getUint32(4, true);
  if (version === FORMAT_VERSION && view.getUint32(28, true) !== crc32c(bytes.subarray(0, 28))) return undefined;
  return { version, firstIndex: Number(view.getBigUint64(8, true)), keyId: bytes.slice(20, 28) };
}

/**
 * Consecutive records that will stand from `offset` of their segment on, in pieces to be written one behind the other:
 * payloads are not copied, or sealed where there is a cipher.
 */
export function encodeRecords(
  records: readonly WalRecord[],
  { offset, durableIndex, cipher }: { offset: number; durableIndex: number; cipher?: Cipher | undefined },
): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  let at = offset;
  for (const record of records) {
    const stored = cipher?.seal(record.payload, associatedOf(record)) ?? [record.payload];
    const length = storedLength(record, cipher);
    const { header, padding } = frameOf(record, { stored, length, offset: at, durableIndex });
    pieces.push(header, ...stored);
    if (padding.length > 0) pieces.push(padding);
    at += recordBytes(length);
  }
  return pieces;
}

interface Placement {
  /** The payload as it will stand on the disk, in pieces. */
  readonly stored: readonly Uint8Array[];
  readonly length: number;
  readonly offset: number;
  readonly durableIndex: number;
}

/** What stands before a record's payload and behind it. */
function frameOf(
  { index, term, previousHash, hash }: WalRecord,
  { stored, length, offset, durableIndex }: Placement,
): { readonly header: Uint8Array; readonly padding: Uint8Array } {
  const bytes = new Uint8Array(recordBytes(length) - length);
  const header = bytes.subarray(0, RECORD_HEADER_BYTES);
  const padding = bytes.subarray(RECORD_HEADER_BYTES);
  const view = viewOf(header);
  view.setUint32(4, RECORD_MAGIC, true);
  view.setUint32(8, length, true);
  view.setUint32(12, offset, true);
  view.setBigUint64(16, BigInt(index), true);
  view.setBigUint64(24, BigInt(term), true);
  view.setBigUint64(32, BigInt(durableIndex), true);
  header.set(previousHash, 40);
  header.set(hash, 72);
  let sum = crc32(header.subarray(4));
  for (const piece of stored) sum = crc32(piece, sum);
  view.setUint32(0, crc32(padding, sum), true);
  return { header, padding };
}

/**
 * A record as it was appended, from what was read of it; undefined where its payload is not what was sealed. Without a
 * cipher it is what was read.
 */
export function openRecord(record: WalRecord, cipher: Cipher | undefined): WalRecord | undefined {
  if (cipher === undefined) return record;
  const payload = cipher.open(record.payload, associatedOf(record));
  return payload === undefined ? undefined : { ...record, payload };
}

/** What a sealed payload is bound to. */
function associatedOf({ index, term, previousHash, hash }: WalRecord): Uint8Array {
  const numbers = new Uint8Array(16);
  const view = viewOf(numbers);
  view.setBigUint64(0, BigInt(index), true);
  view.setBigUint64(8, BigInt(term), true);
  return concatBytes([numbers, previousHash, hash]);
}

/** A mark that will stand at `offset`, saying that everything up to `durableIndex` is durable. */
export function encodeMark(offset: number, durableIndex: number): Uint8Array {
  const bytes = new Uint8Array(MARK_BYTES);
  const view = viewOf(bytes);
  view.setUint32(4, MARK_MAGIC, true);
  view.setUint32(8, offset, true);
  view.setBigUint64(16, BigInt(durableIndex), true);
  view.setUint32(0, crc32(bytes.subarray(4)), true);
  return bytes;
}

/**
 * How many bytes the record or mark would take that begins at `at` of the view and at `offset` of its segment, by what
 * it says of itself; undefined where nothing says so.
 */
export function claimedBytes(view: DataView, at: number, offset: number): number | undefined {
  if (at + MARK_BYTES > view.byteLength) return undefined;
  const magic = view.getUint32(at + 4, true);
  if (magic === MARK_MAGIC && view.getUint32(at + 8, true) === offset) return MARK_BYTES;
  if (magic !== RECORD_MAGIC || view.getUint32(at + 12, true) !== offset) return undefined;
  return recordBytes(view.getUint32(at + 8, true));
}

/** The record or mark that claimed to be exactly these bytes, or undefined where it is damaged. */
export function decodeClaimed(bytes: Uint8Array): Found | undefined {
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== crc32(bytes.subarray(4))) return undefined;
  if (view.getUint32(4, true) === MARK_MAGIC) {
    return { record: undefined, durableIndex: Number(view.getBigUint64(16, true)), bytes: bytes.length };
  }
  const record = {
    index: Number(view.getBigUint64(16, true)),
    term: Number(view.getBigUint64(24, true)),
    previousHash: bytes.subarray(40, 72),
    hash: bytes.subarray(72, 104),
    payload: bytes.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + view.getUint32(8, true)),
  };
  return { record, durableIndex: Number(view.getBigUint64(32, true)), bytes: bytes.length };
}
