/**
 * Receipts: what a client keeps to prove what became of its transaction, checked offline.
 *
 * The node signs once a block, see attestation.ts. The block hash proves the transaction's place
 * (Merkle path to the header's root), the digest proves its result: digest = H(previous digest, block hash, result root,
 * effects hash), and the result lies under the result root.
 */
import { equalBytes, utf8 } from "../base/bytes.ts";
import { BLOCK_TRANSACTIONS_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { type Attested, attestation, type NodeTrust } from "./attestation.ts";
import { BLOCK_HEADER_BYTES, blockHash, decodeBlockHeader } from "./block.ts";
import { leafHash, verifyMerklePath } from "./merkle.ts";
import { unpack, WireError } from "./msgpack.ts";
import { unpacking } from "./pack-reader.ts";
import { packing } from "./pack-writer.ts";
import { bytes, bytesBetween, check, integer, list, tuple } from "./schema.ts";

export interface Receipt {
  /** Merkle leaf of the transaction's bytes. */
  readonly transactionHash: Uint8Array;
  readonly transactionIndex: number;
  readonly transactionPath: readonly Uint8Array[];
  readonly blockHeader: Uint8Array;
  /** The encoded result, see results.ts. */
  readonly result: Uint8Array;
  readonly resultPath: readonly Uint8Array[];
  readonly resultRoot: Uint8Array;
  readonly previousDigest: Uint8Array;
  readonly effectsHash: Uint8Array;
  /** Root of the history tree over all blocks up to this one. */
  readonly historyRoot: Uint8Array;
  readonly nodeKey: Uint8Array;
  readonly signature: Uint8Array;
}

const DIGEST_DOMAIN = utf8("quorate.digest.v1\0");
const VERSION = 1;
const FIELDS = 13;
const RESULT_MAX: number = 2 ** 20;
const PATH_MAX = 12;
const hash = bytes(32);
const path = list(hash, PATH_MAX);
const receiptSchema = tuple(
  integer(VERSION, VERSION),
  hash,
  integer(0, BLOCK_TRANSACTIONS_MAX - 1),
  path,
  bytes(BLOCK_HEADER_BYTES),
  bytesBetween(1, RESULT_MAX),
  path,
  hash,
  hash,
  hash,
  hash,
  hash,
  bytes(64),
);

export function encodeReceipt(receipt: Receipt): Uint8Array {
  const { transactionPath, resultPath } = receipt;
  const to = packing().list(FIELDS).integer(VERSION).bytes(receipt.transactionHash).integer(receipt.transactionIndex);
  to.list(transactionPath.length);
  for (const sibling of transactionPath) to.bytes(sibling);
  to.bytes(receipt.blockHeader).bytes(receipt.result).list(resultPath.length);
  for (const sibling of resultPath) to.bytes(sibling);
  to.bytes(receipt.resultRoot).bytes(receipt.previousDigest).bytes(receipt.effectsHash).bytes(receipt.historyRoot);
  return to.bytes(receipt.nodeKey).bytes(receipt.signature).finish();
}

/** Decodes a receipt; throws `WireError` `malformed_msgpack` or `malformed_receipt`. */
export function decodeReceipt(encoded: Uint8Array): Receipt {
  const right = decodeRight(encoded);
  if (right !== undefined) return right;
  const f = check(receiptSchema, unpack(encoded), "malformed_receipt");
  return {
    transactionHash: f[1],
    transactionIndex: f[2],
    transactionPath: f[3],
    blockHeader: f[4],
    result: f[5],
    resultPath: f[6],
    resultRoot: f[7],
    previousDigest: f[8],
    effectsHash: f[9],
    historyRoot: f[10],
    nodeKey: f[11],
    signature: f[12],
  };
}

/** Decodes a receipt; undefined where something is wrong with it. */
function decodeRight(encoded: Uint8Array): Receipt | undefined {
  const from = unpacking(encoded);
  from.listOf(FIELDS);
  const version = from.integer(VERSION);
  const receipt: Receipt = {
    transactionHash: from.bytes(32),
    transactionIndex: from.integer(BLOCK_TRANSACTIONS_MAX - 1),
    transactionPath: decodePath(from),
    blockHeader: from.bytes(BLOCK_HEADER_BYTES),
    result: from.bytes(1, RESULT_MAX),
    resultPath: decodePath(from),
    resultRoot: from.bytes(32),
    previousDigest: from.bytes(32),
    effectsHash: from.bytes(32),
    historyRoot: from.bytes(32),
    nodeKey: from.bytes(32),
    signature: from.bytes(64),
  };
  return from.end() && version === VERSION ? receipt : undefined;
}

function decodePath(from: ReturnType<typeof unpacking>): readonly Uint8Array[] {
  const count = from.list(PATH_MAX);
  const siblings: Uint8Array[] = [];
  for (let i = 0; i < count; i++) siblings.push(from.bytes(32));
  return siblings;
}

/** The state digest after a block. */
export function stateDigest(
  sha256: Sha256,
  parts: { previousDigest: Uint8Array; blockHash: Uint8Array; resultRoot: Uint8Array; effectsHash: Uint8Array },
): Uint8Array {
  return sha256(DIGEST_DOMAIN, parts.previousDigest, parts.blockHash, parts.resultRoot, parts.effectsHash);
}

export type ReceiptVerdict =
  | { readonly valid: true; readonly height: number; readonly timestamp: bigint; readonly digest: Uint8Array }
  | { readonly valid: false; readonly reason: ReceiptFault };
type ReceiptFault =
  | "malformed_block"
  | "foreign_cluster"
  | "transaction_not_in_block"
  | "result_not_in_block"
  | "unknown_node"
  | "bad_signature";

/** Checks a receipt against what the verifier trusts. With `transaction`, also that it is about those very bytes. */
export function verifyReceipt(receipt: Receipt, trust: NodeTrust, transaction?: Uint8Array): ReceiptVerdict {
  const { sha256 } = trust;
  const header = headerOf(receipt);
  if (header === undefined) return { valid: false, reason: "malformed_block" };
  if (!equalBytes(header.clusterId, trust.clusterId)) return { valid: false, reason: "foreign_cluster" };
  const count = header.transactionCount;
  const index = receipt.transactionIndex;
  const inBlock = { leaf: receipt.transactionHash, index, count, path: receipt.transactionPath };
  if (!verifyMerklePath(sha256, inBlock, header.transactionRoot))
    return { valid: false, reason: "transaction_not_in_block" };
  if (transaction !== undefined && !equalBytes(leafHash(sha256, transaction), receipt.transactionHash)) {
    return { valid: false, reason: "transaction_not_in_block" };
  }
  const result = { leaf: leafHash(sha256, receipt.result), index, count, path: receipt.resultPath };
  if (!verifyMerklePath(sha256, result, receipt.resultRoot)) return { valid: false, reason: "result_not_in_block" };
  if (!trust.nodeKeys.some((key) => equalBytes(key, receipt.nodeKey))) return { valid: false, reason: "unknown_node" };
  const attested = attestedBy(sha256, receipt, header.height);
  const signed = attestation(sha256, trust.clusterId, attested);
  if (!trust.verify(receipt.nodeKey, signed, receipt.signature)) return { valid: false, reason: "bad_signature" };
  return { valid: true, height: header.height, timestamp: header.timestamp, digest: attested.digest };
}

/** What the node has signed, as it follows from the receipt. */
function attestedBy(sha256: Sha256, receipt: Receipt, height: number): Attested {
  const hashOfBlock = blockHash(sha256, receipt.blockHeader);
  const digest = stateDigest(sha256, { ...receipt, blockHash: hashOfBlock });
  return { height, blockHash: hashOfBlock, digest, historyRoot: receipt.historyRoot };
}

function headerOf(receipt: Receipt): ReturnType<typeof decodeBlockHeader> | undefined {
  try {
    return decodeBlockHeader(receipt.blockHeader);
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
