/**
 * What each node says of itself: asked one by one, so that a node that is down shows as down.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import type { Configuration } from "../node/base/configuration.ts";
import { CodedError, errorCode } from "../node/base/errors.ts";
import { isQuorum } from "../node/base/quorum.ts";
import { ask } from "../node/client/ask.ts";
import { type ClusterFile, type ClusterNode, QuorateClient, type Signer } from "../node/client/index.ts";
import type { StatusSection } from "../node/state/queries.ts";

const TIMEOUT_MS = 2_000;

/** Errors of a node that is not there; any other says more than that. */
const DOWN = ["connection_lost", "timeout", "outcome_unknown"];

export interface NodeStatus {
  readonly id: number;
  /** In the cluster file. */
  readonly name: string;
  readonly reachable: boolean;
  /** Of Raft; `down` or an error's code where the node gave no answer. */
  readonly role: string;
  readonly term: number;
  readonly leader: number;
  readonly height: number;
  readonly digest: string;
  /** By its log, who votes; undefined where it does not say so. */
  readonly configuration?: Configuration | undefined;
  /** What the node's actors post; all of it where the key may see everything. */
  readonly sections: Readonly<Record<string, StatusSection>>;
}

/** The status of one node; `reachable: false` when it does not answer. */
async function nodeStatus(cluster: ClusterFile, signer: Signer, node: ClusterNode): Promise<NodeStatus> {
  const alone = { ...cluster, nodes: [node] };
  try {
    const client = await QuorateClient.openReader({ cluster: alone, signer, deadlineMs: TIMEOUT_MS });
    try {
      const { sections } = await ask(client, { type: "status" }, "local");
      return summarize(node, sections);
    } finally {
      client.close();
    }
  } catch (error) {
    const role = DOWN.includes(errorCode(error)) ? "down" : errorCode(error);
    const { id, name } = node;
    return { id, name, reachable: false, role, term: 0, leader: 0, height: 0, digest: "", sections: {} };
  }
}

/** The status of all nodes of the cluster file. */
export async function clusterStatus(cluster: ClusterFile, signer: Signer): Promise<readonly NodeStatus[]> {
  return await Promise.all(cluster.nodes.map((node) => nodeStatus(cluster, signer, node)));
}

/**
 * The leader that a quorum of the voters follows, by its own configuration; undefined where there is none. Where a node of an
 * older program does not say who votes, all nodes of the cluster file do.
 */
export function leaderOf(nodes: readonly NodeStatus[]): NodeStatus | undefined {
  return nodes.find(({ id, role, term, configuration = allVoting(nodes) }) => {
    const followers = nodes.filter((node) => node.leader === id && node.term === term).map((node) => node.id);
    return role === "leader" && isQuorum(configuration, (voter) => followers.includes(voter));
  });
}

function allVoting(nodes: readonly NodeStatus[]): Configuration {
  return { voters: nodes.map(({ id }) => id), outgoing: [], learners: [] };
}

/** What to do where nobody leads, as far as that can be seen: learners that are down have no part in it. */
export function noLeaderAdvice(nodes: readonly NodeStatus[]): string {
  const [latest] = nodes.filter(({ configuration }) => configuration !== undefined).sort((a, b) => b.term - a.term);
  const { voters, outgoing } = latest?.configuration ?? allVoting(nodes);
  const votes = [...new Set([...voters, ...outgoing])];
  const known = nodes.filter(({ id }) => votes.includes(id));
  const down = known.filter(({ reachable }) => !reachable).map(({ id }) => id);
  const unknown = votes.filter((id) => !known.some((node) => node.id === id));
  const advice = [
    ...(down.length > 0 ? [`start ${listed(down)}, for a quorum of ${listed(votes)} must run`] : []),
    ...(unknown.length > 0 ? [`take a newer cluster file, for this one does not name ${listed(unknown)}`] : []),
    down.length + unknown.length > 0 ? "look into their logs" : "look into the nodes' logs",
  ];
  return advice.join("; or ");
}

function listed(ids: readonly number[]): string {
  const before = ids.slice(0, -1).join(", ");
  return before === "" ? `node ${ids.join()}` : `nodes ${before} and ${ids.at(-1)}`;
}

function summarize({ id, name }: ClusterNode, sections: Readonly<Record<string, StatusSection>>): NodeStatus {
  const consensus = sections["consensus"] ?? {};
  const ledger = sections["ledger"] ?? {};
  return {
    id,
    name,
    reachable: true,
    role: String(consensus["role"]),
    term: Number(consensus["term"]),
    leader: Number(consensus["leader"]),
    height: Number(ledger["height"]),
    digest: String(ledger["digest"]),
    configuration: configurationIn(consensus),
    sections,
  };
}

/** Nodes of older programs do not say it. */
function configurationIn({ voters, outgoing, learners }: StatusSection): Configuration | undefined {
  const areIds = [voters, outgoing, learners].every(Array.isArray);
  if (!areIds || (voters as readonly number[]).length === 0) return undefined;
  return { voters, outgoing, learners } as Configuration;
}

const READY_POLL_MS = 50;
const READY_TIMEOUT_MS = 30_000;

/** Resolves when every node of the cluster follows one leader; throws `CodedError` `not_ready`. */
export async function waitReady(
  cluster: ClusterFile,
  signer: Signer,
  timeoutMs: number = READY_TIMEOUT_MS,
): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const nodes = await clusterStatus(cluster, signer);
    const leader = nodes[0]?.leader ?? 0;
    if (leader !== 0 && nodes.every((node) => node.reachable && node.leader === leader && node.height > 0)) return;
    if (performance.now() > deadline) {
      const states = nodes.map(({ id, role }) => `node ${id} is ${role}`).join(", ");
      throw new CodedError("not_ready", `the cluster did not get ready: ${states}; the nodes' logs say why`);
    }
    await sleep(READY_POLL_MS);
  }
}
