/**
 * What a node must never forget besides its log: the newest term it has seen and whom it voted for there. Forgetting it
 * could elect two leaders in one term.
 */
import type { NodeId, Term } from "../../node/base/ids.ts";

/** Term and vote. A node that never took part has term 0 and vote 0. */
export interface HardState {
  readonly term: Term;
  /** The candidate that has this node's vote in `term`; 0 for none. */
  readonly vote: NodeId;
}
