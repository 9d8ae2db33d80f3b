/** `quorate status`: how each node of a cluster is, and how far the leader knows the others to be. */
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandModule } from "yargs";
import type { ClusterFile } from "../../node/client/index.ts";
import { CLUSTER_OPTIONS, readCluster, readKey } from "../cluster-access.ts";
import { clusterRelease, releaseText } from "../cluster-release.ts";
import { command } from "../command.ts";
import { interruption } from "../interruption.ts";
import { clusterStatus, leaderOf, type NodeStatus, noLeaderAdvice } from "../node-status.ts";
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
  /** Pages of a checkpoint that the peer fetches, as it says itself. */
  readonly checkpoint?: PagesFetched;
}

interface PagesFetched {
  readonly from: number;
  readonly height: number;
  readonly pages: number;
  readonly pagesLeft: number;
}

/** The leader's peers; empty where there is no leader, or it does not tell this key. */
export function peersOf(leader: NodeStatus | undefined, nodes: readonly NodeStatus[]): readonly PeerView[] {
  const { peers, lastIndex } = leader?.sections["consensus"] ?? {};
  if (!Array.isArray(peers)) return [];
  return (peers as readonly Omit<PeerView, "lag">[]).map(({ peer, state, match, inFlight }) => {
    const checkpoint = pagesFetched(nodes.find(({ id }) => id === peer));
    return { peer, state, match, lag: Number(lastIndex) - match, inFlight, ...(checkpoint && { checkpoint }) };
  });
}

/** Undefined where the node fetches no checkpoint, or does not say so. All are there while others are to vouch for it. */
function pagesFetched(node: NodeStatus | undefined): PagesFetched | undefined {
  const { phase, from, height, pages, pagesLeft } = node?.sections["catchUp"] ?? {};
  if (phase !== "fetching" && phase !== "vouching") return undefined;
  return { from: Number(from), height: Number(height), pages: Number(pages), pagesLeft: Number(pagesLeft) };
}

function pagesText({ checkpoint }: PeerView): string {
  return checkpoint === undefined ? "" : `${checkpoint.pages - checkpoint.pagesLeft}/${checkpoint.pages}`;
}

/** The nodes as a table for people. What a node does not tell this key is a dash. */
export function statusTable(cluster: ClusterFile, nodes: readonly NodeStatus[]): string {
  const rows = nodes.map(({ id, name, reachable, role, term, height, digest, sections }) => {
    const node = cluster.nodes.find((candidate) => candidate.id === id);
    const told = sections["consensus"]?.["commit"];
    const commit = typeof told === "number" ? told : reachable ? "-" : 0;
    return [`${id}`, name, `${node?.host}:${node?.port}`, role, term, commit, height, digest.slice(0, DIGEST_DIGITS)];
  });
  return table([["node", "name", "address", "role", "term", "commit", "applied", "digest"], ...rows]);
}

function peerTable(leader: NodeStatus | undefined, peers: readonly PeerView[]): string {
  if (peers.length === 0) return "";
  const rows = peers.map((one) => [`${one.peer}`, one.state, one.match, one.lag, one.inFlight, pagesText(one)]);
  const head = ["peer", "state", "match", "lag", "in flight", "pages"];
  return `\n\nseen by the leader, node ${leader?.id}:\n${table([head, ...rows])}`;
}

/** Asks all nodes and says how they are; whether a quorum follows a leader. */
async function look(cluster: ClusterFile, signer: ReturnType<typeof readKey>, output: Output): Promise<boolean> {
  const nodes = await clusterStatus(cluster, signer);
  const leader = leaderOf(nodes);
  const healthy = leader !== undefined;
  const peers = peersOf(leader, nodes);
  const release = clusterRelease(nodes);
  const result = { healthy, leader: leader?.id ?? null, release: release ?? null, nodes, peers };
  const text = releaseText(release);
  const tables = statusTable(cluster, nodes) + peerTable(leader, peers);
  output.result(result, text === "" ? tables : `${tables}\n\n${text}`);
  if (!healthy) output.note(`no leader that a quorum follows: ${noLeaderAdvice(nodes)}`);
  return healthy;
}

export const status: CommandModule = command({
  command: "status",
  describe:
    "role, term, height and state digest of each node; exit code 1 without a leader that a quorum of the voters follows",
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
