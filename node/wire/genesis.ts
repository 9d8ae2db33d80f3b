/**
 * What a cluster is from its first moment: its nodes with their identities, and the key that may set up the rest; of one
 * that was restored from a backup also whose state it goes on from. The cluster's id is a hash of this, so two clusters
 * never share one and nobody can swap the admin's key.
 */
import { toHex, utf8 } from "../base/bytes.ts";
import type { Configuration } from "../base/configuration.ts";
import { isStrictPoint } from "../base/ed25519.ts";
import type { NodeId } from "../base/ids.ts";
import { NODE_ID_MAX, NODES_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import { bytes, check, integer, list, tuple, u64 } from "./schema.ts";

interface GenesisNode {
  readonly id: NodeId;
  readonly publicKey: Uint8Array;
}

/** Another cluster's state, which a restored cluster goes on from; its first block is one higher. */
export interface Origin {
  readonly clusterId: Uint8Array;
  /** The first cluster of the line: that of the origin itself, unless it was restored from another, too. */
  readonly firstClusterId: Uint8Array;
  readonly height: number;
  readonly blockHash: Uint8Array;
  /** State digest after that block. */
  readonly digest: Uint8Array;
}

export interface Genesis {
  /** Log time before the first block, nanoseconds since the epoch. */
  readonly timestamp: bigint;
  /** Ascending by id, without a gap; from 1, or of a restored cluster from one behind those of its origin. */
  readonly nodes: readonly GenesisNode[];
  readonly adminKey: Uint8Array;
  readonly origin?: Origin | undefined;
}

const nodesSchema = list(tuple(integer(1, NODE_ID_MAX), bytes(32)), NODES_MAX);
const genesisSchema = tuple(integer(1, 1), u64, nodesSchema, bytes(32));
const originSchema = tuple(bytes(16), bytes(16), integer(1, Number.MAX_SAFE_INTEGER), bytes(32), bytes(32));
const restoredSchema = tuple(integer(2, 2), u64, nodesSchema, bytes(32), originSchema);

export function encodeGenesis({ timestamp, nodes, adminKey, origin }: Genesis): Uint8Array {
  const common = [timestamp, nodes.map((node) => [node.id, node.publicKey]), adminKey];
  if (origin === undefined) return pack([1, ...common]);
  const { clusterId, firstClusterId, height, blockHash, digest } = origin;
  return pack([2, ...common, [clusterId, firstClusterId, height, blockHash, digest]]);
}

/** Decodes a genesis; throws `WireError` `malformed_msgpack` or `malformed_genesis`. */
export function decodeGenesis(encoded: Uint8Array): Genesis {
  const value = unpack(encoded);
  if (!Array.isArray(value) || value[0] !== 2) {
    const [, timestamp, nodes, adminKey] = check(genesisSchema, value, "malformed_genesis");
    return checkNodes({ timestamp, nodes: nodes.map(([id, publicKey]) => ({ id, publicKey })), adminKey });
  }
  const [, timestamp, nodes, adminKey, begun] = check(restoredSchema, value, "malformed_genesis");
  const [clusterId, firstClusterId, height, blockHash, digest] = begun;
  const origin = { clusterId, firstClusterId, height, blockHash, digest };
  return checkNodes({ timestamp, nodes: nodes.map(([id, publicKey]) => ({ id, publicKey })), adminKey, origin });
}

function checkNodes(genesis: Genesis): Genesis {
  const { nodes, adminKey, origin } = genesis;
  const first = origin === undefined ? 1 : (nodes[0]?.id ?? 0);
  if (nodes.length === 0 || nodes.some(({ id }, index) => id !== first + index)) {
    throw new WireError("malformed_genesis", `node ids must run from ${origin === undefined ? "1" : "the first"}`);
  }
  const keys = [adminKey, ...nodes.map(({ publicKey }) => publicKey)];
  if (new Set(keys.map(toHex)).size < keys.length) {
    throw new WireError("malformed_genesis", "nodes and admin must have keys of their own");
  }
  if (!keys.every(isStrictPoint)) {
    throw new WireError("malformed_genesis", "a key is of small order, or encoded in another than the one way");
  }
  return genesis;
}

/** Whom a cluster consists of at first. */
export function firstConfiguration({ nodes }: Genesis): Configuration {
  return { voters: nodes.map(({ id }) => id), outgoing: [], learners: [] };
}

/** The cluster's 16-byte id. */
export function clusterIdOf(sha256: Sha256, genesis: Genesis): Uint8Array {
  return sha256(utf8("quorate.cluster.v1\0"), encodeGenesis(genesis)).slice(0, 16);
}

/** The id of the first of the clusters that were restored one from another; its own for one that was not. */
export function firstClusterIdOf(sha256: Sha256, genesis: Genesis): Uint8Array {
  return genesis.origin?.firstClusterId ?? clusterIdOf(sha256, genesis);
}

/** Hash that stands before the first block. */
export function genesisHash(sha256: Sha256, genesis: Genesis): Uint8Array {
  return sha256(utf8("quorate.genesis.v1\0"), encodeGenesis(genesis));
}
