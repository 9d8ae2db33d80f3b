/** Majority arithmetic. Pure functions over the voters' numbers; who the voters are is decided elsewhere. */
import { assert } from "../../node/base/assert.ts";
import type { NodeId } from "../../node/base/ids.ts";

export type VoteOutcome = "won" | "lost" | "pending";

/** The smallest number of voters that any two such groups share a member. */
export function quorumSize(voterCount: number): number {
  return Math.floor(voterCount / 2) + 1;
}

/** The largest value that a quorum of voters has reached, given one value for each voter. */
export function quorumValue(values: readonly number[]): number {
  assert(values.length > 0, "a quorum needs voters");
  const descending = [...values].sort((a, b) => b - a);
  return descending[quorumSize(values.length) - 1] as number;
}

/** How an election stands, given the answers so far. */
export function voteOutcome(votes: ReadonlyMap<NodeId, boolean>, voterCount: number): VoteOutcome {
  let granted = 0;
  for (const vote of votes.values()) if (vote) granted += 1;
  const unanswered = voterCount - votes.size;
  if (granted >= quorumSize(voterCount)) return "won";
  return granted + unanswered < quorumSize(voterCount) ? "lost" : "pending";
}
