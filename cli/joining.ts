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
import { addNode, defaultName } from "../node/transport/cluster-file.ts";
import type { Identity } from "../node/transport/identity.ts";
import type { ChangeMembersBody } from "../node/wire/kinds.ts";
import { type ClusterArguments, readCluster, withClient, withReader } from "./cluster-access.ts";
import { countAsVoter, membersNow } from "./cluster-members.ts";
import { type JoiningNote, noteIn, type Predecessor, removeNote, unfinishedNotes, writeNote } from "./joining-note.ts";
import { type MembersAnswer, members, roleIn, standing } from "./members.ts";

/** Where a node is to be. */
export interface Place extends ClusterArguments {
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly encrypt: boolean;
  readonly "card-endpoint"?: string | undefined;
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
  /** Whether one before it leaves when it enters, and not only when it is to vote. */
  readonly isFreed: boolean;
}

/** What would be safe instead of what the cluster refuses, by what it says. */
const INSTEAD: Readonly<Record<string, string>> = {
  "the last voter": ": add another voter first, or replace it",
  [`nodes: ${NODES_MAX} at one time`]: ': have one leave first ("quorate member remove"), and wait until it has',
};

/** Submits a change of members; throws `CodedError` with the refusal, and says what would be safe; or what the client throws. */
export async function submitChange(args: ClusterArguments, change: Partial<ChangeMembersBody>): Promise<Outcome> {
  const body = { add: [], remove: [], promote: [], ...change };
  const outcome = await withClient(args, async (client) => await client.submit({ kind: "changeMembers", body }));
  const { status, what } = outcome.result;
  if (status === "ok") return outcome;
  const about = typeof what === "string" ? ` (${what})` : "";
  const instead = typeof what === "string" ? (INSTEAD[what] ?? "") : "";
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
    throw new CodedError(
      "limit_reached",
      `the cluster file names ${NODES_MAX} nodes, and has room for no more: have one leave first ("quorate member remove"), or start whom others wait for ("quorate member list")`,
    );
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

/** What an earlier run, cut short, has entered in the cluster and not brought to its end. */
interface Begun {
  readonly dir: string;
  readonly note: JoiningNote;
  readonly before: Predecessor;
}

/**
 * The node that an earlier run was about that is meant by a name or an id, its own or that of the one before it, and whose
 * identity the cluster has; undefined where there is none. The cluster file may name neither any more.
 */
export async function begunBefore(
  args: ClusterArguments & { readonly dir?: string | undefined },
  { node, isLost }: { readonly node: string; readonly isLost: boolean },
): Promise<Begun | undefined> {
  const begun = unfinishedNotes(args.cluster, args.dir).flatMap(({ dir, note }) => {
    const { before } = note;
    return before?.isLost === isLost ? [{ dir, note, before }] : [];
  });
  if (begun.length === 0) return undefined;
  const { members: known } = await withReader(args, members);
  return begun.find(({ note, before }) => {
    const entered = known.find(({ publicKey, role }) => publicKey === note.publicKey && role !== "removed");
    return entered !== undefined && [before.name, note.name, `${before.id}`, `${entered.id}`].includes(node);
  });
}

/**
 * The note of the run that has entered a node; throws `CodedError` `wrong_state` where that was about something else, or where no
 * note says that the node was never started: a learner may have voted before it became one.
 */
function noteOf(entered: Member, { before }: Entrance, args: Place): JoiningNote {
  const { id } = entered;
  const note = noteIn(args.dir);
  if (note?.publicKey !== entered.publicKey) {
    const whose = `the identity in ${args.dir} is that of node ${id}, and nothing there says that it was never started`;
    throw new CodedError("wrong_state", `${whose}: move it away, and "quorate member rejoin ${id}"`);
  }
  if (note.before?.id === before?.id && note.before?.isLost === before?.isLost) return note;
  const begun = commandOf(note.before);
  const text = `the identity in ${args.dir} is that of node ${id}, which "quorate member ${begun}" was to enter`;
  throw new CodedError("wrong_state", `${text}: run that again, or "quorate member remove ${id}" and move it away`);
}

function commandOf(before: Predecessor | undefined): string {
  return before === undefined ? "add" : `${before.isLost ? "rejoin" : "replace"} ${before.id}`;
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
  /** And what that run was about. */
  readonly note: JoiningNote | undefined;
}

function stepsOf({ answer, entered, note }: Known, { voter, before }: Entrance, { host, port }: Place): Steps {
  const old = answer.members.find(({ id }) => id === before?.id);
  if (entered === undefined && before !== undefined) checkIn(old, before.id);
  const didVote = note?.voter ?? old?.role === "voter";
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
 * unknown, it goes on with the identity that it wrote first, and with what it noted beside it.
 */
export async function enterNode(args: Place, entrance: Entrance): Promise<Joined> {
  const { before } = entrance;
  const answer = await membersNow(args);
  const cluster = readCluster(args.cluster);
  const identity = joiningIdentity(args.dir);
  const { publicKey } = identity;
  const { host, port } = args;
  const entered = enteredBefore(answer, identity, args);
  const note = entered === undefined ? undefined : noteOf(entered, entrance, args);
  const { votes, isFreed } = stepsOf({ answer, entered, note }, entrance, args);
  const wanted = entrance.name ?? note?.name ?? before?.name;
  const all = cluster.nodes.filter((node) => node.id !== entered?.id);
  const others = besides(all, wanted, before);
  const next = entered?.id ?? answer.members.length + 1;
  checkPlace(others, { name: wanted ?? defaultName(next), host, port }, before?.id);
  writeNote(args.dir, { publicKey: toHex(publicKey), host, port, voter: votes, name: wanted, before });
  const isIn = before !== undefined && roleIn(answer, before.id) !== "removed";
  const leaving = isIn ? [before.id] : [];
  const id = entered?.id ?? (await enterLearner(args, publicKey, isFreed ? leaving : []));
  // Another command may have entered it, after whom this one is named.
  const leavesLater = isFreed && entered === undefined ? [] : leaving;
  const name = wanted ?? defaultName(id);
  const node = { id, name, publicKey, host, port, ...(votes ? {} : { learner: true as const }) };
  const isPromoted = votes && entered?.role !== "voter";
  if (isPromoted) {
    // Whoever leaves only now counts until that is agreed on.
    const stays = !isFreed || leavesLater.length > 0;
    const isTaken = stays && all.some((other) => other.name === name);
    const beside = stays ? all : others;
    replaceText(args.cluster, addNode({ ...cluster, nodes: beside }, isTaken ? { ...node, name: newName(id) } : node));
  }
  if (isPromoted || leavesLater.length > 0)
    await submitChange(args, { promote: isPromoted ? [id] : [], remove: leavesLater });
  replaceText(args.cluster, addNode({ ...cluster, nodes: others }, node));
  const card = args["card-endpoint"];
  const endpoints = card === undefined ? {} : { card };
  const files = { id, clusterFile: resolve(args.cluster), endpoints, encrypt: args.encrypt };
  const config = writeNode(resolve(args.dir), files);
  removeNote(args.dir);
  return { id, name, config, voter: votes, isFreed };
}

/** Resolves with the id that the cluster gives. */
async function enterLearner(args: Place, publicKey: Uint8Array, remove: readonly number[]): Promise<number> {
  const { host, port } = args;
  const outcome = await submitChange(args, { add: [{ publicKey, host, port, voter: false }], remove });
  const [given] = outcome.result["ids"] as readonly number[];
  return must(given, "a node that is entered gets an id");
}
