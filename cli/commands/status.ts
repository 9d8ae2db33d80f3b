/** `quorate status`: how each node of a cluster is. */
import type { CommandModule } from "yargs";
import type { ClusterFile } from "../../node/client/index.ts";
import { CLUSTER_OPTIONS, readCluster, readKey } from "../cluster-access.ts";
import { command } from "../command.ts";
import { clusterStatus, type NodeStatus } from "../node-status.ts";
import { EXIT, table } from "../output.ts";

const DIGEST_DIGITS = 16;

/** The nodes as a table for people. */
export function statusTable(cluster: ClusterFile, nodes: readonly NodeStatus[]): string {
  const rows = nodes.map(({ id, role, term, height, digest }) => {
    const node = cluster.nodes.find((candidate) => candidate.id === id);
    return [`${id}`, `${node?.host}:${node?.port}`, role, term, height, digest.slice(0, DIGEST_DIGITS)];
  });
  return table([["node", "address", "role", "term", "height", "digest"], ...rows]);
}

export const status: CommandModule = command({
  command: "status",
  describe: "role, term, height and state digest of each node; exit code 1 without a leader that a quorum follows",
  builder: (yargs) =>
    yargs.options(CLUSTER_OPTIONS).example("$0 status --json", "with everything the nodes' actors say of themselves"),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const nodes = await clusterStatus(cluster, readKey(args));
    const leader = nodes.find(({ role }) => role === "leader");
    const followers = nodes.filter((node) => leader !== undefined && node.leader === leader.id);
    const healthy = followers.length * 2 > nodes.length;
    output.result({ healthy, leader: leader?.id ?? null, nodes }, statusTable(cluster, nodes));
    if (!healthy) output.note("no leader that a quorum follows: start more nodes, or look into their logs");
    return healthy ? EXIT.done : EXIT.failed;
  },
});
