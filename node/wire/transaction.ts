/**
 * The transaction envelope: who asks, for which cluster, under which session and sequence, until when, and what.
 *
 * Signed is a domain-separated SHA-256 of cluster id, group, session, sequence, expiry, kind and body, so a signature is
 * good for one place in one session of one cluster only. The transaction's hash is the Merkle leaf of its bytes.
 */
import { utf8, viewOf } from "../base/bytes.ts";
import { TRANSACTION_BYTES_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { type Command, encodeBody, kindOf } from "./body.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import { bytes, bytesBetween, check, integer, safeInteger, tuple, u64 } from "./schema.ts";

const ENVELOPE_VERSION = 1;
/** The one Raft group there is; in every envelope and block from the start. */
export const GROUP = 0;

const DOMAIN = utf8("quorate.transaction.v1\0");

/** A transaction as it travels and as it stands in the log. */
export interface Transaction {
  readonly group: number;
  readonly kind: number;
  /** 16 bytes chosen at random by the client. */
  readonly session: Uint8Array;
  /** From 1 within the session; 0 opens it. */
  readonly sequence: number;
  /** Log time in nanoseconds after which it must not execute. */
  readonly expiry: bigint;
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
  readonly body: Uint8Array;
}

/** What the client fills in before it signs. */
export type UnsignedTransaction = Omit<Transaction, "signature">;

const envelope = tuple(
  integer(ENVELOPE_VERSION, ENVELOPE_VERSION),
  integer(GROUP, GROUP),
  integer(0, 0xffff),
  bytes(16),
  safeInteger,
  u64,
  bytes(32),
  bytes(64),
  bytesBetween(0, TRANSACTION_BYTES_MAX),
);

export function encodeTransaction(transaction: Transaction): Uint8Array {
  const { group, kind, session, sequence, expiry, publicKey, signature, body } = transaction;
  return pack([ENVELOPE_VERSION, group, kind, session, sequence, expiry, publicKey, signature, body]);
}

/** Decodes an envelope; throws `WireError` `malformed_msgpack` or `malformed_transaction`. The body is not looked at. */
export function decodeTransaction(encoded: Uint8Array): Transaction {
  if (encoded.length > TRANSACTION_BYTES_MAX) {
    throw new WireError("malformed_transaction", `a transaction has at most ${TRANSACTION_BYTES_MAX} bytes`, {
      bytes: encoded.length,
    });
  }
  const fields = check(envelope, unpack(encoded), "malformed_transaction");
  const [, group, kind, session, sequence, expiry, publicKey, signature, body] = fields;
  return { group, kind, session, sequence, expiry, publicKey, signature, body };
}

/** The 32 bytes that are signed. */
export function signingDigest(sha256: Sha256, clusterId: Uint8Array, transaction: UnsignedTransaction): Uint8Array {
  const numbers = new Uint8Array(24);
  const view = viewOf(numbers);
  view.setUint32(0, transaction.group, true);
  view.setUint32(4, transaction.kind, true);
  view.setBigUint64(8, BigInt(transaction.sequence), true);
  view.setBigUint64(16, transaction.expiry, true);
  return sha256(DOMAIN, clusterId, transaction.session, numbers, transaction.publicKey, transaction.body);
}

/** How a client signs: over the digest, with the key of `publicKey`. */
export interface Signer {
  readonly publicKey: Uint8Array;
  sign(message: Uint8Array): Uint8Array;
}

/** Where a transaction stands in its session. */
export interface Placement {
  readonly clusterId: Uint8Array;
  readonly session: Uint8Array;
  readonly sequence: number;
  readonly expiry: bigint;
}

/** Builds, signs and encodes a transaction. */
export function signTransaction(sha256: Sha256, signer: Signer, placement: Placement, command: Command): Uint8Array {
  const { session, sequence, expiry } = placement;
  const unsigned: UnsignedTransaction = {
    group: GROUP,
    kind: kindOf(command),
    session,
    sequence,
    expiry,
    publicKey: signer.publicKey,
    body: encodeBody(command),
  };
  const signature = signer.sign(signingDigest(sha256, placement.clusterId, unsigned));
  return encodeTransaction({ ...unsigned, signature });
}
