/** Whom a change of members waits for, as the leader says, and what can be done about it. */
import { sameIds } from "../node/base/configuration.ts";
import { type ClusterArguments, readCluster, readKey } from "./cluster-access.ts";
import type { MembersAnswer } from "./members.ts";
import { clusterStatus, type NodeStatus } from "./node-status.ts";

export interface Awaited {
  readonly node: number;
  /** What can be done. */
  readonly text: string;
}

/** Empty, without asking anybody, where voters are what they are to be; and where no leader tells this key. */
export async function awaitedBy(args: ClusterArguments, answer: MembersAnswer): Promise<readonly Awaited[]> {
  const voters = answer.members.filter(({ role }) => role === "voter").map(({ id }) => id);
  const { configuration } = answer;
  if (configuration.outgoing.length === 0 && sameIds(voters, configuration.voters)) return [];
  return awaitedIn(await clusterStatus(readCluster(args.cluster), readKey(args)));
}

/** The nodes that the leader waits for. */
export function awaitedIn(nodes: readonly NodeStatus[]): readonly Awaited[] {
  const [leader] = nodes.filter(({ role }) => role === "leader").sort((a, b) => b.term - a.term);
  const awaited = leader?.sections["consensus"]?.["awaited"];
  if (leader === undefined || !Array.isArray(awaited)) return [];
  return (awaited as readonly number[]).map((id) => ({ node: id, text: textOf(id, leader, nodes) }));
}

function textOf(id: number, leader: NodeStatus, nodes: readonly NodeStatus[]): string {
  const node = nodes.find((one) => one.id === id);
  // Where voters give way to others already, the step is to be taken before anybody who leaves is out of it.
  const isUnderWay = (leader.configuration?.outgoing.length ?? 0) > 0;
  const leave = isUnderWay ? "" : `, or have it leave ("quorate member remove ${id}")`;
  if (node?.reachable !== true) {
    return `voters change when node ${id} is there, which gives no answer: start it${leave}`;
  }
  const behind = Math.max(0, leader.height - node.height);
  return `voters change when node ${id} has caught up (${behind} blocks behind): let it run${leave}`;
}
