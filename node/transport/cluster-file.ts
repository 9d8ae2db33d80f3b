/**
 * The cluster file: what nodes and clients must know of a cluster. It holds no secret, but whoever can change it can
 * lead a client to another cluster; the cluster id, a hash of the genesis, is checked against it.
 */
import { equalBytes, fromHex, toHex } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import type { NodeId } from "../base/ids.ts";
import { NODE_ID_MAX, NODES_MAX } from "../base/limits.ts";
import type { Peer } from "../base/ports/network.ts";
import { clusterIdOf, decodeGenesis, encodeGenesis, type Genesis } from "../wire/genesis.ts";
import { WireError } from "../wire/msgpack.ts";
import { sha256 } from "../wire/sha256.ts";

/** A node's id is that of what is on its disk, and is not given again; its name is what people call it, whatever disk it has. */
export interface ClusterNode extends Peer {
  readonly name: string;
  /** Where set, it receives everything and has no vote: its signature does not count towards a quorum. */
  readonly learner?: true;
}

export interface ClusterFile {
  readonly clusterId: Uint8Array;
  readonly genesis: Genesis;
  /** Ascending by id: those of the genesis that are still there, and those that came later. */
  readonly nodes: readonly ClusterNode[];
}

const VERSION = 1;
/** It begins with a letter, so that nobody takes it for an id. */
const NAME = /^[a-z][a-z0-9-]{0,31}$/;
export const NAME_RULE = "1 to 32 of a-z, 0-9 and -, the first a letter";

/** The nodes whose signatures make a quorum, as far as the file knows. */
export function votersIn({ nodes }: Pick<ClusterFile, "nodes">): readonly ClusterNode[] {
  return nodes.filter(({ learner }) => learner !== true);
}

export function isNodeName(text: string): boolean {
  return NAME.test(text);
}

/** The name of a node that was given none. */
export function defaultName(id: NodeId): string {
  return `node-${id}`;
}

function invalid(reason: string): CodedError {
  return new CodedError("cluster_file_invalid", `the cluster file cannot be used: ${reason}`);
}

/** The text of a cluster file; throws `CodedError` `cluster_file_invalid` for nodes that cannot be those of the cluster. */
export function formatClusterFile(genesis: Genesis, nodes: readonly ClusterNode[]): string {
  checkNodes(genesis, nodes);
  const fields = {
    version: VERSION,
    clusterId: toHex(clusterIdOf(sha256, genesis)),
    genesis: toHex(encodeGenesis(genesis)),
    nodes: nodes.map(fieldsOfNode),
  };
  return `${JSON.stringify(fields, undefined, 2)}\n`;
}

/** What goes without saying is not written: programs that know no names, or no learners, read the file, too. */
function fieldsOfNode({ id, name, publicKey, host, port, learner }: ClusterNode): NodeFields {
  const fields = { id, publicKey: toHex(publicKey), host, port };
  const named = name === defaultName(id) ? fields : { ...fields, name };
  return learner === true ? { ...named, learner } : named;
}

/** The text of the file with one node more; throws as `formatClusterFile`. */
export function addNode({ genesis, nodes }: ClusterFile, node: ClusterNode): string {
  return formatClusterFile(
    genesis,
    [...nodes, node].sort((a, b) => a.id - b.id),
  );
}

/** Parses and checks a cluster file; throws `CodedError` `cluster_file_invalid`. */
export function parseClusterFile(text: string): ClusterFile {
  const { clusterId, genesis, nodes } = parseFields(text);
  const decoded = parseGenesis(genesis);
  const id = fromHex(clusterId);
  if (id === undefined || !equalBytes(id, clusterIdOf(sha256, decoded))) {
    throw invalid("its clusterId is not that of its genesis");
  }
  const parsed = nodes.map(({ id: node, name = defaultName(node), publicKey, host, port, learner }): ClusterNode => {
    const key = fromHex(publicKey);
    if (key === undefined) throw invalid(`the publicKey of node ${node} is not hexadecimal`);
    const fields = { id: node, name, publicKey: key, host, port };
    return learner === true ? { ...fields, learner } : fields;
  });
  checkNodes(decoded, parsed);
  return { clusterId: id, genesis: decoded, nodes: parsed };
}

/** Nodes of the genesis keep their id and key for good; others have ids and keys that nobody has had before. */
function checkNodes(genesis: Genesis, nodes: readonly ClusterNode[]): void {
  if (nodes.length === 0) throw invalid("it names no node");
  if (votersIn({ nodes }).length === 0) throw invalid("all nodes that it names are learners");
  if (nodes.length > NODES_MAX) throw invalid(`it names ${nodes.length} nodes, and a cluster has at most ${NODES_MAX}`);
  const first = new Map(genesis.nodes.map(({ id, publicKey }) => [id, toHex(publicKey)]));
  const taken = new Set([toHex(genesis.adminKey), ...first.values()]);
  let before = 0;
  for (const { id, publicKey, host, port } of nodes) {
    if (!Number.isInteger(id) || id < 1 || id > NODE_ID_MAX)
      throw invalid(`${id} is not an id from 1 to ${NODE_ID_MAX}`);
    if (id <= before) throw invalid(`node ${id} stands behind node ${before}: nodes must ascend by id, each once`);
    before = id;
    if (publicKey.length !== 32) throw invalid(`the publicKey of node ${id} is not 32 bytes`);
    const key = toHex(publicKey);
    const genuine = first.get(id);
    if (genuine !== undefined && genuine !== key) throw invalid(`node ${id} is not the one of its genesis`);
    if (genuine === undefined && taken.has(key))
      throw invalid(`the publicKey of node ${id} is another node's or the admin's`);
    taken.add(key);
    if (host === "") throw invalid(`the host of node ${id} is missing`);
    if (!Number.isInteger(port) || port < 1 || port > 65_535) throw invalid(`the port of node ${id} is not a port`);
  }
  checkNames(nodes);
}

function checkNames(nodes: readonly ClusterNode[]): void {
  const holders = new Map<string, NodeId>();
  for (const { id, name } of nodes) {
    if (!isNodeName(name)) throw invalid(`the name of node ${id} is not one: a name has ${NAME_RULE}`);
    const holder = holders.get(name);
    if (holder !== undefined) throw invalid(`nodes ${holder} and ${id} have the same name, ${name}`);
    holders.set(name, id);
  }
}

interface NodeFields {
  readonly id: number;
  readonly name?: string;
  readonly publicKey: string;
  readonly host: string;
  readonly port: number;
  readonly learner?: boolean;
}

interface FileFields {
  readonly clusterId: string;
  readonly genesis: string;
  readonly nodes: readonly NodeFields[];
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
    return fieldsOf(node, types, `nodes[${index}]`, { name: "string", learner: "boolean" }) as unknown as NodeFields;
  });
  return { clusterId: fields["clusterId"] as string, genesis: fields["genesis"] as string, nodes };
}

type Types = Readonly<Record<string, string>>;

function fieldsOf(value: unknown, types: Types, what: string, optional: Types = {}): Record<string, unknown> {
  if (typeof value !== "object" || value === null) throw invalid(`${what} is not an object`);
  const fields = value as Record<string, unknown>;
  const known = { ...types, ...optional };
  for (const name of Object.keys(fields))
    if (!Object.hasOwn(known, name)) throw invalid(`${what} has no field ${name}`);
  for (const [name, type] of Object.entries(known)) {
    if (Object.hasOwn(optional, name) && fields[name] === undefined) continue;
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
