/**
 * Leaders that the operator would rather have: whoever leads, and is not the most wanted of those who could, makes way
 * for it. Raft is left alone: it elects whom it likes, and the leader hands over (Ongaro's dissertation, section 3.10).
 */
import type { Raft } from "../../consensus/raft/raft.ts";
import type { NodeId } from "../base/ids.ts";
import { votingPeers } from "./hand-over.ts";

/**
 * For how many election timeouts somebody leads before it makes way, so that a wanted node which keeps failing does not
 * make the cluster change its leader all the time.
 */
const SETTLED_TIMEOUTS = 20;
/** A node whose log lags by more blocks is not handed over to: everybody would wait for it. */
const LAG_BLOCKS_MAX = 16;

export class PreferredLeaders {
  /** The most wanted first; others are wanted less than all of them. */
  readonly #order: readonly NodeId[];
  readonly #settledTicks: number;
  #ledTicks = 0;

  constructor(order: readonly NodeId[], electionTimeoutTicks: number) {
    this.#order = order;
    this.#settledTicks = SETTLED_TIMEOUTS * electionTimeoutTicks;
  }

  /** A tick has passed: the node to hand over to now; 0 for none. */
  tick(raft: Pick<Raft, "id" | "role" | "commit" | "transferTarget" | "peerProgress" | "configuration">): NodeId {
    if (raft.role !== "leader" || raft.transferTarget !== 0) {
      this.#ledTicks = 0;
      return 0;
    }
    this.#ledTicks += 1;
    if (this.#ledTicks < this.#settledTicks) return 0;
    const own = this.#order.indexOf(raft.id);
    const wanted = own < 0 ? this.#order : this.#order.slice(0, own);
    if (wanted.length === 0) return 0;
    const fit = votingPeers(raft).filter(({ active, match }) => active && match + LAG_BLOCKS_MAX >= raft.commit);
    const to = wanted.find((id) => fit.some(({ peer }) => peer === id)) ?? 0;
    if (to !== 0) this.#ledTicks = 0;
    return to;
  }
}
