/**
 * Entering a node in a running cluster: a transaction that says who is to take part, an entry in the cluster file, and the
 * files that the node is started from.
 */
import { resolve } from "node:path";
import { must } from "../node/base/assert.ts";
import { toHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { NODES_MAX } from "../node/base/limits.ts";
import { DEMOTING_RELEASE } from "../node/base/release.ts";
import type { ClusterNode, Outcome } from "../node/client/index.ts";
import { replaceText } from "../node/host/files.ts";
import { joiningIdentity, writeNode } from "../node/host/init.ts";
import { addNode, defaultName, votersIn } from "../node/transport/cluster-file.ts";
import type { Identity } from "../node/transport/identity.ts";
import type { ChangeMembersBody } from "../node/wire/kinds.ts";
import { type ClusterArguments, readCluster, withClient } from "./cluster-access.ts";
import { countAsVoter, membersNow } from "./cluster-members.ts";
import { type MembersAnswer, roleIn, standing } from "./members.ts";

/** Where a node is to be. */
export interface Place extends ClusterArguments {
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly encrypt: boolean;
  readonly "card-endpoint"?: string | undefined;
}

/** A node that another takes the place of. */
interface Predecessor {
  readonly id: number;
  /** In the cluster file; undefined where that does not name it. */
  readonly name: string | undefined;
  /** It has lost its disk and never comes back under its id; else it goes on until the other has caught up. */
  readonly isLost: boolean;
}

/** How a node enters. */
interface Entrance {
  readonly voter: boolean | "as the one before";
  /** Without it that of the node before it, or the one of its id. */
  readonly name?: string | undefined;
  readonly before?: Predecessor;
}

type Member = MembersAnswer["members"][number];

export interface Joined {
  readonly id: number;
  readonly name: string;
  readonly config: string;
  /** Whether it is to vote. */
  readonly voter: boolean;
}

/** Submits a change of members; throws `CodedError` with the refusal, and says what would be safe; or what the client throws. */
export async function submitChange(args: ClusterArguments, change: Partial<ChangeMembersBody>): Promise<Outcome> {
  const body = { add: [], remove: [], promote: [], ...change };
  const outcome = await withClient(args, async (client) => await client.submit({ kind: "changeMembers", body }));
  const { status, what } = outcome.result;
  if (status === "ok") return outcome;
  const about = typeof what === "string" ? ` (${what})` : "";
  const instead = what === "the last voter" ? ": add another voter first, or replace it" : "";
  throw new CodedError(status, `the cluster refused: ${status.replaceAll("_", " ")}${about}${instead}`);
}

/**
 * Has a learner get a vote. It counts as a voter in the cluster file before the cluster hears of it, whatever comes of that:
 * one too many makes a quorum larger, and the next command that asks the cluster who votes marks it again.
 */
export async function promoteNode(args: ClusterArguments, id: number): Promise<void> {
  countAsVoter(args.cluster, id);
  await submitChange(args, { promote: [id] });
}

/** Has a voter become a learner. The cluster file counts it as a voter until a quorum says that it votes no more. */
export async function demoteNode(args: ClusterArguments, id: number): Promise<void> {
  try {
    await submitChange(args, { demote: [id] });
  } catch (error) {
    if (!(error instanceof CodedError && error.code === "malformed_body")) throw error;
    const release = `the cluster has not come to release ${DEMOTING_RELEASE}`;
    const remedy = 'upgrade all nodes ("quorate status" says whom that waits for), or remove the node';
    throw new CodedError("malformed_body", `${release}, and cannot make a learner of a voter yet: ${remedy}`);
  }
}

/** The nodes beside one that gets this name: of two with one name, the one that goes on for a while is called otherwise. */
function besides(nodes: readonly ClusterNode[], name: string | undefined, before: Predecessor | undefined) {
  return nodes.flatMap((node): readonly ClusterNode[] => {
    if (node.id !== before?.id) return [node];
    if (before.isLost) return [];
    return node.name === name ? [{ ...node, name: `old-${node.id}` }] : [node];
  });
}

/** Throws `CodedError` for a node that the cluster file could not name: the cluster knows no addresses of its genesis. */
function checkPlace(others: readonly ClusterNode[], node: Pick<ClusterNode, "name" | "host" | "port">, left?: number) {
  const { name, host, port } = node;
  if (others.length >= NODES_MAX)
    throw new CodedError("limit_reached", `the cluster file names ${NODES_MAX} nodes, and has room for no more`);
  const there = others.find((other) => other.host === host && other.port === port && other.id !== left);
  if (there !== undefined)
    throw new CodedError("already_exists", `node ${there.id} listens at ${host}:${port}: choose another address`);
  const namesake = others.find((other) => other.name === name);
  if (namesake !== undefined)
    throw new CodedError("already_exists", `node ${namesake.id} has the name ${name}: choose another with --name`);
}

/**
 * The node that an earlier run has entered with the identity, if it has; throws `CodedError` where it is not the one that is
 * wanted. One that votes is none that was cut short, for it became a learner first and caught up: its data was lost, with
 * what it has voted, and under its id it could vote twice.
 */
function enteredBefore(answer: MembersAnswer, identity: Identity, args: Place): Member | undefined {
  const { members: known, configuration } = answer;
  const node = known.find(({ publicKey }) => publicKey === toHex(identity.publicKey));
  if (node === undefined) return undefined;
  const whose = `the identity in ${args.dir} is that of node ${node.id}`;
  if (node.role === "removed") throw new CodedError("wrong_state", `${whose}, which was removed: move it away`);
  if (standing(configuration, node.id).startsWith("voter")) {
    throw new CodedError("wrong_state", `${whose}, which votes: move it away, and "quorate member rejoin ${node.id}"`);
  }
  if (node.host !== args.host || node.port !== args.port) {
    throw new CodedError("already_exists", `${whose} at ${node.host}:${node.port}`);
  }
  return node;
}

/** Throws `CodedError` for a node that the cluster does not have, or has no more: whoever enters would be in nobody's place. */
function checkIn(node: Member | undefined, id: number): void {
  if (node === undefined) throw new CodedError("not_found", `the cluster has no node ${id}`);
  if (node.role === "removed") throw new CodedError("wrong_state", `node ${id} is removed`);
}

interface Steps {
  readonly votes: boolean;
  /** Whether the node before it leaves when it enters; else when it is to vote, so that there is no voter less meanwhile. */
  readonly isFreed: boolean;
}

interface Known {
  readonly answer: MembersAnswer;
  /** The node, where an earlier run has entered it. */
  readonly entered: Member | undefined;
  /** Whether the one before it was a voter in the cluster file: nobody else knows where an earlier run has had that leave. */
  readonly counted: boolean;
}

function stepsOf({ answer, entered, counted }: Known, { voter, before }: Entrance, { host, port }: Place): Steps {
  const old = answer.members.find(({ id }) => id === before?.id);
  if (entered === undefined && before !== undefined) checkIn(old, before.id);
  const didVote = entered === undefined ? old?.role === "voter" : counted;
  return {
    votes: entered?.role === "voter" || (voter === "as the one before" ? didVote : voter),
    isFreed: before?.isLost === true || (old?.host === host && old.port === port),
  };
}

/** The name of a node until it takes that of the one before it, which is still meant by it. */
function newName(id: number): string {
  return `new-${id}`;
}

/**
 * Enters a new node, in place of another where that is wanted, and writes its files and the cluster file. It enters as a
 * learner, for its id is given by the cluster. One that is to vote counts as a voter in the cluster file before the cluster
 * hears of that: cut short in between, this has left a learner that the file does not name, or one voter too many in it,
 * which makes a quorum larger, but at no time one too few. Run again after it was cut short, or its outcome remained
 * unknown, it goes on with the identity that it wrote first.
 */
export async function enterNode(args: Place, entrance: Entrance): Promise<Joined> {
  const { name: chosen, before } = entrance;
  const counted = votersIn(readCluster(args.cluster)).some(({ id }) => id === before?.id);
  const answer = await membersNow(args);
  const cluster = readCluster(args.cluster);
  const identity = joiningIdentity(args.dir);
  const { publicKey } = identity;
  const { host, port } = args;
  const entered = enteredBefore(answer, identity, args);
  const { votes, isFreed } = stepsOf({ answer, entered, counted }, entrance, args);
  const written = cluster.nodes.find((node) => node.id === entered?.id);
  const given = written === undefined || written.name === newName(written.id) ? undefined : written.name;
  const wanted = given ?? chosen ?? before?.name;
  const all = cluster.nodes.filter((node) => node !== written);
  const others = besides(all, wanted, before);
  if (entered === undefined) {
    checkPlace(others, { name: wanted ?? defaultName(answer.members.length + 1), host, port }, before?.id);
  }
  const isIn = before !== undefined && before.id !== entered?.id && roleIn(answer, before.id) !== "removed";
  const leaving = isIn ? [before.id] : [];
  const id = entered?.id ?? (await enterLearner(args, publicKey, isFreed ? leaving : []));
  const name = wanted ?? defaultName(id);
  const node = { id, name, publicKey, host, port, ...(votes ? {} : { learner: true as const }) };
  if (votes && entered?.role !== "voter") {
    const isTaken = !isFreed && all.some((other) => other.name === name);
    const beside = isFreed ? others : all;
    replaceText(args.cluster, addNode({ ...cluster, nodes: beside }, isTaken ? { ...node, name: newName(id) } : node));
    await submitChange(args, { promote: [id], remove: isFreed ? [] : leaving });
  }
  replaceText(args.cluster, addNode({ ...cluster, nodes: others }, node));
  const card = args["card-endpoint"];
  const endpoints = card === undefined ? {} : { card };
  const files = { id, clusterFile: resolve(args.cluster), endpoints, encrypt: args.encrypt };
  return { id, name, config: writeNode(resolve(args.dir), files), voter: votes };
}

/** Resolves with the id that the cluster gives. */
async function enterLearner(args: Place, publicKey: Uint8Array, remove: readonly number[]): Promise<number> {
  const { host, port } = args;
  const outcome = await submitChange(args, { add: [{ publicKey, host, port, voter: false }], remove });
  const [given] = outcome.result["ids"] as readonly number[];
  return must(given, "a node that is entered gets an id");
}
