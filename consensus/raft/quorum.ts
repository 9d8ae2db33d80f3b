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
  const values = voters.map(reached);
  const majority = Math.floor(values.length / 2) + 1;
  // Voters are few, and this is asked after each event: sorting would make two arrays more.
  let best = Number.NEGATIVE_INFINITY;
  for (const value of values) if (value > best && countFrom(values, value) >= majority) best = value;
  return best;
}

/** How many have reached a value. */
function countFrom(values: readonly number[], value: number): number {
  let count = 0;
  for (const other of values) if (other >= value) count += 1;
  return count;
}
