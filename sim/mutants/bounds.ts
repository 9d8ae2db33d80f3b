/** What is bounded, and is not kept within its bound. */
import type { RaftOptions } from "../../consensus/raft/options.ts";
import { Raft } from "../../consensus/raft/raft.ts";

/** A leader sends appends to a follower that answers none of them, for as long as there are any. */
export class SendsWithoutBound extends Raft {
  constructor(options: RaftOptions) {
    super({ ...options, appendsInFlightMax: Number.MAX_SAFE_INTEGER });
  }
}
