/**
 * What each node says of itself: asked one by one, so that a node that is down shows as down.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError, errorCode } from "../node/base/errors.ts";
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

/** The leader that a quorum of the cluster file's nodes follows; undefined where there is none. */
export function leaderOf(nodes: readonly NodeStatus[]): NodeStatus | undefined {
  return nodes.find(({ id, role, term }) => {
    const followers = nodes.filter((node) => node.leader === id && node.term === term);
    return role === "leader" && followers.length * 2 > nodes.length;
  });
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
    sections,
  };
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
