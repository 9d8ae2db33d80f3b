/**
 * Handing leadership over to a follower (§3.10): the leader takes no more entries, waits until the follower has all there
 * are, and tells it to campaign at once. What does not succeed within an election timeout is given up, and the leader goes on.
 */
import type { NodeId } from "../../node/base/ids.ts";

export class Transfer {
  readonly to: NodeId;
  #elapsed = 0;

  constructor(to: NodeId) {
    this.to = to;
  }

  /** Time passes; false when it has taken too long. */
  tick(electionTimeoutTicks: number): boolean {
    this.#elapsed += 1;
    return this.#elapsed < electionTimeoutTicks;
  }
}
