/**
 * The cluster file: what nodes and clients must know of a cluster. It holds no secret, but whoever can change it can
 * lead a client to another cluster; the cluster id, a hash of the genesis, is checked against it.
 */
import { equalBytes, fromHex, toHex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import { clusterIdOf, decodeGenesis, encodeGenesis, type Genesis } from "../wire/genesis.ts";
import { WireError } from "../wire/msgpack.ts";
import { sha256 } from "../wire/sha256.ts";

export interface ClusterNode {
  readonly id: NodeId;
  readonly publicKey: Uint8Array;
  readonly host: string;
  readonly port: number;
}

export interface ClusterFile {
  readonly clusterId: Uint8Array;
  readonly genesis: Genesis;
  /** Ascending by id, the nodes of the genesis. */
  readonly nodes: readonly ClusterNode[];
}

const VERSION = 1;

function invalid(reason: string): CodedError {
  return new CodedError("cluster_file_invalid", `the cluster file cannot be used: ${reason}`);
}

export function formatClusterFile(genesis: Genesis, addresses: readonly { host: string; port: number }[]): string {
  const nodes = genesis.nodes.map(({ id, publicKey }, index) => ({
    id,
    publicKey: toHex(publicKey),
    ...(addresses[index] as { host: string; port: number }),
  }));
  const clusterId = toHex(clusterIdOf(sha256, genesis));
  return `${JSON.stringify({ version: VERSION, clusterId, genesis: toHex(encodeGenesis(genesis)), nodes }, undefined, 2)}\n`;
}

/** Parses and checks a cluster file; throws `CodedError` `cluster_file_invalid`. */
export function parseClusterFile(text: string): ClusterFile {
  const { clusterId, genesis, nodes } = parseFields(text);
  const decoded = parseGenesis(genesis);
  const id = fromHex(clusterId);
  if (id === undefined || !equalBytes(id, clusterIdOf(sha256, decoded))) {
    throw invalid("its clusterId is not that of its genesis");
  }
  if (nodes.length !== decoded.nodes.length) throw invalid("its nodes are not those of its genesis");
  return {
    clusterId: id,
    genesis: decoded,
    nodes: nodes.map((node, index) => {
      const { id: nodeId, publicKey } = decoded.nodes[index] as Genesis["nodes"][number];
      if (node.id !== nodeId || node.publicKey !== toHex(publicKey)) {
        throw invalid(`node ${node.id} is not the one of its genesis`);
      }
      return { id: nodeId, publicKey, host: node.host, port: node.port };
    }),
  };
}

interface FileFields {
  readonly clusterId: string;
  readonly genesis: string;
  readonly nodes: readonly { id: number; publicKey: string; host: string; port: number }[];
}

function parseFields(text: string): FileFields {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw invalid("it is not JSON");
  }
  const fields = fieldsOf(value, { version: "number", clusterId: "string", genesis: "string", nodes: "object" }, "it");
  if (fields["version"] !== VERSION) throw invalid(`its version is not ${VERSION}`);
  if (!Array.isArray(fields["nodes"])) throw invalid("nodes is not a list");
  const nodes = fields["nodes"].map((node: unknown, index) => {
    const types = { id: "number", publicKey: "string", host: "string", port: "number" } as const;
    const { id, publicKey, host, port } = fieldsOf(node, types, `nodes[${index}]`) as unknown as FileFields["nodes"][0];
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid(`nodes[${index}].port is not a port`);
    return { id, publicKey, host, port };
  });
  return { clusterId: fields["clusterId"] as string, genesis: fields["genesis"] as string, nodes };
}

function fieldsOf(value: unknown, types: Readonly<Record<string, string>>, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw invalid(`${what} is not an object`);
  const fields = value as Record<string, unknown>;
  for (const name of Object.keys(fields))
    if (!Object.hasOwn(types, name)) throw invalid(`${what} has no field ${name}`);
  for (const [name, type] of Object.entries(types)) {
    if (typeof fields[name] !== type || fields[name] === null) throw invalid(`${what}: ${name} must be a ${type}`);
  }
  return fields;
}

function parseGenesis(hex: string): Genesis {
  const bytes = fromHex(hex);
  if (bytes === undefined) throw invalid("its genesis is not hexadecimal");
  try {
    return decodeGenesis(bytes);
  } catch (error) {
    if (error instanceof WireError) throw invalid(error.message);
    throw error;
  }
}
