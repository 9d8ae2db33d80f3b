/**
 * The election restriction (Raft, §5.4.1): whoever gives a vote has no log that is more up to date than the candidate's,
 * or somebody could lead without what was committed. Seen at every vote, while a lost entry is seldom the outcome.
 */
import type { LogIndex, NodeId, Term } from "../../node/base/ids.ts";
import type { RaftView } from "./observed-node.ts";
import type { Verdict } from "./verdict.ts";

/** How a log ends. */
interface LogEnd {
  readonly lastIndex: LogIndex;
  readonly lastTerm: Term;
}

export class ElectionRestriction {
  readonly #verdict: Verdict;
  /** What candidates have said of their logs, by term and candidate. */
  readonly #claims = new Map<string, LogEnd>();

  constructor(verdict: Verdict) {
    this.#verdict = verdict;
  }

  /** A candidate has asked for votes. */
  asked(candidate: NodeId, term: Term, { lastIndex, lastTerm }: LogEnd): void {
    this.#claims.set(`${term} ${candidate}`, { lastIndex, lastTerm });
  }

  /**
   * A node tells a candidate that it has its vote. Until it hears a leader of that term its log is the one it had when it
   * gave it.
   */
  granted(
    node: NodeId,
    term: Term,
    candidate: NodeId,
    raft: Pick<RaftView, "term" | "leader" | "lastIndex" | "lastTerm">,
  ): void {
    const claim = this.#claims.get(`${term} ${candidate}`);
    if (claim === undefined || raft.term !== term || raft.leader !== 0 || raft.lastTerm >= term) return;
    const isBehind =
      claim.lastTerm === raft.lastTerm ? claim.lastIndex < raft.lastIndex : claim.lastTerm < raft.lastTerm;
    this.#verdict.expect(
      !isBehind,
      "electionRestriction",
      () =>
        `node ${node}, whose log ends at ${raft.lastIndex} in term ${raft.lastTerm}, votes for ${candidate} in term ${term}, whose ends at ${claim.lastIndex} in term ${claim.lastTerm}`,
    );
  }
}
