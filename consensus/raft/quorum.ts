/**
 * Majority arithmetic. A quorum is a majority of the voters and, while a configuration is joint, of the outgoing voters, too
 * (§6 of the paper). Learners have no say.
 */
import { assert } from "../../node/base/assert.ts";
import type { NodeId } from "../../node/base/ids.ts";
import { type Configuration, isJoint } from "./configuration.ts";

export type VoteOutcome = "won" | "lost" | "pending";

/** The largest value that a quorum has reached, given what each voter has reached. */
export function quorumValue(configuration: Configuration, reached: (voter: NodeId) => number): number {
  const { voters, outgoing } = configuration;
  const incoming = majorityValue(voters, reached);
  return isJoint(configuration) ? Math.min(incoming, majorityValue(outgoing, reached)) : incoming;
}

/** Whether those of whom this is true are a quorum. */
export function isQuorum(configuration: Configuration, holds: (voter: NodeId) => boolean): boolean {
  return quorumValue(configuration, (voter) => (holds(voter) ? 1 : 0)) === 1;
}

/** How an election stands, given the answers so far; those of nodes that have no say do not count. */
export function voteOutcome(configuration: Configuration, votes: ReadonlyMap<NodeId, boolean>): VoteOutcome {
  if (isQuorum(configuration, (voter) => votes.get(voter) === true)) return "won";
  return isQuorum(configuration, (voter) => votes.get(voter) !== false) ? "pending" : "lost";
}

function majorityValue(voters: readonly NodeId[], reached: (voter: NodeId) => number): number {
  assert(voters.length > 0, "a quorum needs voters");
  const descending = voters.map(reached).sort((a, b) => b - a);
  return descending[Math.floor(voters.length / 2)] as number;
}
