/**
 * What a cluster is from its first moment: its nodes with their identities, and the key that may set up the rest.
 * The cluster's id is a hash of this, so two clusters never share one and nobody can swap the admin's key.
 */
import { toHex, utf8 } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";
import { NODES_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import { bytes, check, integer, list, tuple, u64 } from "./schema.ts";

interface GenesisNode {
  readonly id: NodeId;
  readonly publicKey: Uint8Array;
}

export interface Genesis {
  /** Log time before the first block, nanoseconds since the epoch. */
  readonly timestamp: bigint;
  /** Ascending by id, ids from 1. */
  readonly nodes: readonly GenesisNode[];
  readonly adminKey: Uint8Array;
}

const genesisSchema = tuple(integer(1, 1), u64, list(tuple(integer(1, NODES_MAX), bytes(32)), NODES_MAX), bytes(32));

export function encodeGenesis(genesis: Genesis): Uint8Array {
  return pack([1, genesis.timestamp, genesis.nodes.map((node) => [node.id, node.publicKey]), genesis.adminKey]);
}

/** Decodes a genesis; throws `WireError` `malformed_msgpack` or `malformed_genesis`. */
export function decodeGenesis(encoded: Uint8Array): Genesis {
  const [, timestamp, nodes, adminKey] = check(genesisSchema, unpack(encoded), "malformed_genesis");
  if (nodes.length === 0 || nodes.some(([id], index) => id !== index + 1)) {
    throw new WireError("malformed_genesis", "node ids must run from 1");
  }
  const keys = [adminKey, ...nodes.map(([, publicKey]) => publicKey)];
  if (new Set(keys.map(toHex)).size < keys.length) {
    throw new WireError("malformed_genesis", "nodes and admin must have keys of their own");
  }
  return { timestamp, nodes: nodes.map(([id, publicKey]) => ({ id, publicKey })), adminKey };
}

/** Whom a cluster consists of at first. */
export function firstConfiguration({ nodes }: Genesis): Configuration {
  return { voters: nodes.map(({ id }) => id), outgoing: [], learners: [] };
}

/** The cluster's 16-byte id. */
export function clusterIdOf(sha256: Sha256, genesis: Genesis): Uint8Array {
  return sha256(utf8("quorate.cluster.v1\0"), encodeGenesis(genesis)).slice(0, 16);
}

/** Hash that stands before the first block. */
export function genesisHash(sha256: Sha256, genesis: Genesis): Uint8Array {
  return sha256(utf8("quorate.genesis.v1\0"), encodeGenesis(genesis));
}
