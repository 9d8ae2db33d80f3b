/**
 * What a node signs of its state: at a height, the block's hash, the state digest, and the root of the history tree over all
 * blocks up to it. One such signature serves every receipt of the block; with the signatures of a quorum the same
 * statement is a signed checkpoint, which no minority of nodes can forge.
 */
import { equalBytes, u64Bytes, utf8 } from "../base/bytes.ts";
import { NODES_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import { bytes, check, integer, list, safeInteger, tuple } from "./schema.ts";

const DOMAIN = utf8("quorate.attestation.v1\0");

/** A state and its whole past, in 104 bytes. */
export interface Attested {
  readonly height: number;
  readonly blockHash: Uint8Array;
  /** State digest after the block. */
  readonly digest: Uint8Array;
  /** Root of the history tree over blocks 1 to `height`. */
  readonly historyRoot: Uint8Array;
}

export interface NodeSignature {
  readonly nodeKey: Uint8Array;
  readonly signature: Uint8Array;
}

/** What several nodes have signed alike. */
export interface SignedCheckpoint extends Attested {
  /** Ascending by key, a key once. */
  readonly signatures: readonly NodeSignature[];
}

/** The 32 bytes that a node signs. */
export function attestation(sha256: Sha256, clusterId: Uint8Array, at: Attested): Uint8Array {
  return sha256(DOMAIN, clusterId, u64Bytes(at.height), at.blockHash, at.digest, at.historyRoot);
}

export function equalAttested(a: Attested, b: Attested): boolean {
  return (
    a.height === b.height &&
    equalBytes(a.blockHash, b.blockHash) &&
    equalBytes(a.digest, b.digest) &&
    equalBytes(a.historyRoot, b.historyRoot)
  );
}

const hash = bytes(32);
const checkpointSchema = tuple(
  integer(1, 1),
  safeInteger,
  hash,
  hash,
  hash,
  list(tuple(bytes(32), bytes(64)), NODES_MAX),
);

export function encodeCheckpoint(checkpoint: SignedCheckpoint): Uint8Array {
  const { height, blockHash, digest, historyRoot } = checkpoint;
  const signatures = checkpoint.signatures.map(({ nodeKey, signature }) => [nodeKey, signature]);
  return pack([1, height, blockHash, digest, historyRoot, signatures]);
}

/** Decodes a checkpoint; throws `WireError` `malformed_msgpack` or `malformed_checkpoint`. */
export function decodeCheckpoint(encoded: Uint8Array): SignedCheckpoint {
  const fields = check(checkpointSchema, unpack(encoded), "malformed_checkpoint");
  const [, height, blockHash, digest, historyRoot, pairs] = fields;
  return { height, blockHash, digest, historyRoot, signatures: ascendingSigners(pairs) };
}

/** Signatures as they travel; throws `WireError` `malformed_checkpoint` unless they ascend by key. */
export function ascendingSigners(
  pairs: readonly (readonly [nodeKey: Uint8Array, signature: Uint8Array])[],
): readonly NodeSignature[] {
  const signatures = pairs.map(([nodeKey, signature]) => ({ nodeKey, signature }));
  if (signatures.some(({ nodeKey }, index) => index > 0 && !ascends(signatures[index - 1]?.nodeKey, nodeKey))) {
    throw new WireError("malformed_checkpoint", "signatures must ascend by key, each key once");
  }
  return signatures;
}

function ascends(before: Uint8Array | undefined, after: Uint8Array): boolean {
  return before !== undefined && compareKeys(before, after) < 0;
}

/** Order of keys: that of their bytes. */
export function compareKeys(a: Uint8Array, b: Uint8Array): number {
  const at = a.findIndex((byte, index) => byte !== b[index]);
  return at < 0 ? 0 : (a[at] as number) - (b[at] as number);
}

/** What a verifier must know beforehand. */
export interface NodeTrust {
  readonly clusterId: Uint8Array;
  readonly nodeKeys: readonly Uint8Array[];
  readonly sha256: Sha256;
  readonly verify: (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean;
}

/** Nodes of the cluster whose signatures on the checkpoint are good; a quorum of them vouches for it. */
export function checkpointSigners(checkpoint: SignedCheckpoint, trust: NodeTrust): Uint8Array[] {
  return signersOf(attestation(trust.sha256, trust.clusterId, checkpoint), checkpoint.signatures, trust);
}

/** Nodes of the cluster whose signatures on a statement are good. */
export function signersOf(
  message: Uint8Array,
  signatures: readonly NodeSignature[],
  { nodeKeys, verify }: NodeTrust,
): Uint8Array[] {
  return nodeKeys.filter((key) =>
    signatures.some(({ nodeKey, signature }) => equalBytes(nodeKey, key) && verify(key, message, signature)),
  );
}
