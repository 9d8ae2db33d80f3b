/**
 * Majority arithmetic, for all who count nodes. A quorum is a majority of the voters and, while a configuration is joint, of
 * the outgoing voters, too (§6 of the Raft paper). Learners have no say.
 */
import { assert } from "./assert.ts";
import type { Configuration } from "./configuration.ts";
import type { NodeId } from "./ids.ts";

/** How many of so many voters make a quorum. */
export function quorumOf(voters: number): number {
  return Math.floor(voters / 2) + 1;
}

/** The largest value that a quorum has reached, given what each voter has reached. */
export function quorumValue({ voters, outgoing }: Configuration, reached: (voter: NodeId) => number): number {
  const incoming = majorityValue(voters, reached);
  return outgoing.length > 0 ? Math.min(incoming, majorityValue(outgoing, reached)) : incoming;
}

/** Whether those of whom this is true are a quorum. */
export function isQuorum(configuration: Configuration, holds: (voter: NodeId) => boolean): boolean {
  return quorumValue(configuration, (voter) => (holds(voter) ? 1 : 0)) === 1;
}

function majorityValue(voters: readonly NodeId[], reached: (voter: NodeId) => number): number {
  assert(voters.length > 0, "a quorum needs voters");
  const values = voters.map(reached);
  const majority = quorumOf(values.length);
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
