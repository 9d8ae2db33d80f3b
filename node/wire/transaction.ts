/**
 * The transaction envelope: who asks, for which cluster, under which session and sequence, until when, and what.
 *
 * Signed is a domain-separated SHA-256 of cluster id, group, session, sequence, expiry, the first signer's key, kind and
 * body, so a signature is good for one place in one session of one cluster only. Whoever co-signs signs the very same.
 * The transaction's hash is the Merkle leaf of its bytes; its session knows it by that of its bytes without co-signatures.
 */
import { compareBytes, equalBytes, utf8, writeU32, writeU64Number } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { AUTHORITY_KEYS_MAX, TRANSACTION_BYTES_MAX } from "../base/limits.ts";
import type { Sha256, VerifyJob } from "../base/ports/crypto.ts";
import { type Command, encodeBody, kindOf } from "./body.ts";
import { leafHash } from "./merkle.ts";
import { unpack, WireError } from "./msgpack.ts";
import { unpacking } from "./pack-reader.ts";
import { packing } from "./pack-writer.ts";
import { bytes, bytesBetween, check, integer, list, safeInteger, tuple, u64 } from "./schema.ts";

const ENVELOPE_VERSION = 1;
const FIELDS = 10;
/** The one Raft group there is; in every envelope and block from the start. */
export const GROUP = 0;

const DOMAIN = utf8("quorate.transaction.v1\0");

/** The signature of another key of the first signer's authority, over the same digest. */
interface Cosignature {
  readonly publicKey: Uint8Array;
  readonly signature: Uint8Array;
}

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
  /** In rising order of keys, none of them twice and none the first signer's; empty where one signature is enough. */
  readonly cosignatures: readonly Cosignature[];
  readonly body: Uint8Array;
}

/** What the client fills in before it signs. */
export type UnsignedTransaction = Omit<Transaction, "signature" | "cosignatures">;

const NONE: readonly Cosignature[] = [];

const envelope = tuple(
  integer(ENVELOPE_VERSION, ENVELOPE_VERSION),
  integer(GROUP, GROUP),
  integer(0, 0xffff),
  bytes(16),
  safeInteger,
  u64,
  bytes(32),
  bytes(64),
  list(tuple(bytes(32), bytes(64)), AUTHORITY_KEYS_MAX - 1),
  bytesBetween(0, TRANSACTION_BYTES_MAX),
);

export function encodeTransaction(transaction: Transaction): Uint8Array {
  const { group, kind, session, sequence, expiry, publicKey, signature, cosignatures, body } = transaction;
  const to = packing().list(FIELDS).integer(ENVELOPE_VERSION).integer(group).integer(kind).bytes(session);
  to.integer(sequence).unsigned64(expiry).bytes(publicKey).bytes(signature).list(cosignatures.length);
  for (const cosignature of cosignatures) to.list(2).bytes(cosignature.publicKey).bytes(cosignature.signature);
  return to.finishWith(body);
}

/** Decodes an envelope; throws `WireError` `malformed_msgpack` or `malformed_transaction`. The body is not looked at. */
export function decodeTransaction(encoded: Uint8Array): Transaction {
  if (encoded.length > TRANSACTION_BYTES_MAX) {
    throw new WireError("malformed_transaction", `a transaction has at most ${TRANSACTION_BYTES_MAX} bytes`, {
      bytes: encoded.length,
    });
  }
  const common = decodeSigned(encoded);
  if (common !== undefined) return common;
  const fields = check(envelope, unpack(encoded), "malformed_transaction");
  const [, group, kind, session, sequence, expiry, publicKey, signature, pairs, body] = fields;
  const cosignatures = pairs.map(([key, by]): Cosignature => ({ publicKey: key, signature: by }));
  checkOrder(publicKey, cosignatures);
  return { group, kind, session, sequence, expiry, publicKey, signature, cosignatures, body };
}

/** Decodes what nearly all are: signed by one key. Undefined for others, and for what is wrong. */
function decodeSigned(encoded: Uint8Array): Transaction | undefined {
  const from = unpacking(encoded);
  from.listOf(FIELDS);
  const version = from.integer(ENVELOPE_VERSION);
  const group = from.integer(GROUP);
  const kind = from.integer(0xffff);
  const session = from.bytes(16);
  const sequence = from.integer(Number.MAX_SAFE_INTEGER);
  const expiry = from.unsigned64();
  const publicKey = from.bytes(32);
  const signature = from.bytes(64);
  from.listOf(0);
  const body = from.bytes(0, TRANSACTION_BYTES_MAX);
  if (!from.end() || version !== ENVELOPE_VERSION) return undefined;
  return { group, kind, session, sequence, expiry, publicKey, signature, cosignatures: NONE, body };
}

/** One set of signers has one order, so that nobody on the way can give a transaction other bytes. */
function checkOrder(first: Uint8Array, cosignatures: readonly Cosignature[]): void {
  cosignatures.forEach(({ publicKey }, index) => {
    const before = cosignatures[index - 1];
    if (equalBytes(publicKey, first) || (before !== undefined && compareBytes(before.publicKey, publicKey) >= 0)) {
      throw new WireError("malformed_transaction", "co-signatures stand in rising order of keys, each key signs once");
    }
  });
}

/** The 32 bytes that are signed. */
export function signingDigest(sha256: Sha256, clusterId: Uint8Array, transaction: UnsignedTransaction): Uint8Array {
  const numbers = new Uint8Array(24);
  writeU32(numbers, 0, transaction.group);
  writeU32(numbers, 4, transaction.kind);
  writeU64Number(numbers, 8, transaction.sequence);
  writeU32(numbers, 16, Number(transaction.expiry & 0xffff_ffffn));
  writeU32(numbers, 20, Number(transaction.expiry >> 32n));
  return sha256(DOMAIN, clusterId, transaction.session, numbers, transaction.publicKey, transaction.body);
}

/**
 * What a session knows a transaction by: the hash of its bytes without co-signatures. So the same intent is the same
 * transaction whoever has co-signed it. `hash` is that of its bytes as they are.
 */
export function intentHash(sha256: Sha256, transaction: Transaction, hash: Uint8Array): Uint8Array {
  if (transaction.cosignatures.length === 0) return hash;
  return leafHash(sha256, encodeTransaction({ ...transaction, cosignatures: [] }));
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
  return encodeTransaction({ signature, cosignatures: NONE, ...unsigned });
}

/**
 * Adds a signature to a signed transaction. Throws `WireError` as `decodeTransaction`, and `CodedError` `already_signed`
 * or `too_many_signatures`.
 */
export function cosignTransaction(
  sha256: Sha256,
  signer: Signer,
  clusterId: Uint8Array,
  encoded: Uint8Array,
): Uint8Array {
  const transaction = decodeTransaction(encoded);
  const { publicKey } = signer;
  const signed = [transaction, ...transaction.cosignatures].some((by) => equalBytes(by.publicKey, publicKey));
  if (signed) throw new CodedError("already_signed", "this key has signed the transaction already");
  if (transaction.cosignatures.length === AUTHORITY_KEYS_MAX - 1) {
    throw new CodedError("too_many_signatures", `a transaction has at most ${AUTHORITY_KEYS_MAX} signatures`);
  }
  const signature = signer.sign(signingDigest(sha256, clusterId, transaction));
  const cosignatures = [...transaction.cosignatures, { publicKey, signature }];
  cosignatures.sort((a, b) => compareBytes(a.publicKey, b.publicKey));
  return encodeTransaction({ ...transaction, cosignatures });
}

/** The signatures of a transaction, to be checked: all are over the same digest. */
export function signatureJobs(sha256: Sha256, clusterId: Uint8Array, transaction: Transaction): readonly VerifyJob[] {
  const message = signingDigest(sha256, clusterId, transaction);
  const { publicKey: first, signature: by, cosignatures } = transaction;
  if (cosignatures.length === 0) return [{ publicKey: first, message, signature: by }];
  return [transaction, ...cosignatures].map(({ publicKey, signature }) => {
    return { publicKey, message, signature };
  });
}
