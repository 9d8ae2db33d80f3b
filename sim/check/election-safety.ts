/**
 * Election safety: in one term at most one node is ever leader (Raft, figure 3), because each node gives its vote in a
 * term to one candidate only (§5.2), over all time and all restarts.
 */
import type { NodeId, Term } from "../../node/base/ids.ts";
import type { Verdict } from "./verdict.ts";

export class ElectionSafety {
  readonly #verdict: Verdict;
  readonly #leaders = new Map<Term, NodeId>();
  /** Each node's newest vote: a vote in an older term comes too late to count. */
  readonly #votes = new Map<NodeId, { readonly term: Term; readonly candidate: NodeId }>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** Elections won so far. */
  get elections(): number {
    return this.#leaders.size;
  }

  /** A node has told a candidate, or all others when it is the candidate itself, that it has its vote. */
  voted(node: NodeId, term: Term, candidate: NodeId): void {
    const known = this.#votes.get(node);
    if (known !== undefined && known.term > term) return;
    this.#votes.set(node, { term, candidate });
    this.#verdict.expect(
      known === undefined || known.term < term || known.candidate === candidate,
      "electionSafety",
      () => `node ${node} votes for ${known?.candidate} and for ${candidate} in term ${term}`,
    );
  }

  elected(node: NodeId, term: Term): void {
    const known = this.#leaders.get(term);
    this.#leaders.set(term, node);
    this.#verdict.expect(
      known === undefined || known === node,
      "electionSafety",
      () => `nodes ${known} and ${node} both lead term ${term}`,
    );
  }
}
