/** Who takes part in consensus; `consensus/raft/configuration.ts` knows what may follow what. */
import type { NodeId } from "./ids.ts";

/** Who is to take part in the end; ids ascend. A node is voter or learner, never both. */
export interface Members {
  /** Elect leaders and decide what is committed; at least one. */
  readonly voters: readonly NodeId[];
  /** Receive the log and have no say. */
  readonly learners: readonly NodeId[];
}

/** Who takes part now. */
export interface Configuration extends Members {
  /** The voters of the old configuration while it gives way to this one, some of which may stay as learners; else empty. */
  readonly outgoing: readonly NodeId[];
}

/** Whether a node takes part in any way. */
export function isMember({ voters, outgoing, learners }: Configuration, id: NodeId): boolean {
  return voters.includes(id) || outgoing.includes(id) || learners.includes(id);
}

export function sameConfiguration(a: Configuration, b: Configuration): boolean {
  return a === b || (sameIds(a.outgoing, b.outgoing) && sameMembers(a, b));
}

export function sameMembers(a: Members, b: Members): boolean {
  return sameIds(a.voters, b.voters) && sameIds(a.learners, b.learners);
}

export function sameIds(a: readonly NodeId[], b: readonly NodeId[]): boolean {
  return a.length === b.length && a.every((id, at) => id === b[at]);
}
