/**
 * Keeping a cluster file in step with what the cluster itself says of its nodes. Whoever reads the file believes a quorum of
 * the voters that it names, so it follows the word of such a quorum only: with less one node that lies could enter keys of
 * its own, or take voters out until it is a quorum by itself.
 */
import { fromHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { quorumOf } from "../node/base/quorum.ts";
import { replaceText } from "../node/host/files.ts";
import type { Node, NodeRole } from "../node/state/members.ts";
import { type ClusterNode, defaultName, formatClusterFile, votersIn } from "../node/transport/cluster-file.ts";
import { type ClusterArguments, readCluster, readKey, withClient, withReader } from "./cluster-access.ts";
import { agreedMembers, type MembersAnswer, members, standing } from "./members.ts";

/**
 * What the cluster says of its members, before they are changed; the file is in step with it then, as far as that can be. Throws
 * `CodedError` `cluster_file_old` where it is too old to follow by itself, or what asking throws.
 */
export async function membersNow(args: ClusterArguments): Promise<MembersAnswer> {
  const agreed = await followMembers(args);
  if (agreed !== undefined) return agreed;
  const answer = await withReader(args, members);
  const { voters } = answer.configuration;
  const voting = votersIn(readCluster(args.cluster)).filter(({ id }) => voters.includes(id));
  if (voting.length >= quorumOf(voters.length)) return answer;
  const names = `${args.cluster} names ${voting.length} of the ${voters.length} nodes that vote`;
  const why = "too few for a quorum, and no quorum of the voters that it names agrees on who votes";
  const what = "nothing was changed: take a newer one, from where members were changed last";
  throw new CodedError("cluster_file_old", `${names}, ${why}; ${what}`);
}

/**
 * Brings the cluster file in step with what a quorum of the voters that it names says, which is returned. Where there is
 * none, as while new voters have not been started, the file stays: it may name voters too many, which makes a quorum larger.
 */
export async function followMembers(args: ClusterArguments): Promise<MembersAnswer | undefined> {
  const before = await agreedMembers(readCluster(args.cluster), readKey(args));
  if (before === undefined || !marksMore(args.cluster, before)) return follow(args, before);
  // Who is a learner may have a promotion in a log that no quorum has: behind a transaction of our own it is there, or never.
  // (One that no log has yet, because a node holds it back, ends when it expires.)
  await withClient(args, () => Promise.resolve());
  return follow(args, await agreedMembers(readCluster(args.cluster), readKey(args)));
}

function follow(args: ClusterArguments, agreed: MembersAnswer | undefined): MembersAnswer | undefined {
  if (agreed === undefined) return undefined;
  updateClusterFile(args.cluster, nodesOf(agreed), (id) => standing(agreed.configuration, id));
  return agreed;
}

function nodesOf({ members: known }: MembersAnswer): readonly Node[] {
  return known.map((node) => ({ ...node, publicKey: fromHex(node.publicKey) ?? new Uint8Array(0) }));
}

/** Whether the file would count a voter less. */
function marksMore(path: string, agreed: MembersAnswer): boolean {
  const { nodes } = readCluster(path);
  const voters = votersIn({ nodes }).map(({ id }) => id);
  const next = inStep(nodes, nodesOf(agreed), (id) => standing(agreed.configuration, id));
  return next.some(({ id, learner }) => learner === true && voters.includes(id));
}

/**
 * The same after a node has left at the operator's own order. It is taken out where no quorum says so, too, or voters that were
 * never started and taken back would be missed for ever; the order says how far the one node that confirmed it is believed.
 */
export async function forgetNode(args: ClusterArguments, left: number): Promise<void> {
  if ((await followMembers(args)) === undefined) {
    rewrite(args.cluster, (nodes) => nodes.filter(({ id }) => id !== left));
  }
}

/**
 * Takes the nodes out of a cluster file that are to leave and are gone: they answer nobody, and their places are wanted. Who is
 * to be a learner and votes no more is marked as one, and nobody else: who is to vote counts as a voter from then on, and who
 * was one does until that is over, or signatures of fewer than a quorum would be believed. A file so old that the voters it names would be no quorum gets all that
 * the cluster has.
 */
export function updateClusterFile(path: string, known: readonly Node[], standingOf: (id: number) => string): void {
  rewrite(path, (nodes) => inStep(nodes, known, standingOf));
}

function inStep(
  nodes: readonly ClusterNode[],
  known: readonly Node[],
  standingOf: (id: number) => string,
): readonly ClusterNode[] {
  const roles = new Map(known.map(({ id, role }) => [id, role === "learner" ? learnerOrVoter(standingOf(id)) : role]));
  const voters = known.filter(({ role }) => role === "voter").length;
  const left = nodes
    .filter(({ id }) => roles.get(id) !== "removed" || standingOf(id) !== "-")
    .map((node) => marked(node, roles.get(node.id)));
  const isOld = votersIn({ nodes: left }).length < quorumOf(voters);
  return isOld ? [...left, ...othersOf(known, left)].sort((a, b) => a.id - b.id) : left;
}

/** What counts of a node that is to be a learner: it may be a voter until the others have agreed. */
function learnerOrVoter(now: string): NodeRole {
  return now.startsWith("voter") ? "voter" : "learner";
}

/** Voters that are not among these and have joined: of a node of the genesis nobody but the file itself has the address. */
function othersOf(known: readonly Node[], named: readonly ClusterNode[]): readonly ClusterNode[] {
  return known
    .filter(({ id, role, host }) => role === "voter" && host !== "" && named.every((node) => node.id !== id))
    .map(({ id, publicKey, host, port }) => ({ id, name: defaultName(id), publicKey, host, port }));
}

/** Takes the mark of a learner away from a node that the cluster file names. */
export function countAsVoter(path: string, id: number): void {
  rewrite(path, (nodes) => nodes.map((node) => (node.id === id ? marked(node, "voter") : node)));
}

/** A file that is right is not written again. */
function rewrite(path: string, change: (nodes: readonly ClusterNode[]) => readonly ClusterNode[]): void {
  const { genesis, nodes } = readCluster(path);
  const text = formatClusterFile(genesis, change(nodes));
  if (text !== formatClusterFile(genesis, nodes)) replaceText(path, text);
}

function marked({ learner: _before, ...node }: ClusterNode, role: NodeRole | undefined): ClusterNode {
  const isLearner = role === "learner" || (role !== "voter" && _before === true);
  return isLearner ? { ...node, learner: true } : node;
}
