/**
 * Nobody is disturbed: a node begins an election only after it has asked whether it would win (pre-vote; dissertation,
 * §9.6) or when its leader has told it to, and whoever lacks something that was committed before it asked does not win that
 * answer. So a node that has left, and does not know it, raises nobody's term.
 */
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import type { CommittedChain } from "./committed-chain.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

interface Asked {
  /** The term that it would lead. */
  readonly term: Term;
  /** What was committed by the time it asked first: an answer to any of its questions about that term may count. */
  readonly committed: LogIndex;
}

export class Campaigns {
  readonly #verdict: Verdict;
  readonly #chain: CommittedChain;
  readonly #asked = new Map<NodeId, Asked>();

  constructor(verdict: Verdict, chain: CommittedChain) {
    this.#verdict = verdict;
    this.#chain = chain;
  }

  /** A node asks whether it would win an election. */
  asked(node: NodeId, term: Term): void {
    if (this.#asked.get(node)?.term !== term) this.#asked.set(node, { term, committed: this.#chain.height });
  }

  /** A node asks for votes, and no leader has told it to. */
  begun(node: NodeId, term: Term, raft: RaftView): void {
    const asked = this.#asked.get(node);
    this.#verdict.expect(
      asked?.term === term && this.#chain.isIn(raft, asked.committed),
      "undisturbed",
      () =>
        `node ${node} begins an election in term ${term}: it asked about term ${asked?.term} when ${asked?.committed} blocks were committed, and has ${raft.lastIndex}`,
    );
  }
}
