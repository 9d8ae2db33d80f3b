/** `quorate member`: who takes part in the cluster, and changing that while it runs. */
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import type { ClusterFile, ClusterNode } from "../../node/client/index.ts";
import { votersIn } from "../../node/transport/cluster-file.ts";
import { type Awaited, awaitedBy } from "../awaited.ts";
import { CLUSTER_OPTIONS, type ClusterArguments, readCluster, readKey, withReader } from "../cluster-access.ts";
import { countAsVoter, followMembers, forgetNode, membersNow } from "../cluster-members.ts";
import { command, group } from "../command.ts";
import { begunBefore, demoteNode, enterNode, promoteNode, submitChange } from "../joining.ts";
import type { Predecessor } from "../joining-note.ts";
import { type Configuration, members, roleIn, standing } from "../members.ts";
import { chosenName, nodeIdOf, nodeReference, nodeText } from "../node-names.ts";
import { clusterStatus } from "../node-status.ts";
import { whole } from "../numbers.ts";
import { EXIT, type Output, table } from "../output.ts";
import { nodeIn } from "../verify/node-directories.ts";

const POLL_MS = 100;
/** A voter may be this many blocks behind when it is made one; a leader waits for the rest. */
const LAG_MAX = 64;

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
        return { ...node, name: known?.name ?? "", host, port, now: standing(answer.configuration, node.id) };
      });
    const rows = nodes.map(({ id, name, host, port, role, now }) => {
      return [`${id}`, name === "" ? "-" : name, host === "" ? "-" : `${host}:${port}`, role, now];
    });
    const awaited = await awaitedBy(args, answer);
    const text = table([["node", "name", "address", "to be", "now"], ...rows]);
    output.result({ nodes, configuration: answer.configuration, awaited }, withAwaited(text, awaited));
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

const FILE_OPTIONS = {
  encrypt: { type: "boolean", default: false, describe: "give it a key with which it encrypts its data at rest" },
  "card-endpoint": { type: "string", describe: "base URL of the card acquirer" },
} as const;

const PLACE_OPTIONS = {
  dir: {
    type: "string",
    demandOption: true,
    describe: "directory of the new node; new, empty, or of a run that was cut short",
  },
  host: { type: "string", default: "127.0.0.1", describe: "where the new node listens" },
  port: { type: "number", demandOption: true, coerce: whole("port", 1, 65_535), describe: "its port" },
  ...FILE_OPTIONS,
} as const;

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
      .options({ ...CLUSTER_OPTIONS, ...PLACE_OPTIONS })
      .option("name", {
        type: "string",
        coerce: chosenName("name"),
        describe: 'its name; without it "node-" and its id',
      })
      .option("learner", { type: "boolean", default: false, describe: "it receives everything and has no vote" })
      .example(
        "$0 member add --dir cluster/node-4 --port 7403",
        "then: quorate start --config cluster/node-4/config.json",
      ),
  handler: async (args, output) => {
    const { id, name, config, voter } = await enterNode(args, { voter: !args.learner, name: args.name });
    const votes = voter ? "; it gets its vote when it has caught up, and no voters change before that" : "";
    await entered(args, output, {
      facts: { id, name, config, voter },
      text: `${nodeText({ id, name })} has joined. Start it with:\n  npx quorate start --config ${config}\n(${args.cluster} names it now: copy it to other machines)${votes}`,
      voter,
    });
  },
});

const NODE_POSITIONAL = {
  type: "string",
  demandOption: true,
  coerce: nodeReference("node"),
  describe: "name or id of the node",
} as const;

function withAwaited(text: string, awaited: readonly Awaited[]): string {
  return [text, ...awaited.map((one) => one.text)].join("\n");
}

interface Entered {
  readonly facts: { readonly id: number; readonly [name: string]: unknown };
  readonly text: string;
  readonly voter: boolean;
}

/** Says that a node was entered; and, where it shall vote, for whom else that waits. */
async function entered(args: ClusterArguments, output: Output, { facts, text, voter }: Entered): Promise<void> {
  const all = voter ? await awaitedBy(args, await withReader(args, members)) : [];
  const awaited = all.filter(({ node }) => node !== facts.id);
  output.result({ ...facts, ...(awaited.length > 0 ? { awaited } : {}) }, withAwaited(text, awaited));
}

interface Told {
  readonly node: number;
  readonly done: boolean;
  readonly text: string;
  /** Where it is not carried out yet. */
  readonly waiting: string;
}

/** Says how a change ended, or whom it waits for; exit code 1 where it is not carried out yet. */
async function told(args: ClusterArguments, output: Output, { node, done, text, waiting }: Told): Promise<number> {
  const awaited = done ? [] : await awaitedBy(args, await withReader(args, members));
  output.result({ node, done, ...(done ? {} : { awaited }) }, done ? text : withAwaited(waiting, awaited));
  return done ? EXIT.done : EXIT.failed;
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
    const node = nodeIdOf(readCluster(args.cluster), args.node);
    // Asked for again, it is not refused: this command may have been cut short before it was carried out.
    if (roleIn(await membersNow(args), node) !== "removed") await submitChange(args, { remove: [node] });
    const done = await settled(args, args.wait, (now) => standing(now, node) === "-");
    if (done) await forgetNode(args, node);
    const waiting = `node ${node} is to leave, and has not yet: watch "quorate member list", and stop nothing before it has`;
    return await told(args, output, { node, done, text: `node ${node} has left: stop it where it runs`, waiting });
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
    const node = nodeIdOf(readCluster(args.cluster), args.node);
    const role = roleIn(await membersNow(args), node);
    if (role === "voter") countAsVoter(args.cluster, node);
    else {
      if (role === "learner") refuseUnnamed(args, node);
      await refuseLagging(args, node);
      await promoteNode(args, node);
    }
    await followMembers(args);
    const done = await settled(args, args.wait, (now) => now.voters.includes(node));
    const isNamed = readCluster(args.cluster).nodes.some(({ id }) => id === node);
    const hint = isNamed
      ? `(${args.cluster} counts it among the voters now: copy it to other machines)`
      : `(${args.cluster} does not name it, and takes fewer signatures for a quorum: fetch the file from where the node was added)`;
    const waiting = `node ${node} gets its vote when it has caught up: is it running? "quorate status" says how far it is ${hint}`;
    return await told(args, output, { node, done, text: `node ${node} votes ${hint}`, waiting });
  },
});

const demote: CommandModule = command({
  command: "demote <node>",
  describe: "take a voter's vote away: it goes on receiving everything, and can be promoted again",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...WAIT_OPTION })
      .positional("node", NODE_POSITIONAL)
      .example("$0 member demote 3", "node 3 is a learner from now on; the leader, too, may be demoted"),
  handler: async (args, output) => {
    const node = nodeIdOf(readCluster(args.cluster), args.node);
    // Asked for again, it is not refused: this command may have been cut short before it was carried out.
    if (roleIn(await membersNow(args), node) !== "learner") await demoteNode(args, node);
    const done = await settled(args, args.wait, (now) => standing(now, node) === "learner");
    if (done) await followMembers(args);
    const isCounted = votersIn(readCluster(args.cluster)).some(({ id }) => id === node);
    const hint = isCounted
      ? `(${args.cluster} counts it among the voters until a quorum of them says otherwise: run this again)`
      : `(${args.cluster} does not count it among the voters: copy it to other machines)`;
    const waiting = `node ${node} is to be a learner, and votes still: stop nothing before it is one ${hint}`;
    return await told(args, output, { node, done, text: `node ${node} votes no more ${hint}`, waiting });
  },
});

/** Throws `CodedError` `wrong_state` for a node that the cluster file could not count among those that vote. */
function refuseUnnamed({ cluster }: ClusterArguments, id: number): void {
  if (readCluster(cluster).nodes.some((node) => node.id === id)) return;
  const text = `${cluster} does not name node ${id}, and would take fewer signatures for a quorum`;
  const what = 'run the "quorate member add" again that entered it, or fetch the file from where that was done';
  throw new CodedError("wrong_state", `${text}: ${what}`);
}

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
  describe:
    "enter a new node in the place of another, all at once: on another machine, or at another address; at that of one that has joined, that one leaves at once",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...PLACE_OPTIONS })
      .positional("node", { ...NODE_POSITIONAL, describe: "name or id of the node that leaves" })
      .option("name", { type: "string", coerce: chosenName("name"), describe: "its name; without it the other's" })
      .example(
        "$0 member replace 2 --dir cluster/node-4 --port 7404",
        "node 2 keeps its vote until the new one has caught up",
      ),
  handler: async (args, output) => {
    const begun = await begunBefore(args, { node: args.node, isLost: false });
    const before = begun?.before ?? leavingNode(readCluster(args.cluster), args.node);
    const { id, name, config, isFreed } = await enterNode(args, { voter: true, name: args.name, before });
    const replaces = before.id;
    const when = isFreed
      ? `takes the place of node ${replaces}, which had its address and leaves at once; it gets its vote when it has caught up, and where node ${replaces} voted there is a voter less until then`
      : `takes the place of node ${replaces} when it has caught up`;
    await entered(args, output, {
      facts: { id, name, config, replaces },
      text: `${nodeText({ id, name })} ${when}. Start it with:\n  npx quorate start --config ${config}`,
      voter: true,
    });
  },
});

/** Throws `CodedError` `usage` for a name that the cluster file does not have. */
function leavingNode(cluster: ClusterFile, node: string): Predecessor {
  const id = nodeIdOf(cluster, node);
  return { id, name: cluster.nodes.find((known) => known.id === id)?.name, isLost: false };
}

/** The node of the cluster file that is meant; throws `CodedError` `usage` where there is none. */
function nodeOf({ nodes }: ClusterFile, node: string): ClusterNode {
  const found = nodes.find(({ id, name }) => name === node || `${id}` === node);
  if (found !== undefined) return found;
  const named = `the cluster file names no node ${node}; it names ${nodes.map(nodeText).join(", ")}`;
  throw new CodedError(
    "usage",
    `${named}. Where a rejoin was cut short, --dir must say which directory that was given`,
  );
}

/**
 * Where a node was at home whose disk is lost: under its name beside the cluster file, as `quorate init` lays nodes out.
 * Throws `CodedError` `usage` where no node is at home there, or another one is.
 */
function homeOf(clusterFile: string, { nodes }: ClusterFile, { id, name }: ClusterNode): string {
  const beside = dirname(clusterFile);
  const home = join(beside, name);
  const isUsual = nodes.some((node) => existsSync(join(beside, node.name)));
  if (isUsual && (nodeIn(home)?.id ?? id) === id) return home;
  const reason = isUsual ? `another node is in ${home}` : `no node is beside ${clusterFile}`;
  throw new CodedError("usage", `--dir: say where ${name} is to be: ${reason}`);
}

/** Throws `CodedError` `lost_node_answers` for a node that has lost nothing, or whose address somebody else has. */
async function refuseIfAnswers(args: ClusterArguments, cluster: ClusterFile, node: ClusterNode): Promise<void> {
  const [stand] = await clusterStatus({ ...cluster, nodes: [node] }, readKey(args));
  if (stand === undefined || stand.role === "down") return;
  const at = `at ${node.host}:${node.port}`;
  if (stand.role === "wrong_node") {
    throw new CodedError("lost_node_answers", `somebody else than ${nodeText(node)} answers ${at}: stop that first`);
  }
  const elsewhere = 'to have it elsewhere, "quorate member replace" it';
  const useless = "where its data is of no use, stop it and move its directory away";
  throw new CodedError(
    "lost_node_answers",
    `${nodeText(node)} answers ${at}, so it has its data and nothing was changed: ${elsewhere}; ${useless}`,
  );
}

const rejoin: CommandModule = command({
  command: "rejoin <node>",
  describe: "begin a node whose disk is wholly lost again: under its name, at its address, with a new id and a new key",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...FILE_OPTIONS })
      .positional("node", { ...NODE_POSITIONAL, describe: "name or id of the node that has lost its disk" })
      .option("dir", {
        type: "string",
        describe: "its directory, empty or new; without it the one beside the cluster file",
      })
      .example("$0 member rejoin node-2", "then: quorate start --config cluster/node-2/config.json"),
  handler: async (args, output) => {
    const { before, ...place } = (await rejoinBegun(args)) ?? (await rejoinNew(args));
    const { id, name, config, voter } = await enterNode({ ...args, ...place }, { voter: "as the one before", before });
    const role = voter
      ? "a learner, and gets its vote when it has caught up"
      : `a learner, as node ${before.id} was; where it shall vote, "quorate member promote ${name}" it`;
    await entered(args, output, {
      facts: { id, name, config, rejoins: before.id, voter },
      text: `${name} begins again as node ${id}. It is ${role}. Start it with:\n  npx quorate start --config ${config}\nIts configuration is a new one: set there what was set in the old one. (${args.cluster} names node ${id} now: copy it to other machines)`,
      voter,
    });
  },
});

interface RejoinArguments extends ClusterArguments {
  readonly node: string;
  readonly dir?: string | undefined;
}

interface Rejoin {
  readonly dir: string;
  readonly host: string;
  readonly port: number;
  readonly before: Predecessor;
}

/** What a run that was cut short was about. The node before it has left then: whether that answers does not matter any more. */
async function rejoinBegun(args: RejoinArguments): Promise<Rejoin | undefined> {
  const begun = await begunBefore(args, { node: args.node, isLost: true });
  if (begun === undefined) return undefined;
  const { dir, before, note } = begun;
  return { dir, host: note.host, port: note.port, before };
}

/** Throws `CodedError` for a node that is not known, is not lost, or was at home nobody knows where. */
async function rejoinNew(args: RejoinArguments): Promise<Rejoin> {
  const cluster = readCluster(args.cluster);
  const old = nodeOf(cluster, args.node);
  const { id, name, host, port } = old;
  const dir = args.dir ?? homeOf(args.cluster, cluster, old);
  await refuseIfAnswers(args, cluster, old);
  return { dir, host, port, before: { id, name, isLost: true } };
}

export const member: CommandModule = group("member", "who takes part in the cluster, and changing that while it runs", [
  list,
  add,
  remove,
  promote,
  demote,
  replace,
  rejoin,
]);
