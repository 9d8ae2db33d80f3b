/** The rules about Raft, each shown what it must refuse. */
import { describe, expect, test } from "vitest";
import { BLOCK_HEADER_BYTES } from "../../node/wire/block.ts";
import { CommittedChain } from "./committed-chain.ts";
import { ElectionRestriction } from "./election-restriction.ts";
import { ElectionSafety } from "./election-safety.ts";
import { LogMatching } from "./log-matching.ts";
import { ObservedNode } from "./observed-node.ts";
import { block, raft, verdictOf } from "./raft-view.test-support.ts";
import type { Verdict } from "./verdict.ts";

describe("election safety", () => {
  test("§5.2 two leaders of one term are refused, the same one twice is not", () => {
    const elect = (second: number) => (verdict: Verdict) => {
      const rule = new ElectionSafety(verdict);
      rule.elected(1, 7);
      rule.elected(2, 8);
      rule.elected(second, 7);
    };
    expect(verdictOf(elect(1))).toBeUndefined();
    expect(verdictOf(elect(2))).toBe("electionSafety");
  });

  test("§5.2 a node that votes for two in one term is refused", () => {
    const vote = (candidate: number) => (verdict: Verdict) => {
      const rule = new ElectionSafety(verdict);
      rule.voted(1, 3, 2);
      rule.voted(2, 3, 3);
      rule.voted(1, 3, candidate);
    };
    expect(verdictOf(vote(2))).toBeUndefined();
    expect(verdictOf(vote(3))).toBe("electionSafety");
    expect(verdictOf(vote(1))).toBe("electionSafety");
  });

  test("a vote in a later term is another vote, and one that is told late does not count", () => {
    expect(
      verdictOf((verdict) => {
        const rule = new ElectionSafety(verdict);
        rule.voted(1, 3, 2);
        rule.voted(1, 4, 3);
        rule.voted(1, 3, 3);
      }),
    ).toBeUndefined();
  });
});

describe("the election restriction", () => {
  /** A node with this log votes in term 5 for a candidate whose log ends so. */
  const vote = (
    log: readonly number[],
    lastIndex: number,
    lastTerm: number,
    told: { term?: number; leader?: number } = {},
  ) =>
    verdictOf((verdict) => {
      const rule = new ElectionRestriction(verdict);
      rule.asked(2, 5, { lastIndex, lastTerm });
      rule.granted(1, 5, 2, raft({ term: 5, log, ...told }));
    });

  test("§5.4.1 a later last term counts more than a longer log, and in one term the longer one", () => {
    expect(vote([1, 1, 2], 1, 3)).toBeUndefined();
    expect(vote([1, 1, 2], 3, 2)).toBeUndefined();
    expect(vote([1, 1, 2], 2, 2)).toBe("electionRestriction");
    expect(vote([1, 1, 2], 9, 1)).toBe("electionRestriction");
  });

  test("what a node has heard since from a leader, or in a later term, says nothing", () => {
    expect(vote([1, 1, 2], 2, 2, { leader: 3 })).toBeUndefined();
    expect(vote([1, 1, 2], 2, 2, { term: 6 })).toBeUndefined();
    expect(vote([1, 1, 5], 2, 2)).toBeUndefined();
  });
});

describe("log matching", () => {
  test("§5.3 one index and term name one entry, in all logs and at all times", () => {
    const see = (marks: readonly number[]) => (verdict: Verdict) => {
      const rule = new LogMatching(verdict);
      rule.changed(1, raft({ log: [1, 1, 2] }));
      rule.changed(2, raft({ log: [1, 1, 2], marks }));
    };
    expect(verdictOf(see([1, 1, 2]))).toBeUndefined();
    expect(verdictOf(see([1, 9, 2]))).toBe("logMatching");
  });

  test("an entry that was replaced is looked at again", () => {
    expect(
      verdictOf((verdict) => {
        const rule = new LogMatching(verdict);
        rule.changed(1, raft({ log: [1, 1, 2] }));
        rule.changed(2, raft({ log: [1, 1, 3] }));
        rule.changed(2, raft({ log: [1, 1, 2], marks: [1, 1, 9] }));
      }),
    ).toBe("logMatching");
  });

  test("what a restart has lost may come back otherwise in another term only", () => {
    const restart = (term: number) => (verdict: Verdict) => {
      const rule = new LogMatching(verdict);
      rule.changed(1, raft({ log: [1, 1] }));
      rule.restarted(1);
      rule.changed(1, raft({ log: [1, term], marks: [1, 9] }));
    };
    expect(verdictOf(restart(2))).toBeUndefined();
    expect(verdictOf(restart(1))).toBe("logMatching");
  });
});

describe("the committed chain", () => {
  const chainOf = (verdict: Verdict): { chain: CommittedChain; logs: LogMatching } => {
    const logs = new LogMatching(verdict);
    return { logs, chain: new CommittedChain(verdict, logs) };
  };

  test("§5.4 two nodes that commit different entries at one index are refused", () => {
    const commit = (log: readonly number[]) => (verdict: Verdict) => {
      const { chain } = chainOf(verdict);
      chain.committed(1, raft({ term: 3, commit: 2, log: [1, 2] }), 0);
      chain.committed(2, raft({ term: 3, commit: 2, log }), 0);
    };
    expect(verdictOf(commit([1, 2]))).toBeUndefined();
    expect(verdictOf(commit([1, 3]))).toBe("stateMachineSafety");
  });

  test("§5.4.2 a leader that commits an entry of an older term by counting is refused", () => {
    const commit = (index: number) => (verdict: Verdict) => {
      chainOf(verdict).chain.committedByLeader(1, raft({ term: 3, commit: index, log: [1, 2, 3] }));
    };
    expect(verdictOf(commit(3))).toBeUndefined();
    expect(verdictOf(commit(2))).toBe("commitRule");
  });

  test("§5.4.3 a leader without an entry that was committed in an earlier term is refused", () => {
    const elect = (log: readonly number[]) => (verdict: Verdict) => {
      const { chain } = chainOf(verdict);
      chain.committed(1, raft({ term: 2, commit: 2, log: [1, 2] }), 0);
      chain.elected(2, raft({ term: 3, role: "leader", log }));
    };
    expect(verdictOf(elect([1, 2, 2]))).toBeUndefined();
    expect(verdictOf(elect([1]))).toBe("leaderCompleteness");
    expect(verdictOf(elect([1, 1]))).toBe("leaderCompleteness");
  });

  test("a leader need not have what is committed in its own term or later", () => {
    expect(
      verdictOf((verdict) => {
        const { chain } = chainOf(verdict);
        chain.committed(1, raft({ term: 4, commit: 1, log: [4] }), 0);
        chain.elected(2, raft({ term: 3, role: "leader", log: [] }));
      }),
    ).toBeUndefined();
  });

  test("durability: a receipt for what is not committed, or not so, is refused", () => {
    const acknowledge = (height: number, mark: number) => (verdict: Verdict) => {
      const { chain, logs } = chainOf(verdict);
      const leader = raft({ term: 2, commit: 2, log: [1, 2, 2] });
      logs.changed(1, leader);
      chain.committed(1, leader, 0);
      chain.acknowledged(height, block(mark).subarray(0, BLOCK_HEADER_BYTES));
    };
    expect(verdictOf(acknowledge(2, 2))).toBeUndefined();
    expect(verdictOf(acknowledge(2, 9))).toBe("durability");
    expect(verdictOf(acknowledge(3, 2))).toBe("durability");
  });
});

describe("an observed node", () => {
  test("tells what has changed, once", () => {
    const node = new ObservedNode();
    const leader = raft({ term: 1, vote: 1, role: "leader", log: [1] });
    expect(node.look(leader)).toMatchObject({ voted: true, elected: true, logChanged: true, committed: false });
    expect(node.look(leader)).toBeUndefined();
    expect(node.look(raft({ term: 1, vote: 1, role: "leader", log: [1], commit: 1 }))).toMatchObject({
      ...{ elected: false, stillLeads: true, committed: true, commitBefore: 0, logChanged: false },
    });
  });

  test("a tail that was replaced by one of the same length has changed", () => {
    const node = new ObservedNode();
    node.look(raft({ term: 2, log: [1, 1] }));
    expect(node.look(raft({ term: 2, log: [1, 2] }))).toMatchObject({ logChanged: true });
  });

  test("a leader of another term is newly elected", () => {
    const node = new ObservedNode();
    node.look(raft({ term: 1, role: "leader" }));
    expect(node.look(raft({ term: 3, role: "leader" }))).toMatchObject({ elected: true, stillLeads: false });
  });
});
