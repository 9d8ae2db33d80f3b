/** Who takes part in consensus, as plain data; `consensus/raft/configuration.ts` knows what may follow what. */
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
