/** `quorate member`: who takes part in the cluster, and changing that while it runs. */
import { resolve } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandModule } from "yargs";
import { must } from "../../node/base/assert.ts";
import { toHex } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { NODE_ID_MAX, NODES_MAX } from "../../node/base/limits.ts";
import { ask } from "../../node/client/ask.ts";
import type { Outcome, QuorateClient } from "../../node/client/index.ts";
import { replaceText } from "../../node/host/files.ts";
import { joiningIdentity, writeNode } from "../../node/host/init.ts";
import type { NodeRole } from "../../node/state/members.ts";
import type { QueryAnswer } from "../../node/state/queries.ts";
import { addNode, type ClusterFile, removeNode } from "../../node/transport/cluster-file.ts";
import type { Identity } from "../../node/transport/identity.ts";
import type { ChangeMembersBody } from "../../node/wire/kinds.ts";
import {
  CLUSTER_OPTIONS,
  type ClusterArguments,
  readCluster,
  readKey,
  withClient,
  withReader,
} from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { clusterStatus } from "../node-status.ts";
import { whole } from "../numbers.ts";
import { EXIT, type Output, table } from "../output.ts";

const POLL_MS = 100;
/** A voter may be this many blocks behind when it is made one; a leader waits for the rest. */
const LAG_MAX = 64;

type MembersAnswer = Extract<QueryAnswer, { readonly type: "members" }>;
type Configuration = MembersAnswer["configuration"];

/** What a node does now, whatever it is to do. */
function standing({ voters, outgoing, learners }: Configuration, id: number): string {
  if (voters.includes(id)) return outgoing.length > 0 && !outgoing.includes(id) ? "voter, joining" : "voter";
  if (outgoing.includes(id)) return "voter, leaving";
  return learners.includes(id) ? "learner" : "-";
}

async function members(client: QuorateClient): Promise<MembersAnswer> {
  return (await ask(client, { type: "members" })) as MembersAnswer;
}

const list: CommandModule = command({
  command: "list",
  describe: "the nodes of the cluster: what each is to be, and what it is now",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .option("all", { type: "boolean", default: false, describe: "those that are gone, too" })
      .example("$0 member list", "who votes, who learns, who is on the way"),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const answer = await withReader(args, members);
    const nodes = answer.members
      .filter(({ id, role }) => args.all || role !== "removed" || standing(answer.configuration, id) !== "-")
      .map((node) => {
        const known = cluster.nodes.find(({ id }) => id === node.id);
        const host = node.host === "" ? (known?.host ?? "") : node.host;
        const port = node.host === "" ? (known?.port ?? 0) : node.port;
        return { ...node, host, port, now: standing(answer.configuration, node.id) };
      });
    const rows = nodes.map(({ id, host, port, role, now }) => [`${id}`, `${host}:${port}`, role, now]);
    output.result(
      { nodes, configuration: answer.configuration },
      table([["node", "address", "to be", "now"], ...rows]),
    );
  },
});

const WAIT_OPTION = {
  wait: {
    type: "number",
    default: 60,
    coerce: whole("wait", 0, 86_400),
    describe: "seconds to wait until it is carried out; it goes on without this command",
  },
} as const;

const NODE_OPTIONS = {
  dir: {
    type: "string",
    demandOption: true,
    describe: "directory of the new node; new, empty, or of a run that was cut short",
  },
  host: { type: "string", default: "127.0.0.1", describe: "where the new node listens" },
  port: { type: "number", demandOption: true, coerce: whole("port", 1, 65_535), describe: "its port" },
  encrypt: { type: "boolean", default: false, describe: "give it a key with which it encrypts its data at rest" },
  "card-endpoint": { type: "string", describe: "base URL of the card acquirer" },
} as const;

interface NodeArguments extends ClusterArguments {
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly encrypt: boolean;
  readonly "card-endpoint"?: string | undefined;
}

interface Joined {
  readonly id: number;
  readonly config: string;
}

/** Submits a change of members; throws `CodedError` with the refusal, and says what would be safe. */
async function submitChange(args: ClusterArguments, change: Partial<ChangeMembersBody>): Promise<Outcome> {
  const body = { add: [], remove: [], promote: [], ...change };
  const outcome = await withClient(args, async (client) => await client.submit({ kind: "changeMembers", body }));
  const { status, what } = outcome.result;
  if (status === "ok") return outcome;
  const about = typeof what === "string" ? ` (${what})` : "";
  const instead = what === "the last voter" ? ": add another voter first, or replace it" : "";
  throw new CodedError(status, `the cluster refused: ${status.replaceAll("_", " ")}${about}${instead}`);
}

/** Takes the nodes that have left for good out of the cluster file: they answer nobody, and their places are wanted. */
function forgetGone(args: ClusterArguments, { members: known, configuration }: MembersAnswer): ClusterFile {
  for (const { id } of readCluster(args.cluster).nodes) {
    const isGone = known.some((node) => node.id === id && node.role === "removed");
    if (!isGone || standing(configuration, id) !== "-") continue;
    replaceText(args.cluster, removeNode(readCluster(args.cluster), id));
  }
  return readCluster(args.cluster);
}

/** Throws `CodedError` for a node that the cluster file could not name: the cluster knows no addresses of its genesis. */
function checkPlace({ nodes }: ClusterFile, { host, port }: NodeArguments, remove: readonly number[]): void {
  if (nodes.length >= NODES_MAX)
    throw new CodedError("limit_reached", `the cluster file names ${NODES_MAX} nodes, and has room for no more`);
  const there = nodes.find((node) => node.host === host && node.port === port && !remove.includes(node.id));
  if (there !== undefined)
    throw new CodedError("already_exists", `node ${there.id} listens at ${host}:${port}: choose another address`);
}

/**
 * The node that an earlier run has entered with the identity, if it has; throws `CodedError` where it is not the one that is
 * wanted. One that votes is none that was cut short, for it became a learner first and caught up: its data was lost, with
 * what it has voted, and under its id it could vote twice.
 */
function enteredBefore(answer: MembersAnswer, identity: Identity, args: NodeArguments): number | undefined {
  const { members: known, configuration } = answer;
  const node = known.find(({ publicKey }) => publicKey === toHex(identity.publicKey));
  if (node === undefined) return undefined;
  if (node.role === "removed")
    throw new CodedError("wrong_state", `the identity in ${args.dir} is that of node ${node.id}, which was removed`);
  if (node.host !== args.host || node.port !== args.port) {
    const there = `${node.host}:${node.port}`;
    throw new CodedError("already_exists", `the identity in ${args.dir} is that of node ${node.id} at ${there}`);
  }
  if (standing(configuration, node.id).startsWith("voter")) {
    const remedy = `take another directory, without it, and "quorate member replace ${node.id}"`;
    throw new CodedError(
      "wrong_state",
      `the identity in ${args.dir} is that of node ${node.id}, which votes: ${remedy}`,
    );
  }
  return node.id;
}

/**
 * Enters a new node, in place of others where that is wanted, and writes its files and the cluster file. Run again after
 * it was cut short, or its outcome remained unknown, it goes on with the identity that it wrote first.
 */
async function join(args: NodeArguments, voter: boolean, remove: readonly number[]): Promise<Joined> {
  const answer = await withReader(args, members);
  const cluster = forgetGone(args, answer);
  const identity = joiningIdentity(args.dir);
  const { publicKey } = identity;
  const { host, port } = args;
  let id = enteredBefore(answer, identity, args);
  if (id === undefined) {
    checkPlace(cluster, args, remove);
    const outcome = await submitChange(args, { add: [{ publicKey, host, port, voter }], remove });
    const [given] = outcome.result["ids"] as readonly number[];
    id = must(given, "a node that is entered gets an id");
  }
  const others = { ...cluster, nodes: cluster.nodes.filter((node) => node.id !== id) };
  replaceText(args.cluster, addNode(others, { id, publicKey, host, port }));
  const card = args["card-endpoint"];
  const endpoints = card === undefined ? {} : { card };
  const files = { id, clusterFile: resolve(args.cluster), endpoints, encrypt: args.encrypt };
  return { id, config: writeNode(resolve(args.dir), files) };
}

/** Waits until the configuration is as wanted and not between two; false when that takes longer than `seconds`. */
async function settled(
  args: ClusterArguments,
  seconds: number,
  isDone: (configuration: Configuration) => boolean,
): Promise<boolean> {
  const until = performance.now() + seconds * 1_000;
  return await withReader(args, async (client) => {
    for (;;) {
      const { configuration } = await members(client);
      if (configuration.outgoing.length === 0 && isDone(configuration)) return true;
      if (performance.now() >= until) return false;
      await sleep(POLL_MS);
    }
  });
}

const add: CommandModule = command({
  command: "add",
  describe: "enter a new node: write its identity and configuration, and add it to the cluster file",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...NODE_OPTIONS })
      .option("learner", { type: "boolean", default: false, describe: "it receives everything and has no vote" })
      .example(
        "$0 member add --dir cluster/node-4 --port 7403",
        "then: quorate start --config cluster/node-4/config.json",
      ),
  handler: async (args, output) => {
    const { id, config } = await join(args, !args.learner, []);
    const votes = args.learner ? "" : "; it gets its vote when it has caught up";
    output.result(
      { id, config, voter: !args.learner },
      `node ${id} has joined. Start it with:\n  npx quorate start --config ${config}\n(${args.cluster} names it now: copy it to other machines)${votes}`,
    );
  },
});

const NODE_POSITIONAL = {
  type: "number",
  demandOption: true,
  coerce: whole("node", 1, NODE_ID_MAX),
  describe: "id of the node",
} as const;

/** Says how a change ended; exit code 1 where it is not carried out yet. */
function told(
  output: Output,
  done: boolean,
  facts: Readonly<Record<string, unknown>>,
  text: string,
  else_: string,
): number {
  output.result({ ...facts, done }, done ? text : else_);
  return done ? EXIT.done : EXIT.failed;
}

/** What a node is to be; undefined where there never was such a node. */
async function roleOf(args: ClusterArguments, id: number): Promise<NodeRole | undefined> {
  return (await withReader(args, members)).members.find((node) => node.id === id)?.role;
}

const remove: CommandModule = command({
  command: "remove <node>",
  describe:
    "have a node leave, and take those that have left out of the cluster file; it may be down, and can never come back under its id",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...WAIT_OPTION })
      .positional("node", NODE_POSITIONAL)
      .example("$0 member remove 3", "the others go on without it"),
  handler: async (args, output) => {
    const { node } = args;
    // Asked for again, it is not refused: this command may have been cut short before it was carried out.
    if ((await roleOf(args, node)) !== "removed") await submitChange(args, { remove: [node] });
    const done = await settled(args, args.wait, (now) => standing(now, node) === "-");
    if (done) forgetGone(args, await withReader(args, members));
    const waiting = `node ${node} is to leave, and has not yet: watch "quorate member list", and stop nothing before it has`;
    return told(output, done, { node }, `node ${node} has left: stop it where it runs`, waiting);
  },
});

const promote: CommandModule = command({
  command: "promote <node>",
  describe: "give a learner a vote",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...WAIT_OPTION })
      .positional("node", NODE_POSITIONAL)
      .example("$0 member promote 4", "node 4 votes from now on"),
  handler: async (args, output) => {
    const { node } = args;
    if ((await roleOf(args, node)) !== "voter") {
      await refuseLagging(args, node);
      await submitChange(args, { promote: [node] });
    }
    const done = await settled(args, args.wait, (now) => now.voters.includes(node));
    const waiting = `node ${node} gets its vote when it has caught up: is it running? "quorate status" says how far it is`;
    return told(output, done, { node }, `node ${node} votes`, waiting);
  },
});

/** Throws `CodedError` `lagging` for a node that is not there, or far behind: with a vote it would slow the others down. */
async function refuseLagging(args: ClusterArguments, id: number): Promise<void> {
  const nodes = await clusterStatus(readCluster(args.cluster), readKey(args));
  const leader = nodes.find(({ role }) => role === "leader");
  const node = nodes.find((candidate) => candidate.id === id);
  if (leader === undefined || node === undefined) return; // the cluster itself says what is wrong
  if (!node.reachable) throw new CodedError("lagging", `node ${id} cannot be reached: start it first`);
  const lag = leader.height - node.height;
  if (lag > LAG_MAX) throw new CodedError("lagging", `node ${id} is ${lag} blocks behind: let it catch up first`);
}

const replace: CommandModule = command({
  command: "replace <node>",
  describe: "enter a new node in the place of another, all at once: for a machine or a disk that is lost",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...NODE_OPTIONS })
      .positional("node", { ...NODE_POSITIONAL, describe: "id of the node that leaves" })
      .example(
        "$0 member replace 2 --dir cluster/node-4 --port 7404",
        "node 2 keeps its vote until the new one has caught up",
      ),
  handler: async (args, output) => {
    const { id, config } = await join(args, true, [args.node]);
    output.result(
      { id, config, replaces: args.node },
      `node ${id} takes the place of node ${args.node} when it has caught up. Start it with:\n  npx quorate start --config ${config}`,
    );
  },
});

export const member: CommandModule = group("member", "who takes part in the cluster, and changing that while it runs", [
  list,
  add,
  remove,
  promote,
  replace,
]);
