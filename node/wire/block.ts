/**
 * A block: one entry of the replicated log. A fixed header of 208 bytes, then the transactions, each behind its length.
 *
 *   0 magic u32 | 4 release u16 | 6 builder u16 | 8 group u32 | 12 count u32 | 16 height u64 | 24 term u64 | 32 timestamp u64
 *  40 cluster id 16 | 56 body bytes u32 | 60 zero u32 | 64 previous hash 32 | 96 transaction root 32
 * 128 state height u64 | 136 state digest 32 | 168 configuration 40
 *
 * The block's hash is SHA-256 of its header, which binds everything: the root covers the transactions, the previous hash
 * all blocks before. Equal height and equal hash mean equal history. The leader also says how far it had executed the log
 * when it built the block, and the state digest there: whoever executes the log again finds the first block after which
 * somebody had another state. The configuration is that of the nodes that are asked to agree on the block. The builder is
 * the node that built it as the leader, 0 where none did (`quorate recover`); in release 1 nobody says who, and it is 0.
 */
import { assert } from "../base/assert.ts";
import { equalBytes, U64_MAX, viewOf } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";
import { BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX, EVENT_SLOTS_PER_TRANSACTION, NODE_ID_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { FIRST_RELEASE, NEWEST_RELEASE, releaseTooNew } from "../base/release.ts";
import { CONFIGURATION_BYTES, decodeConfiguration, encodeConfiguration } from "./block-configuration.ts";
import { leafHash, MerkleTree } from "./merkle.ts";
import { WireError } from "./msgpack.ts";

const CONFIGURATION_OFFSET = 168;
export const BLOCK_HEADER_BYTES: number = CONFIGURATION_OFFSET + CONFIGURATION_BYTES;
const MAGIC = 0x4b4c4251; // "QBLK"

/** A state: the height of the last block applied, and the digest after it. */
export interface StateAt {
  readonly height: number;
  readonly digest: Uint8Array;
}

/** Header fields that the leader decides. */
export interface BlockHeader {
  readonly release: number;
  /** Who built the block; 0 in release 1, and where no node did. */
  readonly builder: NodeId;
  readonly group: number;
  readonly height: number;
  readonly term: number;
  /** Log time of the block's last event, nanoseconds; strictly increasing. */
  readonly timestamp: bigint;
  readonly clusterId: Uint8Array;
  readonly previousHash: Uint8Array;
  readonly transactionRoot: Uint8Array;
  readonly transactionCount: number;
  readonly bodyBytes: number;
  readonly state: StateAt;
  readonly configuration: Configuration;
}

/** A decoded block; the byte arrays are views of the encoded one. */
export interface Block {
  readonly header: BlockHeader;
  readonly headerBytes: Uint8Array;
  readonly hash: Uint8Array;
  readonly transactions: readonly Uint8Array[];
  /** Its leaves are the transactions' hashes. */
  readonly tree: MerkleTree;
}

/** A new block, and the bytes it is a view of. */
export interface EncodedBlock extends Block {
  readonly bytes: Uint8Array;
}

/** What a new block is made of. */
export interface BlockContent {
  /** The first where it is not given. */
  readonly release?: number | undefined;
  /** Left out of blocks of release 1, which have no place for it. */
  readonly builder?: NodeId;
  readonly group: number;
  readonly height: number;
  readonly term: number;
  readonly timestamp: bigint;
  readonly clusterId: Uint8Array;
  readonly previousHash: Uint8Array;
  /** Where the leader's own state stands. */
  readonly state: StateAt;
  readonly configuration: Configuration;
  readonly transactions: readonly Uint8Array[];
  /** The hashes of the transactions, where they are known. */
  readonly leaves?: readonly Uint8Array[];
}

/** Encodes a block; what comes back is what `decodeBlock` would make of it. */
export function encodeBlock(sha256: Sha256, content: BlockContent): EncodedBlock {
  assert(content.clusterId.length === 16 && content.previousHash.length === 32, "a block's links have other lengths");
  assert(
    content.state.height < content.height && content.state.digest.length === 32,
    "a block follows the state it names",
  );
  assert(content.timestamp >= 0n && content.timestamp <= U64_MAX, `a block cannot bear the time ${content.timestamp}`);
  const { release = FIRST_RELEASE } = content;
  const builder = release === FIRST_RELEASE ? 0 : (content.builder ?? 0);
  assert(release >= FIRST_RELEASE && release <= NEWEST_RELEASE, `no program builds blocks of release ${release} yet`);
  assert(builder <= NODE_ID_MAX, `there is no node ${builder}`);
  let bodyBytes = 0;
  for (const transaction of content.transactions) bodyBytes += 4 + transaction.length;
  const bytes = new Uint8Array(BLOCK_HEADER_BYTES + bodyBytes);
  const view = viewOf(bytes);
  const transactions: Uint8Array[] = [];
  let offset = BLOCK_HEADER_BYTES;
  for (const transaction of content.transactions) {
    view.setUint32(offset, transaction.length, true);
    bytes.set(transaction, offset + 4);
    transactions.push(bytes.subarray(offset + 4, offset + 4 + transaction.length));
    offset += 4 + transaction.length;
  }
  const tree = new MerkleTree(sha256, content.leaves ?? leavesOf(sha256, transactions));
  const { group, height, term, timestamp, clusterId, previousHash, state, configuration } = content;
  const header: BlockHeader = {
    release,
    builder,
    group,
    transactionCount: transactions.length,
    height,
    term,
    timestamp,
    clusterId,
    bodyBytes,
    previousHash,
    transactionRoot: tree.root,
    state,
    configuration,
  };
  encodeHeader(view, bytes, header);
  return {
    bytes,
    header,
    headerBytes: bytes.slice(0, BLOCK_HEADER_BYTES),
    hash: blockHash(sha256, bytes),
    transactions,
    tree,
  };
}

function encodeHeader(view: DataView, bytes: Uint8Array, header: BlockHeader): void {
  view.setUint32(0, MAGIC, true);
  view.setUint16(4, header.release, true);
  view.setUint16(6, header.builder, true);
  view.setUint32(8, header.group, true);
  view.setUint32(12, header.transactionCount, true);
  view.setBigUint64(16, BigInt(header.height), true);
  view.setBigUint64(24, BigInt(header.term), true);
  view.setBigUint64(32, header.timestamp, true);
  bytes.set(header.clusterId, 40);
  view.setUint32(56, header.bodyBytes, true);
  bytes.set(header.previousHash, 64);
  bytes.set(header.transactionRoot, 96);
  view.setBigUint64(128, BigInt(header.state.height), true);
  bytes.set(header.state.digest, 136);
  encodeConfiguration(bytes.subarray(CONFIGURATION_OFFSET, BLOCK_HEADER_BYTES), header.configuration);
}

function leavesOf(sha256: Sha256, transactions: readonly Uint8Array[]): readonly Uint8Array[] {
  return transactions.map((transaction) => leafHash(sha256, transaction));
}

/** Hash of an encoded block. */
export function blockHash(sha256: Sha256, encoded: Uint8Array): Uint8Array {
  return sha256(encoded.subarray(0, BLOCK_HEADER_BYTES));
}

/** Decodes a header; throws `WireError` `malformed_block`. */
export function decodeBlockHeader(encoded: Uint8Array): BlockHeader {
  if (encoded.length < BLOCK_HEADER_BYTES) throw malformed("shorter than its header");
  const view = viewOf(encoded);
  if (view.getUint32(0, true) !== MAGIC) throw malformed("not a block");
  const release = view.getUint16(4, true);
  if (release < FIRST_RELEASE) throw malformed("of no release");
  if (release > NEWEST_RELEASE) throw malformed(releaseTooNew(release, NEWEST_RELEASE));
  const builder = view.getUint16(6, true);
  if (builder > (release === FIRST_RELEASE ? 0 : NODE_ID_MAX)) throw malformed("no node has built it");
  if (view.getUint32(60, true) !== 0) throw malformed("reserved bytes are not zero");
  return {
    release,
    builder,
    group: view.getUint32(8, true),
    transactionCount: view.getUint32(12, true),
    height: safeNumber(view, 16),
    term: safeNumber(view, 24),
    timestamp: view.getBigUint64(32, true),
    clusterId: encoded.slice(40, 56),
    bodyBytes: view.getUint32(56, true),
    previousHash: encoded.slice(64, 96),
    transactionRoot: encoded.slice(96, 128),
    state: { height: safeNumber(view, 128), digest: encoded.slice(136, 168) },
    configuration: configurationOf(encoded),
  };
}

/** The release of an encoded block, known to this program or not. */
export function releaseOf(encoded: Uint8Array): number {
  return viewOf(encoded).getUint16(4, true);
}

/** The configuration that a block stands under; throws `WireError` `malformed_block`. */
export function configurationOf(encoded: Uint8Array): Configuration {
  const configuration = decodeConfiguration(encoded.subarray(CONFIGURATION_OFFSET, BLOCK_HEADER_BYTES));
  if (configuration === undefined) throw malformed("it names no members");
  return configuration;
}

function safeNumber(view: DataView, offset: number): number {
  const value = Number(view.getBigUint64(offset, true));
  if (!Number.isSafeInteger(value)) throw malformed("a number is too large");
  return value;
}

/** Decodes a block and checks its root; throws `WireError` `malformed_block`. */
export function decodeBlock(sha256: Sha256, encoded: Uint8Array): Block {
  const header = decodeBlockHeader(encoded);
  if (header.transactionCount > BLOCK_TRANSACTIONS_MAX) throw malformed("too many transactions");
  if (header.bodyBytes !== encoded.length - BLOCK_HEADER_BYTES) throw malformed("of another length than it says");
  if (header.bodyBytes > BLOCK_BYTES_MAX) throw malformed("too large");
  const view = viewOf(encoded);
  const transactions: Uint8Array[] = [];
  let offset = BLOCK_HEADER_BYTES;
  for (let i = 0; i < header.transactionCount; i++) {
    if (offset + 4 > encoded.length) throw malformed("a transaction is cut");
    const length = view.getUint32(offset, true);
    offset += 4;
    if (offset + length > encoded.length) throw malformed("a transaction is cut");
    transactions.push(encoded.subarray(offset, offset + length));
    offset += length;
  }
  if (offset !== encoded.length) throw malformed("bytes after the last transaction");
  const tree = new MerkleTree(sha256, leavesOf(sha256, transactions));
  if (!equalBytes(tree.root, header.transactionRoot)) throw malformed("its root does not match");
  return {
    header,
    headerBytes: encoded.slice(0, BLOCK_HEADER_BYTES),
    hash: blockHash(sha256, encoded),
    transactions,
    tree,
  };
}

function malformed(reason: string): WireError {
  return new WireError("malformed_block", `malformed block: ${reason}`);
}

/** The smallest timestamp a block of `count` transactions may bear after one at `previous`: room for every event. */
export function earliestTimestamp(previous: bigint, count: number): bigint {
  return previous + BigInt((count + 1) * EVENT_SLOTS_PER_TRANSACTION);
}

/** Log time of transaction `index` of a block: its last event; event i of n lies n - 1 - i before it. */
export function transactionTimestamp(header: BlockHeader, index: number): bigint {
  return header.timestamp - BigInt((header.transactionCount - 1 - index) * EVENT_SLOTS_PER_TRANSACTION);
}

/** Log time up to which a block's housekeeping (expiries, settlement) may use timestamps, before its transactions. */
export function housekeepingTimestamp(header: BlockHeader): bigint {
  return header.timestamp - BigInt(header.transactionCount * EVENT_SLOTS_PER_TRANSACTION);
}
