/**
 * Whom a leader that has to go hands over to. Whether one that seems fit can lead is known only when it does: its process may
 * have ended just now, and its disk may hang as the leader's does. So each gets its turn, and between two attempts the
 * leader goes on for an election timeout: while it hands over it orders nothing, and those who are well could commit, execute
 * and answer what their own clients ask, whatever has become of the leader's disk.
 */

import type { Raft } from "../../consensus/raft/raft.ts";
import type { PeerProgress } from "../../consensus/raft/replication.ts";
import type { NodeId, Term } from "../base/ids.ts";
import { votingPeers } from "./hand-over.ts";
import { isReady } from "./readiness.ts";

type Leader = Pick<Raft, "term" | "commit" | "firstIndex" | "transferTarget" | "peerProgress" | "configuration">;

export class Successors {
  readonly #electionTimeoutTicks: number;
  /** Who was to lead and does not, or not yet, the one whose turn is longest ago first. */
  #tried: NodeId[] = [];
  /** The term in which they were tried. */
  #term: Term = 0;
  /** Ticks until the next attempt may begin. */
  #restTicks = 0;

  constructor(electionTimeoutTicks: number) {
    this.#electionTimeoutTicks = electionTimeoutTicks;
  }

  /** A tick has passed, and what was not taken over by now is given up. */
  tick({ transferTarget }: Pick<Leader, "transferTarget">): void {
    if (transferTarget !== 0) this.#restTicks = this.#electionTimeoutTicks + 1;
    else if (this.#restTicks > 0) this.#restTicks -= 1;
  }

  /** The leader of this term begins to hand over. */
  trying(to: NodeId, term: Term): void {
    if (term !== this.#term) this.#tried = [];
    this.#term = term;
    this.#tried = [...this.#tried.filter((peer) => peer !== to), to];
  }

  /**
   * For a leader that may as well lead on: 0 where nobody else is fit, where the last attempt is under way or was just given up,
   * and where this node does not lead.
   */
  next(raft: Leader): NodeId {
    if (raft.transferTarget !== 0 || this.#restTicks > 0) return 0;
    const [best] = this.#inOrder(raft);
    return best !== undefined && isReady(best, raft) ? best.peer : 0;
  }

  /** For a leader that ends in any case: who is to take over already, or the best there is; 0 where there is nobody else. */
  last(raft: Leader): NodeId {
    return raft.transferTarget || (this.#inOrder(raft)[0]?.peer ?? 0);
  }

  /** Who is fit comes first; then whose turn is longest ago, or was never; then who has most of the log; then the lowest id. */
  #inOrder(raft: Leader): readonly PeerProgress[] {
    const tried = raft.term === this.#term ? this.#tried : [];
    const unfit = (peer: PeerProgress): number => (isReady(peer, raft) ? 0 : 1);
    const turn = ({ peer }: PeerProgress): number => tried.indexOf(peer);
    return votingPeers(raft).toSorted((a, b) => unfit(a) - unfit(b) || turn(a) - turn(b) || b.match - a.match);
  }
}
