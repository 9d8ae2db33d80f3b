/**
 * What a node signs of a checkpoint that it has written: the root over all pages of the state. The state digest is a chain
 * over what has happened and says nothing to somebody who has pages only; with the root, a state that comes page by page
 * from a stranger is checked against what a quorum has signed.
 */
import { u64Bytes, utf8 } from "../base/bytes.ts";
import { NODES_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { ascendingSigners, type NodeSignature, type NodeTrust, signersOf } from "./attestation.ts";
import { pack, unpack } from "./msgpack.ts";
import { bytes, check, integer, list, safeInteger, tuple } from "./schema.ts";

const DOMAIN = utf8("quorate.state.v1\0");

/** A state by its pages. Height, digest and block hash are in them, too. */
export interface StateRoot {
  readonly height: number;
  /** As `PageHashes` reckons it. */
  readonly root: Uint8Array;
}

/** What several nodes have signed alike. */
export interface SignedState extends StateRoot {
  /** Ascending by key, a key once. */
  readonly signatures: readonly NodeSignature[];
}

/** The 32 bytes that a node signs. */
export function stateStatement(sha256: Sha256, clusterId: Uint8Array, at: StateRoot): Uint8Array {
  return sha256(DOMAIN, clusterId, u64Bytes(at.height), at.root);
}

const stateSchema = tuple(integer(1, 1), safeInteger, bytes(32), list(tuple(bytes(32), bytes(64)), NODES_MAX));

export function encodeSignedState({ height, root, signatures }: SignedState): Uint8Array {
  return pack([1, height, root, signatures.map(({ nodeKey, signature }) => [nodeKey, signature])]);
}

/** Decodes a signed state; throws `WireError` `malformed_msgpack` or `malformed_checkpoint`. */
export function decodeSignedState(encoded: Uint8Array): SignedState {
  const [, height, root, pairs] = check(stateSchema, unpack(encoded), "malformed_checkpoint");
  return { height, root, signatures: ascendingSigners(pairs) };
}

/** Nodes of the cluster whose signatures on the state are good; a quorum of them vouches for it. */
export function stateSigners(state: SignedState, trust: NodeTrust): Uint8Array[] {
  return signersOf(stateStatement(trust.sha256, trust.clusterId, state), state.signatures, trust);
}
