/**
 * What is committed stays committed: no two nodes ever commit different entries at one index, a leader commits by
 * counting only what is of its own term (§5.4.2), every later leader has all that was committed before its term (leader
 * completeness; Raft, figure 3), and every acknowledged transaction stands at its height in that chain (durability).
 */
import { equalBytes } from "../../node/base/bytes.ts";
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import type { LogMatching } from "./log-matching.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

interface Committed {
  /** Term of the entry. */
  readonly term: Term;
  /** Term in which it was first seen committed. */
  readonly committedIn: Term;
}

export class CommittedChain {
  readonly #verdict: Verdict;
  readonly #logs: LogMatching;
  /** By index; 0 is not used. */
  readonly #chain: Committed[] = [{ term: 0, committedIn: 0 }];

  constructor(verdict: Verdict, logs: LogMatching) {
    this.#verdict = verdict;
    this.#logs = logs;
  }

  get height(): LogIndex {
    return this.#chain.length - 1;
  }

  /** Whether a log has what is committed at an index; of what it no longer holds it had. */
  isIn(raft: RaftView, index: LogIndex): boolean {
    return index < raft.firstIndex - 1 || raft.termAt(index) === this.#chain[index]?.term;
  }

  /** A node's commit index has moved from `before`; of what its log no longer holds it says nothing. */
  committed(node: NodeId, raft: RaftView, before: LogIndex): void {
    const from = Math.max(before + 1, raft.firstIndex - 1, 1);
    this.#verdict.expect(
      from <= this.height + 1,
      "stateMachineSafety",
      () => `node ${node} stands on a checkpoint at ${from}, and only ${this.height} blocks were ever committed`,
    );
    for (let index = from; index <= raft.commit; index++) {
      const term = raft.termAt(index) ?? 0;
      const known = this.#chain[index];
      if (known === undefined) this.#chain.push({ term, committedIn: raft.term });
      this.#verdict.expect(
        known === undefined || known.term === term,
        "stateMachineSafety",
        () => `node ${node} commits an entry of term ${term} at ${index}, where one of term ${known?.term} stands`,
      );
    }
  }

  /** A node that was leading already has moved its commit index. */
  committedByLeader(node: NodeId, raft: RaftView): void {
    const term = raft.termAt(raft.commit);
    this.#verdict.expect(
      term === raft.term,
      "commitRule",
      () => `node ${node} leads term ${raft.term} and commits up to ${raft.commit}, an entry of term ${term}`,
    );
  }

  /** A node leads: it must have all that was committed in earlier terms. */
  elected(node: NodeId, raft: RaftView): void {
    let index = this.height;
    while (index > 0 && (this.#chain[index] as Committed).committedIn >= raft.term) index -= 1;
    if (index === 0) return;
    const { term } = this.#chain[index] as Committed;
    this.#verdict.expect(
      raft.termAt(index) === term,
      "leaderCompleteness",
      () => `node ${node} leads term ${raft.term} without the committed entry ${index} of term ${term}`,
    );
  }

  /** The header that is committed at a height; undefined where that is not known. */
  headerAt(height: LogIndex): Uint8Array | undefined {
    const entry = this.#chain[height];
    return entry === undefined ? undefined : this.#logs.header(height, entry.term);
  }

  /** A client holds a receipt that says: this header is committed at this height. */
  acknowledged(height: LogIndex, header: Uint8Array): void {
    const known = this.headerAt(height);
    this.#verdict.expect(
      known !== undefined && equalBytes(known, header),
      "durability",
      () => `a receipt was given for height ${height}, which is not committed so`,
    );
  }
}
