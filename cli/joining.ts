/**
 * Entering a node in a running cluster: a transaction that says who is to take part, an entry in the cluster file, and the
 * files that the node is started from.
 */
import { resolve } from "node:path";
import { must } from "../node/base/assert.ts";
import { fromHex, toHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { NODES_MAX } from "../node/base/limits.ts";
import { ask } from "../node/client/ask.ts";
import type { ClusterFile, ClusterNode, Outcome, QuorateClient } from "../node/client/index.ts";
import { replaceText } from "../node/host/files.ts";
import { joiningIdentity, writeNode } from "../node/host/init.ts";
import type { QueryAnswer } from "../node/state/queries.ts";
import { addNode, defaultName } from "../node/transport/cluster-file.ts";
import type { Identity } from "../node/transport/identity.ts";
import type { ChangeMembersBody } from "../node/wire/kinds.ts";
import { type ClusterArguments, readCluster, withClient, withReader } from "./cluster-access.ts";
import { countAsVoter, updateClusterFile } from "./cluster-members.ts";

export type MembersAnswer = Extract<QueryAnswer, { readonly type: "members" }>;
export type Configuration = MembersAnswer["configuration"];

/** What a node does now, whatever it is to do. */
export function standing({ voters, outgoing, learners }: Configuration, id: number): string {
  if (voters.includes(id)) return outgoing.length > 0 && !outgoing.includes(id) ? "voter, joining" : "voter";
  if (outgoing.includes(id)) return "voter, leaving";
  return learners.includes(id) ? "learner" : "-";
}

export async function members(client: QuorateClient): Promise<MembersAnswer> {
  return await ask(client, { type: "members" });
}

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
  readonly voter: boolean;
  /** Without it that of the node before it, or the one of its id. */
  readonly name?: string | undefined;
  readonly before?: Predecessor;
}

export interface Joined {
  readonly id: number;
  readonly name: string;
  readonly config: string;
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

/** Brings the cluster file in step with what the cluster says: who has left for good, and who has no vote. */
export function followMembers(args: ClusterArguments, { members: known, configuration }: MembersAnswer): ClusterFile {
  const nodes = known.map((node) => ({ ...node, publicKey: fromHex(node.publicKey) ?? new Uint8Array(0) }));
  updateClusterFile(args.cluster, nodes, (id) => standing(configuration, id) === "-");
  return readCluster(args.cluster);
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
function enteredBefore(answer: MembersAnswer, identity: Identity, args: Place): number | undefined {
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
  return node.id;
}

/**
 * Enters a new node, in place of another where that is wanted, and writes its files and the cluster file. Run again after
 * it was cut short, or its outcome remained unknown, it goes on with the identity that it wrote first.
 */
export async function enterNode(args: Place, { voter, name: chosen, before }: Entrance): Promise<Joined> {
  const answer = await withReader(args, members);
  const cluster = followMembers(args, answer);
  const identity = joiningIdentity(args.dir);
  const { publicKey } = identity;
  const { host, port } = args;
  let id = enteredBefore(answer, identity, args);
  const role = answer.members.find((node) => node.id === id)?.role ?? (voter ? "voter" : "learner");
  const written = cluster.nodes.find((node) => node.id === id);
  const wanted = written?.name ?? chosen ?? before?.name;
  const others = besides(cluster.nodes, wanted, before).filter((node) => node !== written);
  if (id === undefined) {
    const name = wanted ?? defaultName(answer.members.length + 1);
    checkPlace(others, { name, host, port }, before?.id);
    const remove = before === undefined ? [] : [before.id];
    const outcome = await submitChange(args, { add: [{ publicKey, host, port, voter }], remove });
    const [given] = outcome.result["ids"] as readonly number[];
    id = must(given, "a node that is entered gets an id");
  }
  const name = wanted ?? defaultName(id);
  const node = { id, name, publicKey, host, port };
  const entered = role === "learner" ? { ...node, learner: true as const } : node;
  replaceText(args.cluster, addNode({ ...cluster, nodes: others }, entered));
  const card = args["card-endpoint"];
  const endpoints = card === undefined ? {} : { card };
  const files = { id, clusterFile: resolve(args.cluster), endpoints, encrypt: args.encrypt };
  return { id, name, config: writeNode(resolve(args.dir), files) };
}
