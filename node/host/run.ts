/**
 * Running a node in this process: reads its configuration, opens its data, listens, and hands everything to the
 * composition root. Also what an operator reads when the node had to stop, or must not start.
 */
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { DiskCalls } from "../../storage/disk-calls.ts";
import { type DiskWatch, NodeDisk } from "../../storage/node-disk.ts";
import { isOpenToOthers } from "../../storage/private-directory.ts";
import { LevelStore } from "../../storage/state/level-store.ts";
import { SyncCount } from "../../storage/sync-count.ts";
import type { FatalReport } from "../actor/system.ts";
import { InvariantError } from "../base/assert.ts";
import { equalBytes } from "../base/bytes.ts";
import { CodedError, errorMessage } from "../base/errors.ts";
import type { Host } from "../base/ports/host.ts";
import type { Log } from "../base/ports/log.ts";
import { type ComposedNode, composeNode, type NodeOptions } from "../compose.ts";
import { type ClusterFile, type ClusterNode, parseClusterFile } from "../transport/cluster-file.ts";
import { Identity } from "../transport/identity.ts";
import { WebSocketNetwork } from "../transport/websocket-network.ts";
import { warmUp } from "../warm-up.ts";
import { type NodeConfig, parseConfig } from "./config.ts";
import { connectionBounds } from "./connection-bounds.ts";
import { type NodeKey, openDataCipher, readNodeKey } from "./data-key.ts";
import { endAtOnce } from "./end-at-once.ts";
import { readSecret, readText } from "./files.ts";
import { HttpOutside } from "./http-outside.ts";
import { hasLeft, type Patience } from "./leaving.ts";
import { Lives } from "./lives.ts";
import { traceFields } from "./message-trace.ts";
import { NodeClock } from "./node-clock.ts";
import { NodeCrypto, sha256 } from "./node-crypto.ts";
import { NodeRandom } from "./node-random.ts";
import { PinoLog } from "./pino-log.ts";
import { StartedMark } from "./started-mark.ts";

/** Exit code of a node whose own data or state cannot be believed (BSD's EX_SOFTWARE): it must not be restarted as it is. */
export const EXIT_FATAL = 70;

/** An election timeout, after which Raft gives up handing over, and a little more. */
const HAND_OVER_MS = 1_000;
const POLL_MS = 5;
/** A stop takes longer than this only when something hangs. */
const STOP_MS = 8_000;
/** For how long writes are waited for without a word. */
const QUIET_MS = 2_000;
/** With what is under way to the disk of a node that has stopped itself: a single write of a slow one may take seconds. */
const LEAVING: Patience = { quietMs: 6_000, longestMs: 30_000 };
/** Spent at the start of the process on code that is to be compiled before the first client comes. */
const WARM_UP_MS = 500;

/** What recovery may find in the data; docs/errors.md. */
const DAMAGE: ReadonlySet<string> = new Set([
  ...["wal_damaged", "wal_missing_segment", "wal_foreign_format", "wal_read_failed"],
  ...["store_damaged", "store_foreign_format", "checkpoint_damaged", "data_key_damaged"],
]);

export interface RunningNode {
  readonly id: number;
  readonly host: string;
  readonly port: number;
  /** Height up to which recovery found the log. */
  readonly recoveredHeight: number;
  stop(): Promise<void>;
}

/** What a node is started from. */
interface Settings {
  /** Directory of the configuration. */
  readonly home: string;
  readonly config: NodeConfig;
  readonly cluster: ClusterFile;
  readonly self: ClusterNode;
  readonly identity: Identity;
  /** Of data at rest. */
  readonly key: NodeKey | undefined;
  /** Absolute path of its data. */
  readonly data: string;
}

/** Whether a node could not start because its own data cannot be believed. */
export function isDamage(error: unknown): boolean {
  return error instanceof InvariantError || (error instanceof CodedError && DAMAGE.has(error.code));
}

/** A node from one start to the next: it starts again, in this process, from a checkpoint that it was given by a peer. */
interface Life {
  readonly node: ComposedNode;
  readonly log: Log;
  /** Closes all that was opened for it, when nothing is on its way to the disk any more. */
  close(): Promise<void>;
}

/**
 * Starts a node; throws `CodedError` when its files, data or address cannot be used. `onFatal` ends the process of a node that
 * has stopped itself, with nothing under way any more; and so does `onHung`, without waiting for what is under way: the node
 * has stopped itself or was told to stop, and cannot while its disk hangs.
 */
export async function runNode(
  configPath: string,
  onFatal: (text: string) => void,
  onHung: (text: string) => void = endAtOnce,
): Promise<RunningNode> {
  const settings = readSettings(configPath);
  const calls = new DiskCalls();
  let isFatal = false;
  const stopped: OnStopped = async (text, left) => {
    isFatal = true;
    lives.end();
    if (await hasLeft(left, calls, LEAVING)) onFatal(text);
    else onHung(`${text}\n${keptText(settings)}`);
  };
  const restart = (): void => {
    lives.restart().catch((error: unknown) => onFatal(errorMessage(error)));
  };
  const lives: Lives<Life> = new Lives(() => live(settings, calls, { onStopped: stopped, onRestart: restart }));
  warmUpFor(WARM_UP_MS, settings.identity.publicKey);
  const { node, log } = await lives.begin();
  const stop = async (): Promise<void> => {
    lives.end();
    const patience = setTimeout(() => {
      // What has stopped itself ends by itself, and says why.
      if (!isFatal) onHung(hungText(settings, lives.current?.node.isIdle() ?? false));
    }, STOP_MS);
    try {
      await lives.settled();
      if (lives.current !== undefined) await handOver(lives.current.node);
      // Then it is not the end that it was told to come to: the process ends with another.
      if (isFatal) await new Promise<never>(() => undefined);
      await lives.close();
    } finally {
      clearTimeout(patience);
    }
    log.info("node.stopped");
  };
  const { host, port } = settings.self;
  return { id: settings.config.id, host, port, recoveredHeight: node.recoveredHeight, stop };
}

function warmUpFor(milliseconds: number, publicKey: Uint8Array): void {
  const clock = new NodeClock();
  const until = clock.monotonicMs() + milliseconds;
  warmUp(sha256, publicKey, () => clock.monotonicMs() < until);
}

/** Is told why a node has stopped itself, and when nothing of it is under way any more. */
type OnStopped = (text: string, left: Promise<void>) => Promise<void>;

interface Ends {
  readonly onStopped: OnStopped;
  readonly onRestart: () => void;
}

async function live(settings: Settings, calls: DiskCalls, { onStopped, onRestart }: Ends): Promise<Life> {
  const opened: (() => unknown)[] = [];
  const close = async (): Promise<void> => {
    for (const closeOne of opened.toReversed()) await closeOne();
  };
  /** All at once, and whatever becomes of it: a disk that hangs keeps no link from being closed. */
  const leave = async (): Promise<void> => {
    // An actor is in the middle of its turn.
    await sleep(0);
    await Promise.allSettled(opened.map(async (closeOne) => await closeOne()));
    // A log whose disk has failed counts as idle while another call to it may hang.
    while (!calls.isIdle) await sleep(POLL_MS);
  };
  const onFatal = (text: string): void => void onStopped(text, leave());
  try {
    return { ...(await start(settings, { calls, onFatal, onRestart }, opened)), close };
  } catch (error) {
    await close();
    throw isDamage(error) ? damaged(settings, error) : error;
  }
}

function readSettings(configPath: string): Settings {
  const config = parseConfig(readText(configPath, "the configuration"));
  const home = dirname(resolve(configPath));
  const cluster = parseClusterFile(readText(resolve(home, config.cluster), "config.cluster"));
  const identity = Identity.fromPem(readSecret(resolve(home, config.identity), "config.identity"));
  const self = cluster.nodes.find(({ id }) => id === config.id);
  if (self === undefined)
    throw new CodedError("config_invalid", `config.id: the cluster file has no node ${config.id}`);
  if (!equalBytes(self.publicKey, identity.publicKey)) {
    const reason = `config.identity: the key is not that of node ${config.id} in the cluster file`;
    throw new CodedError("identity_invalid", reason);
  }
  return { config, home, cluster, self, identity, key: readNodeKey(config, home), data: resolve(home, config.data) };
}

interface Hooks {
  readonly calls: DiskCalls;
  readonly onFatal: (text: string) => void;
  readonly onRestart: () => void;
}

/** `opened` collects how to close what has been opened, in order. */
async function start(
  { config, home, cluster, self, identity, key, data }: Settings,
  { calls, onFatal, onRestart }: Hooks,
  opened: (() => unknown)[],
): Promise<Pick<Life, "node" | "log">> {
  const { id, timing, preferredLeaders, releaseMax, endpoints } = config;
  const { checkpointBlocks, retainBlocks, segmentBytes, cacheBytes } = config;
  const clock = new NodeClock();
  const random = new NodeRandom();
  const log = new PinoLog(config.logLevel, { node: id });
  const mark = new StartedMark(resolve(home, config.identity), data);
  mark.check();
  const syncs = new SyncCount(() => clock.monotonicMs());
  const disk = openDisk(data, { calls, syncs });
  if (isOpenToOthers(data)) log.warn("node.data_exposed", { data, remedy: `chmod 700 ${data}` });
  const cipher = openDataCipher(disk, key, { create: true });
  const store = await LevelStore.open(join(data, "state"), { cipher, calls, syncs });
  opened.push(() => store.close());
  const { clusterId, genesis, nodes } = cluster;
  const bounds = connectionBounds(log);
  const network = await WebSocketNetwork.listen({ id, identity, clusterId, nodes, clock, random, log, bounds });
  opened.push(() => network.close());
  const outside = new HttpOutside(new Map(Object.entries(endpoints).map(([name, url]) => [name, new URL(url)])));
  opened.push(() => outside.close());
  const host: Host = { clock, random, disk, store, cipher, network, outside, crypto: new NodeCrypto(identity), log };
  const options: NodeOptions = {
    ...{ id, genesis, peers: nodes, timing, preferredLeaders, releaseMax, onRestart },
    ...{ checkpointBlocks, retainBlocks, segmentBytes, cacheBytes },
    diskStatus: () => syncs.fields(),
    onFatal: (report) => onFatal(fatalText(config, data, report)),
    ...(config.logLevel === "trace" ? { trace: (event) => log.trace("actor.message", traceFields(event)) } : {}),
  };
  mark.write();
  const node = composeNode(host, options);
  opened.push(() => end(node, log));
  const { recoveredHeight } = node;
  log.info("node.started", { host: self.host, port: self.port, recoveredHeight, encrypted: cipher !== undefined });
  return { node, log };
}

/**
 * Nothing is written any more when this is over: another life may open the log. No file is closed under a write, so this takes
 * as long as the disk hangs.
 */
async function end(node: ComposedNode, log: Log): Promise<void> {
  node.stop();
  for (let waited = 0; !node.isIdle(); waited += POLL_MS) {
    if (waited === QUIET_MS) log.warn("node.waits_for_disk");
    await sleep(POLL_MS);
  }
  node.close();
}

/** A leader that is to stop has another lead first, so that clients wait for a round trip and not for an election. */
async function handOver(node: ComposedNode): Promise<void> {
  const raft = node.inspect?.raft;
  if (raft?.role !== "leader" || raft.peerProgress().length === 0) return;
  node.handOver();
  for (let waited = 0; raft.role === "leader" && waited < HAND_OVER_MS; waited += POLL_MS) {
    await sleep(POLL_MS);
  }
}

function openDisk(data: string, watch: DiskWatch): NodeDisk {
  try {
    return new NodeDisk(data, watch);
  } catch (error) {
    throw new CodedError("data_unusable", `config.data: ${data} cannot be used: ${errorMessage(error)}`, {}, error);
  }
}

/** The error with which a node does not start on damaged data: what was found, and what to do. */
function damaged({ config, data }: Settings, error: unknown): CodedError {
  const code = error instanceof CodedError ? error.code : "checkpoint_damaged";
  const facts = error instanceof CodedError ? error.facts : {};
  const advice = `Keep ${data} as it is (copy it before anything else) and run "quorate verify" on it; docs/errors.md`;
  const message = `node ${config.id} does not start: ${errorMessage(error)}. ${advice}`;
  return new CodedError(code, message, facts, error);
}

/** What an operator is told when a node that was told to stop ends without having come to its end. */
function hungText({ config: { id }, data }: Settings, isIdle: boolean): string {
  return [
    "",
    `Quorate node ${id} was told to stop ${STOP_MS / 1_000} seconds ago and cannot: it ends now as if it were killed.`,
    "",
    isIdle
      ? "Not waited for: that its files and links are closed. Its log is whole."
      : `Not waited for: writes to the log in ${data}, which are under way; its disk hangs.`,
    "Nothing was acknowledged that is not durable on a quorum, so nothing is lost that anybody was told of.",
    "What to do: look at the disk, and start the node again when it works. It finds its data as after a crash.",
    "",
  ].join("\n");
}

/** What is said besides when a node that has stopped itself cannot come to its end. */
function keptText({ data }: Settings): string {
  return [
    `Not waited for: what is under way to ${data}; its disk hangs. So the node ends as if it were killed (by SIGKILL), and not`,
    `with exit code ${EXIT_FATAL}: do not have it started again as after a crash.`,
    "",
  ].join("\n");
}

/** What an operator is told when a node stops itself. */
function fatalText({ id }: NodeConfig, data: string, { actor, reason, stack }: FatalReport): string {
  return [
    "",
    `Quorate node ${id} has stopped itself: its ${actor} found something that must never be.`,
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
