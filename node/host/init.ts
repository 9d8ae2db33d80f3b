/**
 * Making a new cluster: identities, the admin's key, the cluster file and a configuration for each node; and a node that is
 * to join one.
 */
import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { makePrivateDirectory } from "../../storage/private-directory.ts";
import { must } from "../base/assert.ts";
import { CodedError, errorMessage } from "../base/errors.ts";
import type { NodeTiming } from "../compose.ts";
import { defaultName, formatClusterFile } from "../transport/cluster-file.ts";
import { Identity } from "../transport/identity.ts";
import type { Genesis, Origin } from "../wire/genesis.ts";
import { CONFIG_DEFAULTS } from "./config.ts";
import { newNodeKey } from "./data-key.ts";
import { readSecret, replaceText, writeSecret } from "./files.ts";

const DATA_KEY_FILE = "data.key";
export const IDENTITY_FILE = "identity.key";
const CONFIG_FILE = "config.json";
const DATA_DIRECTORY = "data";
/** What whoever enters a node in a cluster notes beside its identity. */
export const JOINING_FILE = "joining.json";
/** That, and what is left where writing it, or the configuration, was cut short. */
const BEGUN = [JOINING_FILE, `${JOINING_FILE}.new`, `${CONFIG_FILE}.new`];

export interface InitOptions {
  readonly directory: string;
  readonly adminKey: Uint8Array;
  /** One address a node, from 1 to 9. */
  readonly addresses: readonly { readonly host: string; readonly port: number }[];
  /** One a node; without them the defaults. */
  readonly names?: readonly string[] | undefined;
  /** Addresses of external networks, as in the configuration. */
  readonly endpoints: Readonly<Record<string, string>>;
  /** Whether each node gets a key for its data at rest. */
  readonly encrypt?: boolean;
  /** Of all nodes; without it the default. */
  readonly timing?: NodeTiming;
  readonly nowMs: number;
  /** Of a cluster that is restored: whose state it goes on from, and the id of its first node. */
  readonly restored?: { readonly origin: Origin; readonly firstId: number };
}

export interface InitResult {
  readonly clusterFile: string;
  /** Configuration files, one a node. */
  readonly configs: readonly string[];
}

/**
 * Writes a new cluster's files; throws `CodedError` `dir_not_empty` rather than touch what is there, or `dir_unusable`.
 */
export function initCluster(options: InitOptions): InitResult {
  const { directory, addresses, adminKey } = options;
  if (entriesOf(directory).length > 0) {
    throw new CodedError("dir_not_empty", `${directory} is not empty: choose a new directory`, { directory });
  }
  const identities = addresses.map(() => Identity.generate());
  const { origin, firstId = 1 } = options.restored ?? {};
  const genesis: Genesis = {
    timestamp: BigInt(options.nowMs) * 1_000_000n,
    nodes: identities.map(({ publicKey }, index) => ({ id: firstId + index, publicKey })),
    adminKey,
    origin,
  };
  const nodes = genesis.nodes.map((node, index) => ({
    ...node,
    name: options.names?.[index] ?? defaultName(node.id),
    ...must(addresses[index], "each node has an address"),
  }));
  const clusterFile = join(directory, "cluster.json");
  writeFileSync(clusterFile, formatClusterFile(genesis, nodes));
  const configs = identities.map((identity, index) => {
    const { id, name } = must(nodes[index], "each identity is a node's");
    const home = join(directory, name);
    makePrivateDirectory(home);
    writeIdentity(home, identity);
    return writeNode(home, { ...options, id, clusterFile });
  });
  return { clusterFile, configs };
}

/**
 * The identity of a node that is to join, in a directory of its own: a new one, or the one that was written there before
 * the node got its configuration. Throws as `initCluster`, or what reading the identity throws.
 */
export function joiningIdentity(directory: string): Identity {
  // A note whose identity was moved away is worth nothing, and is written anew.
  const entries = entriesOf(directory).filter((name) => !BEGUN.includes(name));
  if (entries.includes(IDENTITY_FILE) && entries.every((name) => name === IDENTITY_FILE || name === DATA_KEY_FILE)) {
    return Identity.fromPem(readSecret(join(directory, IDENTITY_FILE), "the identity"));
  }
  if (entries.length > 0) {
    const isNode = [IDENTITY_FILE, CONFIG_FILE, DATA_DIRECTORY].some((name) => entries.includes(name));
    const advice = isNode
      ? "a node is here: start it, or, where its data is lost, move its files away"
      : "choose a new directory";
    throw new CodedError("dir_not_empty", `${directory} is not empty: ${advice}`, { directory });
  }
  const identity = Identity.generate();
  writeIdentity(directory, identity);
  return identity;
}

function writeIdentity(directory: string, identity: Identity): void {
  writeSecret(join(directory, IDENTITY_FILE), identity.toPem());
}

export interface NodeFiles extends Pick<InitOptions, "endpoints" | "encrypt" | "timing"> {
  readonly id: number;
  readonly clusterFile: string;
}

/** Writes what a node with an identity is started from beside it; returns the path of the configuration. */
export function writeNode(directory: string, { id, clusterFile, endpoints, encrypt, timing }: NodeFiles): string {
  const keyFile = join(directory, DATA_KEY_FILE);
  // A key without a configuration has encrypted nothing yet, and does.
  if (encrypt === true && !existsSync(keyFile)) writeSecret(keyFile, newNodeKey());
  const config = {
    version: 1,
    id,
    cluster: relative(directory, clusterFile),
    identity: IDENTITY_FILE,
    data: DATA_DIRECTORY,
    ...CONFIG_DEFAULTS,
    endpoints,
    ...(timing === undefined ? {} : { timing }),
    ...(encrypt === true ? { encryption: { keyFile: DATA_KEY_FILE } } : {}),
  };
  const path = join(directory, CONFIG_FILE);
  replaceText(path, `${JSON.stringify(config, undefined, 2)}\n`);
  return path;
}

/** What is in a directory, which is made where there is none. */
function entriesOf(directory: string): readonly string[] {
  try {
    makePrivateDirectory(directory);
    return readdirSync(directory);
  } catch (error) {
    throw new CodedError("dir_unusable", `${directory} cannot be used: ${errorMessage(error)}`, { directory }, error);
  }
}
