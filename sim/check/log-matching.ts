/**
 * Log matching: two logs that have an entry of the same index and term are equal up to it (Raft, figure 3). As an entry's
 * block is chained to the one before, it is enough that index and term always name the same block header.
 */
import { equalBytes } from "../../node/base/bytes.ts";
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import { BLOCK_HEADER_BYTES } from "../../node/wire/block.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

export class LogMatching {
  readonly #verdict: Verdict;
  /** At each index, the header of each term's entry. */
  readonly #entries: Map<Term, Uint8Array>[] = [];
  /** What each node's log was seen to hold. */
  readonly #seen = new Map<NodeId, Term[]>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** A node's log after a restart is looked at anew. */
  restarted(node: NodeId): void {
    this.#seen.set(node, []);
  }

  changed(node: NodeId, raft: RaftView): void {
    const seen = this.#seen.get(node) ?? [];
    this.#seen.set(node, seen);
    const { lastIndex } = raft;
    if (seen.length > lastIndex + 1) seen.length = lastIndex + 1;
    for (let index = lastIndex; index >= raft.firstIndex; index--) {
      const { term, data } = raft.entry(index);
      if (seen[index] === term) break;
      seen[index] = term;
      this.#entry(node, index, term, data.subarray(0, BLOCK_HEADER_BYTES));
    }
  }

  /** The header that stands for an entry of this index and term. */
  header(index: LogIndex, term: Term): Uint8Array | undefined {
    return this.#entries[index]?.get(term);
  }

  #entry(node: NodeId, index: LogIndex, term: Term, header: Uint8Array): void {
    this.#entries[index] ??= new Map();
    const entries = this.#entries[index];
    const known = entries.get(term);
    if (known === undefined) entries.set(term, header.slice());
    this.#verdict.expect(
      known === undefined || equalBytes(known, header),
      "logMatching",
      () => `node ${node} has another entry ${index} of term ${term} than a log before`,
    );
  }
}
