/**
 * Frames of the forward lane: a node hands a client's admitted transaction to the leader, and the leader says when it
 * will not order it. The sender has checked the signature; the link between peers is authenticated.
 */

import { TRANSACTION_BYTES_MAX } from "../base/limits.ts";
import type { RefusalCode } from "../messages/gateway.ts";
import { pack, unpack, WireError } from "../wire/msgpack.ts";
import { bytes, bytesBetween, check, integer, oneOf, type Schema, tuple } from "../wire/schema.ts";

const SUBMIT = 1;
const REFUSED = 2;

export type ForwardFrame =
  | { readonly type: "submit"; readonly transaction: Uint8Array }
  | { readonly type: "refused"; readonly hash: Uint8Array; readonly code: RefusalCode };

const submitSchema: Schema<readonly [type: number, transaction: Uint8Array]> = tuple(
  integer(SUBMIT, SUBMIT),
  bytesBetween(1, TRANSACTION_BYTES_MAX),
);
const refusedSchema: Schema<readonly [type: number, hash: Uint8Array, code: RefusalCode]> = tuple(
  integer(REFUSED, REFUSED),
  bytes(32),
  oneOf("busy", "no_leader", "not_leader"),
);

export function encodeForwardFrame(frame: ForwardFrame): Uint8Array {
  return frame.type === "submit" ? pack([SUBMIT, frame.transaction]) : pack([REFUSED, frame.hash, frame.code]);
}

/** Throws `WireError`. */
export function decodeForwardFrame(encoded: Uint8Array): ForwardFrame {
  const value = unpack(encoded);
  const type: unknown = Array.isArray(value) ? value[0] : undefined;
  if (type === SUBMIT) return { type: "submit", transaction: check(submitSchema, value, "malformed_frame")[1] };
  if (type !== REFUSED) throw new WireError("malformed_frame", "there is no such forward frame");
  const [, hash, code] = check(refusedSchema, value, "malformed_frame");
  return { type: "refused", hash, code };
}
