/**
 * Running a node in this process: reads its configuration, opens its data, listens, and hands everything to the
 * composition root. Also what an operator reads when the node had to stop.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { NodeDisk } from "../../storage/node-disk.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import type { FatalReport } from "../actor/system.ts";
import { CodedError, errorMessage } from "../base/errors.ts";
import type { Host } from "../base/ports/host.ts";
import { type ComposedNode, composeNode } from "../compose.ts";
import { parseClusterFile } from "../transport/cluster-file.ts";
import { Identity } from "../transport/identity.ts";
import { WebSocketNetwork } from "../transport/websocket-network.ts";
import { type NodeConfig, parseConfig } from "./config.ts";
import { HttpOutside } from "./http-outside.ts";
import { NodeClock } from "./node-clock.ts";
import { NodeCrypto } from "./node-crypto.ts";
import { NodeRandom } from "./node-random.ts";
import { PinoLog } from "./pino-log.ts";

/** Exit code of a node that has stopped because something in it cannot be believed (BSD's EX_SOFTWARE). */
export const EXIT_FATAL = 70;

export interface RunningNode {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  /** What recovery found in the log. */
  readonly recoveredHeight: number;
  stop(): Promise<void>;
}

/** Starts a node; throws `CodedError` when its files, data or address cannot be used. `onFatal` ends the process. */
export async function runNode(configPath: string, onFatal: (text: string) => void): Promise<RunningNode> {
  const config = parseConfig(read(configPath));
  const home = dirname(resolve(configPath));
  const cluster = parseClusterFile(read(resolve(home, config.cluster)));
  const identity = Identity.fromPem(read(resolve(home, config.identity)));
  const self = cluster.nodes.find(({ id }) => id === config.id);
  if (self === undefined) throw new CodedError("config_invalid", `the cluster file has no node ${config.id}`);
  if (Buffer.compare(self.publicKey, identity.publicKey) !== 0) {
    throw new CodedError("identity_invalid", `the identity is not that of node ${config.id} in the cluster file`);
  }
  const data = resolve(home, config.data);
  const clock = new NodeClock();
  const random = new NodeRandom();
  const log = new PinoLog(config.logLevel, { node: config.id });
  const disk = new NodeDisk(data);
  const store = await LevelStore.open(join(data, "state"));
  const { clusterId, nodes } = cluster;
  const network = await WebSocketNetwork.listen({ id: config.id, identity, clusterId, nodes, clock, random, log });
  const outside = new HttpOutside(new Map(Object.entries(config.endpoints).map(([name, url]) => [name, new URL(url)])));
  const host: Host = { clock, random, disk, store, network, outside, crypto: new NodeCrypto(identity), log };
  const { id, timing, checkpointBlocks, segmentBytes, cacheBytes } = config;
  const node = composeNode(host, {
    ...{ id, genesis: cluster.genesis, timing, checkpointBlocks, segmentBytes, cacheBytes },
    onFatal: (report) => onFatal(fatalText(config, data, report)),
  });
  const recoveredHeight = node.inspect.log.lastIndex();
  log.info("node.started", { host: self.host, port: self.port, recoveredHeight });
  return {
    ...{ id, host: self.host, port: self.port, recoveredHeight },
    stop: () => stop(node, network, outside, store),
  };
}

async function stop(
  node: ComposedNode,
  network: WebSocketNetwork,
  outside: HttpOutside,
  store: LevelStore,
): Promise<void> {
  node.stop();
  outside.close();
  await network.close();
  await store.close();
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new CodedError("file_unreadable", `${path} cannot be read: ${errorMessage(error)}`, { path }, error);
  }
}

/** What an operator is told when a node stops itself. */
function fatalText(config: NodeConfig, data: string, { actor, reason, stack }: FatalReport): string {
  return [
    "",
    `Quorate node ${config.id} has stopped itself: its ${actor} found something that must never be.`,
    "",
    `  ${reason}`,
    "",
    "Nothing was acknowledged that is not durable on a quorum; the other nodes go on without this one.",
    `What to do: keep ${data} as it is (copy it before anything else), run "quorate verify" on it,`,
    "and start the node again only when that finds no problem. Please report this with the lines below.",
    "",
    stack,
    "",
  ].join("\n");
}
