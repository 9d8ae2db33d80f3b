/** Keeping a cluster file in step with what the cluster itself says of its nodes. */
import { replaceText } from "../node/host/files.ts";
import type { NodeRole } from "../node/state/members.ts";
import { type ClusterNode, formatClusterFile } from "../node/transport/cluster-file.ts";
import { readCluster } from "./cluster-access.ts";

interface KnownNode {
  readonly id: number;
  /** What it is to be. */
  readonly role: NodeRole;
}

/**
 * Takes the nodes out of a cluster file that are to leave and are gone: they answer nobody, and their places are wanted. Who is
 * to be a learner is marked as one, and nobody else: who is to vote counts as a voter from then on, or signatures of fewer
 * than a quorum would be believed as soon as it does.
 */
export function updateClusterFile(path: string, known: readonly KnownNode[], isGone: (id: number) => boolean): void {
  const { genesis, nodes } = readCluster(path);
  const roles = new Map(known.map(({ id, role }) => [id, role]));
  const left = nodes.filter(({ id }) => roles.get(id) !== "removed" || !isGone(id));
  const text = formatClusterFile(
    genesis,
    left.map((node) => marked(node, roles.get(node.id))),
  );
  if (text !== formatClusterFile(genesis, nodes)) replaceText(path, text);
}

/** Marks a node of a cluster file as a learner, or takes its mark away; whether the file was changed by that. */
export function markLearner(path: string, id: number, isLearner: boolean): boolean {
  const { genesis, nodes } = readCluster(path);
  if (!nodes.some((node) => node.id === id && (node.learner === true) !== isLearner)) return false;
  const text = formatClusterFile(
    genesis,
    nodes.map((node) => (node.id === id ? marked(node, isLearner ? "learner" : "voter") : node)),
  );
  replaceText(path, text);
  return true;
}

function marked({ learner: _before, ...node }: ClusterNode, role: NodeRole | undefined): ClusterNode {
  const isLearner = role === "learner" || (role !== "voter" && _before === true);
  return isLearner ? { ...node, learner: true } : node;
}
