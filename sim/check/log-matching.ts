/**
 * Log matching: two logs that have an entry of the same index and term are equal up to it (Raft, figure 3). As an entry's
 * block is chained to the one before, it is enough that index and term always name the same block header.
 *
 * What a node alone had, and lost in a crash, never was: the only voter of a cluster leads before its term is durable, tells
 * nobody, and may lead that term again with other entries.
 */
import { equalBytes } from "../../node/base/bytes.ts";
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import { BLOCK_HEADER_BYTES } from "../../node/wire/block.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

interface Seen {
  readonly header: Uint8Array;
  /** The only node that has had it so far; undefined when there was another. */
  readonly only: NodeId | undefined;
}

export class LogMatching {
  readonly #verdict: Verdict;
  /** At each index, each term's entry. */
  readonly #entries: Map<Term, Seen>[] = [];
  /** What each node's log was seen to hold. */
  readonly #seen = new Map<NodeId, Term[]>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** A node's log after a restart: what was not synced may be gone. */
  restarted(node: NodeId, raft: Pick<RaftView, "firstIndex" | "termAt">): void {
    const before = this.#seen.get(node) ?? [];
    for (let index = raft.firstIndex; index < before.length; index++) {
      const term = before[index];
      if (term === undefined || raft.termAt(index) === term) continue;
      if (this.#entries[index]?.get(term)?.only === node) this.#entries[index]?.delete(term);
    }
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
    return this.#entries[index]?.get(term)?.header;
  }

  #entry(node: NodeId, index: LogIndex, term: Term, header: Uint8Array): void {
    this.#entries[index] ??= new Map();
    const entries = this.#entries[index];
    const known = entries.get(term);
    if (known === undefined) entries.set(term, { header: header.slice(), only: node });
    else if (known.only !== node) entries.set(term, { ...known, only: undefined });
    this.#verdict.expect(
      known === undefined || equalBytes(known.header, header),
      "logMatching",
      () => `node ${node} has another entry ${index} of term ${term} than a log before`,
    );
  }
}
