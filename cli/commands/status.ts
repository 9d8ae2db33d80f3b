/** `quorate status`: how each node of a cluster is, and how far the leader knows the others to be. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandModule } from "yargs";
import type { ClusterFile } from "../../node/client/index.ts";
import { CLUSTER_OPTIONS, readCluster, readKey } from "../cluster-access.ts";
import { command } from "../command.ts";
import { interruption } from "../interruption.ts";
import { clusterStatus, leaderOf, type NodeStatus } from "../node-status.ts";
import { EXIT, type Output, table } from "../output.ts";

const DIGEST_DIGITS = 16;
const WATCH_MS = 1_000;

/** How far the leader knows a peer's log to be. */
interface PeerView {
  readonly peer: number;
  readonly state: string;
  readonly match: number;
  /** Entries of the leader's log that the peer is not known to have. */
  readonly lag: number;
  /** Messages with entries that are on their way. */
  readonly inFlight: number;
}

/** The leader's peers; empty where there is no leader, or it does not tell this key. */
export function peersOf(leader: NodeStatus | undefined): readonly PeerView[] {
  const { peers, lastIndex } = leader?.sections["consensus"] ?? {};
  if (!Array.isArray(peers)) return [];
  return (peers as readonly Omit<PeerView, "lag">[]).map(({ peer, state, match, inFlight }) => {
    return { peer, state, match, lag: Number(lastIndex) - match, inFlight };
  });
}

/** The nodes as a table for people. What a node does not tell this key is a dash. */
export function statusTable(cluster: ClusterFile, nodes: readonly NodeStatus[]): string {
  const rows = nodes.map(({ id, reachable, role, term, height, digest, sections }) => {
    const node = cluster.nodes.find((candidate) => candidate.id === id);
    const told = sections["consensus"]?.["commit"];
    const commit = typeof told === "number" ? told : reachable ? "-" : 0;
    return [`${id}`, `${node?.host}:${node?.port}`, role, term, commit, height, digest.slice(0, DIGEST_DIGITS)];
  });
  return table([["node", "address", "role", "term", "commit", "applied", "digest"], ...rows]);
}

function peerTable(leader: NodeStatus | undefined): string {
  const rows = peersOf(leader).map(({ peer, state, match, lag, inFlight }) => [`${peer}`, state, match, lag, inFlight]);
  if (rows.length === 0) return "";
  return `\n\nseen by the leader, node ${leader?.id}:\n${table([["peer", "state", "match", "lag", "in flight"], ...rows])}`;
}

/** Asks all nodes and says how they are; whether a quorum follows a leader. */
async function look(cluster: ClusterFile, signer: ReturnType<typeof readKey>, output: Output): Promise<boolean> {
  const nodes = await clusterStatus(cluster, signer);
  const leader = leaderOf(nodes);
  const healthy = leader !== undefined;
  const result = { healthy, leader: leader?.id ?? null, nodes, peers: peersOf(leader) };
  output.result(result, statusTable(cluster, nodes) + peerTable(leader));
  if (!healthy) output.note("no leader that a quorum follows: start more nodes, or look into their logs");
  return healthy;
}

export const status: CommandModule = command({
  command: "status",
  describe: "role, term, height and state digest of each node; exit code 1 without a leader that a quorum follows",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .option("watch", { type: "boolean", default: false, describe: "again each second, until Ctrl-C" })
      .example("$0 status --json", "with everything the nodes' actors say of themselves"),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const signer = readKey(args);
    let healthy = await look(cluster, signer, output);
    if (args.watch) {
      const { signal } = interruption();
      while (await pause(signal)) {
        if (!output.json) output.print("");
        healthy = await look(cluster, signer, output);
      }
    }
    return healthy ? EXIT.done : EXIT.failed;
  },
});

/** Whether a second has passed without anybody wanting to stop. */
async function pause(signal: AbortSignal): Promise<boolean> {
  await sleep(WATCH_MS, undefined, { signal }).catch(() => undefined);
  return !signal.aborted;
}
