/**
 * Nobody leads without the votes of a quorum, and nothing is committed before a quorum has said that it has it, by the
 * configuration that is in force on the node that counts: a majority of the voters and, while it is joint, of the outgoing
 * ones, too. Judged from what nodes have told each other alone, for a promise is kept for ever once it has left a node.
 */
import type { Configuration } from "../../node/base/configuration.ts";
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import { areQuorum, textOf } from "./configurations.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

export class Quorums {
  readonly #verdict: Verdict;
  /** By term and candidate: who has told it that it has their vote. */
  readonly #votes = new Map<string, Set<NodeId>>();
  /** By term: how far each node has told its leader that their logs agree. That leader may hear of it much later. */
  readonly #acknowledged = new Map<Term, Map<NodeId, LogIndex>>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** A node has told a candidate that it has its vote. */
  voted(node: NodeId, term: Term, candidate: NodeId): void {
    const key = `${term} ${candidate}`;
    this.#votes.set(key, (this.#votes.get(key) ?? new Set()).add(node));
  }

  /** A node has told the leader of a term that its log agrees up to a position. */
  acknowledged(node: NodeId, term: Term, index: LogIndex): void {
    const inTerm = this.#acknowledged.get(term) ?? new Map<NodeId, LogIndex>();
    this.#acknowledged.set(term, inTerm);
    inTerm.set(node, Math.max(inTerm.get(node) ?? 0, index));
  }

  elected(node: NodeId, { term, configuration }: RaftView): void {
    const votes = this.#votes.get(`${term} ${node}`);
    this.#verdict.expect(
      areQuorum(configuration, (voter) => voter === node || votes?.has(voter) === true),
      "quorum",
      () => `node ${node} leads term ${term} of ${textOf(configuration)} by votes of ${[...(votes ?? [])].join()}`,
    );
  }

  /** A leader has moved its commit index; the next change may have been begun right after, so it counted by `before`. */
  committedByLeader(node: NodeId, { term, commit, stableIndex, configuration }: RaftView, before: Configuration): void {
    const told = this.#acknowledged.get(term);
    const has = (voter: NodeId): boolean => (voter === node ? stableIndex : (told?.get(voter) ?? 0)) >= commit;
    this.#verdict.expect(
      areQuorum(before, has) || areQuorum(configuration, has),
      "quorum",
      () => `node ${node} commits ${commit} in term ${term} of ${textOf(configuration)}, and no quorum has it`,
    );
  }
}
