/** Whom a change of members waits for, as the leader says, and what can be done about it. */
import { sameIds } from "../node/base/configuration.ts";
import { type ClusterArguments, readCluster, readKey } from "./cluster-access.ts";
import { type MembersAnswer, standing } from "./members.ts";
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
  return awaitedIn(await clusterStatus(readCluster(args.cluster), readKey(args)), answer);
}

/** The nodes that the leader waits for. */
export function awaitedIn(
  nodes: readonly NodeStatus[],
  { members, configuration }: Pick<MembersAnswer, "members" | "configuration">,
): readonly Awaited[] {
  // They leave when those are there, or are waited for no more.
  const leaving = members
    .filter(({ id, role }) => role === "removed" && standing(configuration, id) !== "-")
    .map(({ id }) => id);
  const [leader] = nodes.filter(({ role }) => role === "leader").sort((a, b) => b.term - a.term);
  const awaited = leader?.sections["consensus"]?.["awaited"];
  if (leader === undefined || !Array.isArray(awaited)) return [];
  return (awaited as readonly number[]).map((id) => ({ node: id, text: textOf(id, { leader, nodes, leaving }) }));
}

interface Now {
  readonly leader: NodeStatus;
  readonly nodes: readonly NodeStatus[];
  readonly leaving: readonly number[];
}

function textOf(id: number, { leader, nodes, leaving }: Now): string {
  const node = nodes.find((one) => one.id === id);
  // Where voters give way to others already, the step is to be taken before anybody who leaves is out of it.
  const isUnderWay = (leader.configuration?.outgoing.length ?? 0) > 0;
  const leave = isUnderWay ? "" : `, or ${without(id, leaving)}`;
  if (node?.reachable !== true) {
    return `voters change when node ${id} is there, which gives no answer: start it${leave}`;
  }
  const behind = Math.max(0, leader.height - node.height);
  return `voters change when node ${id} has caught up (${behind} blocks behind): let it run${leave}`;
}

/** How to do without a node; where others leave as soon as that is so, they had better have somebody in their place. */
function without(id: number, leaving: readonly number[]): string {
  if (leaving.length === 0) return `have it leave ("quorate member remove ${id}")`;
  const others = `${leaving.length === 1 ? "node" : "nodes"} ${leaving.join(" and ")}`;
  return `enter another in its place ("quorate member replace ${id}"): were it to leave, so would ${others} at once`;
}
