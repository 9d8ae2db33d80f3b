/** Keeping a cluster file in step with what the cluster itself says of its nodes. */

import { quorumOf } from "../node/base/quorum.ts";
import { replaceText } from "../node/host/files.ts";
import type { Node, NodeRole } from "../node/state/members.ts";
import { type ClusterNode, defaultName, formatClusterFile, votersIn } from "../node/transport/cluster-file.ts";
import { readCluster } from "./cluster-access.ts";

/**
 * Takes the nodes out of a cluster file that are to leave and are gone: they answer nobody, and their places are wanted. Who is
 * to be a learner is marked as one, and nobody else: who is to vote counts as a voter from then on, or signatures of fewer
 * than a quorum would be believed as soon as it does. A file so old that the voters it names would be no quorum gets all that
 * the cluster has.
 */
export function updateClusterFile(path: string, known: readonly Node[], isGone: (id: number) => boolean): void {
  const { genesis, nodes } = readCluster(path);
  const roles = new Map(known.map(({ id, role }) => [id, role]));
  const left = nodes
    .filter(({ id }) => roles.get(id) !== "removed" || !isGone(id))
    .map((node) => marked(node, roles.get(node.id)));
  const voters = known.filter(({ role }) => role === "voter").length;
  const isOld = votersIn({ nodes: left }).length < quorumOf(voters);
  const named = isOld ? [...left, ...othersOf(known, left)].sort((a, b) => a.id - b.id) : left;
  const text = formatClusterFile(genesis, named);
  if (text !== formatClusterFile(genesis, nodes)) replaceText(path, text);
}

/** Voters that are not among these and have joined: of a node of the genesis nobody but the file itself has the address. */
function othersOf(known: readonly Node[], named: readonly ClusterNode[]): readonly ClusterNode[] {
  return known
    .filter(({ id, role, host }) => role === "voter" && host !== "" && named.every((node) => node.id !== id))
    .map(({ id, publicKey, host, port }) => ({ id, name: defaultName(id), publicKey, host, port }));
}

/** Takes the mark of a learner away from a node that the cluster file names. */
export function countAsVoter(path: string, id: number): void {
  const { genesis, nodes } = readCluster(path);
  const counted = nodes.map((node) => (node.id === id ? marked(node, "voter") : node));
  const text = formatClusterFile(genesis, counted);
  if (text !== formatClusterFile(genesis, nodes)) replaceText(path, text);
}

function marked({ learner: _before, ...node }: ClusterNode, role: NodeRole | undefined): ClusterNode {
  const isLearner = role === "learner" || (role !== "voter" && _before === true);
  return isLearner ? { ...node, learner: true } : node;
}
