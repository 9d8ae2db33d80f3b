/**
 * Bytes of a log segment. All little-endian, records aligned to 8 bytes.
 *
 * Segment header, 32 bytes: magic u32 | version u32 | first index u64 | crc32c u32 of these 16 | zeros.
 * Record: magic u32 | payload length u32 | crc32c u32 | zero u32 | index u64 | term u64 | durable index u64 |
 *         previous hash 32 | hash 32 | payload | zeros up to a multiple of 8.
 * The checksum covers all of the record but itself. `durable index` is the last index known durable when the record was
 * written: damage at or before it in a later scan is damage to what was acknowledged, not a torn tail.
 */
import { viewOf } from "../../node/base/bytes.ts";
import { crc32c } from "../checksum.ts";
import type { WalRecord } from "./log-store.ts";

export const SEGMENT_HEADER_BYTES = 32;
export const RECORD_HEADER_BYTES = 104;
export const RECORD_MAGIC = 0x52415751; // "QWAR"
const SEGMENT_MAGIC = 0x4c415751; // "QWAL"
const FORMAT_VERSION = 1;
const ALIGNMENT = 8;

/** A record as found in a segment. */
export interface FoundRecord extends WalRecord {
  readonly durableIndex: number;
  /** Bytes it takes, padding included. */
  readonly bytes: number;
}

export function recordBytes(payloadLength: number): number {
  return Math.ceil((RECORD_HEADER_BYTES + payloadLength) / ALIGNMENT) * ALIGNMENT;
}

export function encodeSegmentHeader(firstIndex: number): Uint8Array {
  const bytes = new Uint8Array(SEGMENT_HEADER_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, SEGMENT_MAGIC, true);
  view.setUint32(4, FORMAT_VERSION, true);
  view.setBigUint64(8, BigInt(firstIndex), true);
  view.setUint32(16, crc32c(bytes.subarray(0, 16)), true);
  return bytes;
}

/** The segment's first index, or why its header cannot be used. */
export function decodeSegmentHeader(bytes: Uint8Array): number | "foreign" | "damaged" {
  if (bytes.length < SEGMENT_HEADER_BYTES) return "damaged";
  const view = viewOf(bytes);
  if (view.getUint32(16, true) !== crc32c(bytes.subarray(0, 16))) return "damaged";
  if (bytes.subarray(20, SEGMENT_HEADER_BYTES).some((byte) => byte !== 0)) return "damaged";
  if (view.getUint32(0, true) !== SEGMENT_MAGIC || view.getUint32(4, true) !== FORMAT_VERSION) return "foreign";
  return Number(view.getBigUint64(8, true));
}

/** The header of a record, and the padding behind its payload. */
export function encodeRecord(record: WalRecord, durableIndex: number): { header: Uint8Array; padding: Uint8Array } {
  const header = new Uint8Array(RECORD_HEADER_BYTES);
  const view = viewOf(header);
  const { payload } = record;
  view.setUint32(0, RECORD_MAGIC, true);
  view.setUint32(4, payload.length, true);
  view.setBigUint64(16, BigInt(record.index), true);
  view.setBigUint64(24, BigInt(record.term), true);
  view.setBigUint64(32, BigInt(durableIndex), true);
  header.set(record.previousHash, 40);
  header.set(record.hash, 72);
  view.setUint32(8, checksum(header, payload), true);
  return { header, padding: new Uint8Array(recordBytes(payload.length) - RECORD_HEADER_BYTES - payload.length) };
}

/** The record at the start of `bytes`, or undefined where there is no whole, undamaged one. */
export function decodeRecord(bytes: Uint8Array): FoundRecord | undefined {
  if (bytes.length < RECORD_HEADER_BYTES) return undefined;
  const view = viewOf(bytes);
  if (view.getUint32(0, true) !== RECORD_MAGIC || view.getUint32(12, true) !== 0) return undefined;
  const length = view.getUint32(4, true);
  const total = recordBytes(length);
  if (total > bytes.length) return undefined;
  const header = bytes.subarray(0, RECORD_HEADER_BYTES);
  const payload = bytes.subarray(RECORD_HEADER_BYTES, RECORD_HEADER_BYTES + length);
  if (view.getUint32(8, true) !== checksum(header, payload)) return undefined;
  if (bytes.subarray(RECORD_HEADER_BYTES + length, total).some((byte) => byte !== 0)) return undefined;
  return {
    index: Number(view.getBigUint64(16, true)),
    term: Number(view.getBigUint64(24, true)),
    durableIndex: Number(view.getBigUint64(32, true)),
    previousHash: bytes.slice(40, 72),
    hash: bytes.slice(72, 104),
    payload: payload.slice(),
    bytes: total,
  };
}

function checksum(header: Uint8Array, payload: Uint8Array): number {
  return crc32c(payload, crc32c(header.subarray(12), crc32c(header.subarray(0, 8))));
}
