/** Election safety: in one term at most one node is ever leader (Raft, figure 3), over all time and all restarts. */
import type { NodeId, Term } from "../../node/base/ids.ts";
import type { Verdict } from "./verdict.ts";

export class ElectionSafety {
  readonly #verdict: Verdict;
  readonly #leaders = new Map<Term, NodeId>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  get elections(): number {
    return this.#leaders.size;
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
