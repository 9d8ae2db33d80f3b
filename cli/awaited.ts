/** Whom a change of members waits for, as the leader says, and what can be done about it. */
import { sameIds } from "../node/base/configuration.ts";
import { type ClusterArguments, readCluster, readKey } from "./cluster-access.ts";
import type { MembersAnswer } from "./joining.ts";
import { clusterStatus, type NodeStatus } from "./node-status.ts";

/** Empty, without asking anybody, where voters are what they are to be; and where no leader tells this key. */
export async function awaitedBy(args: ClusterArguments, answer: MembersAnswer): Promise<readonly string[]> {
  const voters = answer.members.filter(({ role }) => role === "voter").map(({ id }) => id);
  const { configuration } = answer;
  if (configuration.outgoing.length === 0 && sameIds(voters, configuration.voters)) return [];
  return awaitedText(await clusterStatus(readCluster(args.cluster), readKey(args)));
}

/** A line for each node that the leader waits for. */
export function awaitedText(nodes: readonly NodeStatus[]): readonly string[] {
  const [leader] = nodes.filter(({ role }) => role === "leader").sort((a, b) => b.term - a.term);
  const awaited = leader?.sections["consensus"]?.["awaited"];
  if (leader === undefined || !Array.isArray(awaited)) return [];
  return (awaited as readonly number[]).map((id) => {
    const node = nodes.find((one) => one.id === id);
    const leave = `or have it leave ("quorate member remove ${id}")`;
    if (node?.reachable === true) {
      const behind = Math.max(0, leader.height - node.height);
      return `voters change when node ${id} has caught up (${behind} blocks behind): let it run, ${leave}`;
    }
    return `voters change when node ${id} is there, which gives no answer: start it, ${leave}`;
  });
}
