/**
 * Frames of the forward lane: a node hands its clients' admitted transactions to the leader, all of a turn together, and
 * the leader says of each that it will not order. The sender has checked the signatures; the link between peers is
 * authenticated.
 */

import { BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX, TRANSACTION_BYTES_MAX } from "../base/limits.ts";
import type { RefusalCode } from "../messages/gateway.ts";
import { pack, unpack, WireError } from "../wire/msgpack.ts";
import { unpacking } from "../wire/pack-reader.ts";
import { packing } from "../wire/pack-writer.ts";
import { bytes, bytesBetween, check, integer, list, oneOf, type Schema, tuple } from "../wire/schema.ts";

const SUBMIT = 1;
const REFUSED = 2;

export type ForwardFrame =
  | { readonly type: "submit"; readonly transactions: readonly Uint8Array[] }
  | { readonly type: "refused"; readonly hash: Uint8Array; readonly code: RefusalCode };

const transactionsSchema = list(bytesBetween(1, TRANSACTION_BYTES_MAX), BLOCK_TRANSACTIONS_MAX);
const refusedSchema: Schema<readonly [type: number, hash: Uint8Array, code: RefusalCode]> = tuple(
  integer(REFUSED, REFUSED),
  bytes(32),
  oneOf("busy", "disk_full", "no_leader", "not_leader"),
);

/** Cuts what is to be submitted into what one frame holds: no more than a block. */
export function inFrames(transactions: readonly Uint8Array[]): readonly (readonly Uint8Array[])[] {
  const frames: Uint8Array[][] = [];
  let room = 0;
  for (const transaction of transactions) {
    const last = frames.at(-1);
    room -= transaction.length;
    if (last !== undefined && room >= 0 && last.length < BLOCK_TRANSACTIONS_MAX) last.push(transaction);
    else {
      frames.push([transaction]);
      room = BLOCK_BYTES_MAX - transaction.length;
    }
  }
  return frames;
}

/** A frame in pieces, to be sent one behind the other: transactions are not copied. */
export function encodeForwardFrame(frame: ForwardFrame): readonly Uint8Array[] {
  if (frame.type === "refused") return [pack([REFUSED, frame.hash, frame.code])];
  const { transactions } = frame;
  const pieces: Uint8Array[] = [];
  const to = packing()
    .list(1 + transactions.length)
    .integer(SUBMIT);
  for (const transaction of transactions) {
    pieces.push(to.bytesHead(transaction.length).finish(), transaction);
    to.begin();
  }
  return pieces;
}

/** Throws `WireError`. */
export function decodeForwardFrame(encoded: Uint8Array): ForwardFrame {
  const transactions = decodeSubmit(encoded);
  if (transactions !== undefined) return { type: "submit", transactions };
  const value = unpack(encoded);
  const [type, ...rest]: readonly unknown[] = Array.isArray(value) ? value : [];
  if (type === SUBMIT && rest.length > 0) {
    return { type: "submit", transactions: check(transactionsSchema, rest, "malformed_frame") };
  }
  if (type !== REFUSED) throw new WireError("malformed_frame", "there is no such forward frame");
  const [, hash, code] = check(refusedSchema, value, "malformed_frame");
  return { type: "refused", hash, code };
}

/** The transactions of a frame that is right; undefined for other frames, and for what is wrong. */
function decodeSubmit(encoded: Uint8Array): readonly Uint8Array[] | undefined {
  const from = unpacking(encoded);
  const count = from.list(1 + BLOCK_TRANSACTIONS_MAX) - 1;
  const type = from.integer(SUBMIT);
  const transactions: Uint8Array[] = [];
  for (let i = 0; i < count; i++) transactions.push(from.bytes(1, TRANSACTION_BYTES_MAX));
  return from.end() && type === SUBMIT && count > 0 ? transactions : undefined;
}
