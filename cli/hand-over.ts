/**
 * Having another node lead: whom to choose, and whether it came so. Nobody is told by the cluster that a hand-over has
 * ended, so the nodes are asked until one says that it leads in a later term, and a quorum that it follows.
 */
import { performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";
import { CodedError } from "../node/base/errors.ts";
import { ask } from "../node/client/ask.ts";
import { type ClusterFile, QuorateClient, type Signer } from "../node/client/index.ts";
import { clusterStatus, leaderOf, type NodeStatus, noLeaderAdvice } from "./node-status.ts";

/** A leader gives up handing over after an election timeout, which is much less with any sensible timing. */
const DEADLINE_MS = 5_000;
const POLL_MS = 20;

export interface HandedOver {
  readonly from: number;
  readonly to: number;
  /** The new leader's. */
  readonly term: number;
  /** From the question to when the new leader was seen; polled, so a little more than it took. */
  readonly tookMs: number;
}

/** The leader, or `CodedError` `no_leader`. */
export function requireLeader(nodes: readonly NodeStatus[]): NodeStatus {
  const leader = leaderOf(nodes);
  if (leader !== undefined) return leader;
  const states = nodes.map(({ id, role }) => `node ${id} is ${role}`).join(", ");
  throw new CodedError("no_leader", `no leader that a quorum follows: ${states}; ${noLeaderAdvice(nodes)}`);
}

/** The node that shall lead: `wanted`, or the follower with a vote that has the highest state. Throws `CodedError` where none can. */
export function chooseTarget(nodes: readonly NodeStatus[], leader: NodeStatus, wanted: number | undefined): NodeStatus {
  const votes = ({ id }: NodeStatus): boolean => leader.configuration?.voters.includes(id) ?? true;
  const able = nodes.filter((node) => {
    return node.id !== leader.id && node.reachable && node.leader === leader.id && votes(node);
  });
  const advice =
    able.length === 0 ? "start it first" : `start it first, or name ${able.map(({ id }) => id).join(" or ")}`;
  if (wanted === undefined) {
    const [first, ...rest] = able;
    if (first !== undefined) return rest.reduce((best, next) => (next.height > best.height ? next : best), first);
    throw new CodedError("hand_over_refused", `no other node with a vote follows node ${leader.id}: start one first`);
  }
  const target = nodes.find(({ id }) => id === wanted);
  if (target === undefined) {
    throw new CodedError("usage", `--to: the cluster has the nodes ${nodes.map(({ id }) => id).join(", ")}`);
  }
  if (target.id === leader.id || able.includes(target)) return target;
  if (!votes(target)) {
    const instead = able.length === 0 ? "" : `, or name ${able.map(({ id }) => id).join(" or ")}`;
    const safe = `give it one first ("quorate member promote ${wanted}")${instead}`;
    throw new CodedError("hand_over_refused", `node ${wanted} has no vote, and cannot lead: ${safe}`);
  }
  const state = target.reachable ? `does not follow node ${leader.id}` : `gives no answer (${target.role})`;
  throw new CodedError("hand_over_refused", `node ${wanted} ${state}: ${advice}`);
}

/**
 * Has another node lead, and waits until it does. Throws `CodedError`: the leader's refusal, or `hand_over_failed` when it
 * did not come so in time.
 */
export async function handOver(
  cluster: ClusterFile,
  signer: Signer,
  { leader, target }: { readonly leader: NodeStatus; readonly target: NodeStatus },
): Promise<HandedOver> {
  const startedAt = performance.now();
  const nodes = cluster.nodes.filter(({ id }) => id === leader.id);
  const client = await QuorateClient.openReader({
    ...{ cluster: { ...cluster, nodes }, signer, deadlineMs: DEADLINE_MS },
  });
  try {
    await ask(client, { type: "handOver", to: target.id }, "local");
  } finally {
    client.close();
  }
  for (;;) {
    const now = leaderOf(await clusterStatus(cluster, signer));
    const tookMs = Math.round(performance.now() - startedAt);
    if (now !== undefined && now.term > leader.term) {
      if (now.id === target.id) return { from: leader.id, to: now.id, term: now.term, tookMs };
      const reason = `node ${now.id} leads instead of node ${target.id} (term ${now.term}): an election came between`;
      throw new CodedError("hand_over_failed", `${reason}; ask again, or leave it so`);
    }
    if (tookMs > DEADLINE_MS) throw notInTime(leader, target, now);
    await sleep(POLL_MS);
  }
}

function notInTime(leader: NodeStatus, target: NodeStatus, now: NodeStatus | undefined): CodedError {
  const failed = `node ${target.id} did not take over in ${DEADLINE_MS} ms`;
  if (now === undefined) {
    return new CodedError("hand_over_failed", `${failed}, and nobody leads: see "quorate status" and the nodes' logs`);
  }
  const safe = `node ${leader.id} goes on leading; see how far node ${target.id} is with "quorate status", or name another`;
  return new CodedError("hand_over_failed", `${failed}: ${safe}`);
}
