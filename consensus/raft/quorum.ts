/** How an election stands; the arithmetic of majorities is everybody's (`node/base/quorum.ts`). */
import type { NodeId } from "../../node/base/ids.ts";
import { isQuorum } from "../../node/base/quorum.ts";
import type { Configuration } from "./configuration.ts";

export type VoteOutcome = "won" | "lost" | "pending";

/** How an election stands, given the answers so far; those of nodes that have no say do not count. */
export function voteOutcome(configuration: Configuration, votes: ReadonlyMap<NodeId, boolean>): VoteOutcome {
  if (isQuorum(configuration, (voter) => votes.get(voter) === true)) return "won";
  return isQuorum(configuration, (voter) => votes.get(voter) !== false) ? "pending" : "lost";
}
