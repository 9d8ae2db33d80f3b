/** The rules about members, each shown what it must refuse. */
import { describe, expect, test } from "vitest";
import type { Configuration } from "../../node/base/configuration.ts";
import { encodeBlock } from "../../node/wire/block.ts";
import { Counters } from "../counts.ts";
import type { Point } from "../reached.ts";
import { sha256 } from "../virtual-crypto.ts";
import { Campaigns } from "./campaigns.ts";
import { CommittedChain } from "./committed-chain.ts";
import { Configurations } from "./configurations.ts";
import { LogMatching } from "./log-matching.ts";
import { Quorums } from "./quorums.ts";
import { raft, THREE, verdictOf } from "./raft-view.test-support.ts";
import type { Verdict } from "./verdict.ts";

function of(voters: number[], outgoing: number[] = [], learners: number[] = []): Configuration {
  return { voters, outgoing, learners };
}

const JOINT = of([1, 4, 5], [1, 2, 3]);
/** A block of which only the configuration counts here. */
const BLANK = {
  ...{ group: 0, height: 1, term: 2, timestamp: 1n, clusterId: new Uint8Array(16), previousHash: new Uint8Array(32) },
  ...{ state: { height: 0, digest: new Uint8Array(32) }, transactions: [] },
};

describe("configurations", () => {
  const follow =
    (reached: Counters<Point>, ...steps: readonly Configuration[]) =>
    (verdict: Verdict) => {
      const rule = new Configurations(verdict, reached, [1, 2, 3]);
      for (const [index, step] of steps.entries()) rule.block(index + 1, step);
    };

  test("§6 by learners, a joint configuration and what it leads to; the way is counted", () => {
    const reached = new Counters<Point>();
    const way = [THREE, of([1, 2, 3], [], [4, 5]), JOINT, JOINT, of([1, 4, 5]), of([1, 4, 5], [], [6])];
    const back = [of([4, 5], [1, 4, 5], [1, 6]), of([4, 5], [], [1, 6])];
    expect(verdictOf(follow(reached, ...way, ...back))).toBeUndefined();
    expect(reached.read()).toEqual({
      ...{ jointConfigurationApplied: 2, memberAdded: 3, memberPromoted: 2, memberRemoved: 2, memberDemoted: 1 },
    });
  });

  test.each<[string, readonly Configuration[]]>([
    ["other voters at once", [of([1, 2])]],
    ["a joint one without the voters before it", [of([1, 4], [1, 2])]],
    ["a joint one left for where it came from", [JOINT, THREE]],
    ["a joint one that gives way to another", [JOINT, of([1, 6], [1, 4, 5])]],
    ["a joint one left with other learners", [JOINT, of([1, 4, 5], [], [6])]],
    ["a voter that is a learner", [of([1, 2, 3], [], [3])]],
    ["nobody", [of([], [1, 2, 3])]],
  ])("§6 %s: is no step", (_what, steps) => {
    expect(verdictOf(follow(new Counters<Point>(), ...steps))).toBe("membership");
  });
});

describe("the configuration in force", () => {
  const under = (...configurations: readonly Configuration[]) => {
    const at = (index: number): Uint8Array =>
      encodeBlock(sha256, { ...BLANK, configuration: configurations[index] ?? THREE }).bytes;
    return { lastIndex: configurations.length, entry: (index: number) => ({ index, term: 2, data: at(index - 1) }) };
  };
  const rule = (verdict: Verdict): Configurations => new Configurations(verdict, new Counters<Point>(), [1, 2, 3]);

  test("is that of the last entry, and where there is none that of the block before it", () => {
    const look = (configuration: Configuration, log: readonly Configuration[], firstIndex = 1) =>
      verdictOf((verdict) => {
        const configurations = rule(verdict);
        configurations.block(1, THREE);
        configurations.block(2, JOINT);
        configurations.inForce(1, { ...raft({ configuration }), ...under(...log), firstIndex });
      });
    expect(look(THREE, [])).toBeUndefined();
    expect(look(JOINT, [THREE, JOINT])).toBeUndefined();
    expect(look(THREE, [THREE, JOINT])).toBe("membership");
    expect(look(JOINT, [THREE, JOINT], 3)).toBeUndefined();
    expect(look(THREE, [THREE, JOINT], 3)).toBe("membership");
  });

  test("§6 gives way to the next one when it is committed, by a leader that has committed in its own term", () => {
    const begin = (log: readonly Configuration[], commit: number, term = 2) =>
      verdictOf((verdict) => {
        rule(verdict).begun(1, { ...raft({ term, commit, log: log.map(() => 2) }), ...under(...log) });
      });
    const LEFT = of([1, 4, 5]);
    expect(begin([THREE, JOINT], 1)).toBeUndefined();
    expect(begin([THREE, JOINT, LEFT], 2)).toBeUndefined();
    expect(begin([THREE, JOINT, LEFT], 1)).toBe("membership");
    expect(begin([THREE, JOINT], 1, 3)).toBe("membership");
  });
});

describe("quorums", () => {
  test.each<[string, Configuration, readonly number[], boolean]>([
    ["a majority", THREE, [2], true],
    ["nobody else", THREE, [], false],
    ["a learner", of([1, 2, 3], [], [4]), [4], false],
    ["majorities of both", JOINT, [2, 4], true],
    ["the new majority alone", JOINT, [4, 5], false],
    ["the old majority alone", JOINT, [2, 3], false],
    ["itself, the only voter", of([1]), [], true],
  ])("§6 a leader by votes of itself and %s of %o", (_who, configuration, voters, enough) => {
    const elect = (verdict: Verdict): void => {
      const rule = new Quorums(verdict);
      for (const voter of voters) rule.voted(voter, 7, 1);
      for (const voter of [2, 3, 4, 5]) rule.voted(voter, 6, 1);
      for (const voter of [2, 3, 4, 5]) if (!voters.includes(voter)) rule.voted(voter, 7, 5);
      rule.elected(1, raft({ term: 7, role: "leader", configuration }));
    };
    expect(verdictOf(elect)).toBe(enough ? undefined : "quorum");
  });

  const commit =
    (
      configuration: Configuration,
      before: Configuration,
      ...told: readonly [node: number, term: number, at: number][]
    ) =>
    (verdict: Verdict): void => {
      const rule = new Quorums(verdict);
      for (const [node, term, index] of told) rule.acknowledged(node, term, index);
      rule.committedByLeader(1, raft({ term: 7, commit: 3, log: [7, 7, 7], configuration }), before);
    };

  test("what is committed was acknowledged by a quorum, in this term and so far", () => {
    expect(verdictOf(commit(THREE, THREE, [2, 7, 3]))).toBeUndefined();
    expect(verdictOf(commit(THREE, THREE, [2, 7, 9], [2, 7, 1]))).toBeUndefined();
    expect(verdictOf(commit(THREE, THREE, [2, 7, 3], [2, 8, 1]))).toBeUndefined();
    expect(verdictOf(commit(THREE, THREE))).toBe("quorum");
    expect(verdictOf(commit(THREE, THREE, [2, 7, 2]))).toBe("quorum");
    expect(verdictOf(commit(THREE, THREE, [2, 6, 3]))).toBe("quorum");
    expect(verdictOf(commit(THREE, THREE, [4, 7, 3], [5, 7, 3]))).toBe("quorum");
  });

  test("§6 while a configuration is joint both majorities have acknowledged; the one before it may have been counted", () => {
    expect(verdictOf(commit(JOINT, JOINT, [4, 7, 3], [2, 7, 3]))).toBeUndefined();
    expect(verdictOf(commit(JOINT, JOINT, [4, 7, 3], [5, 7, 3]))).toBe("quorum");
    expect(verdictOf(commit(JOINT, THREE, [2, 7, 3]))).toBeUndefined();
  });

  test("a leader counts itself as far as its own disk is, and not when it is on its way out", () => {
    const leads =
      (stableIndex: number, configuration: Configuration) =>
      (verdict: Verdict): void => {
        const rule = new Quorums(verdict);
        rule.acknowledged(2, 7, 3);
        const leader = { ...raft({ term: 7, commit: 3, log: [7, 7, 7], configuration }), stableIndex };
        rule.committedByLeader(1, leader, configuration);
      };
    expect(verdictOf(leads(3, THREE))).toBeUndefined();
    expect(verdictOf(leads(2, THREE))).toBe("quorum");
    expect(verdictOf(leads(3, of([2, 3, 4])))).toBe("quorum");
  });
});

describe("campaigns", () => {
  const begin = (asks: readonly [term: number, committedByThen: number][], term: number, log: readonly number[]) => {
    return (verdict: Verdict): void => {
      const chain = new CommittedChain(verdict, new LogMatching(verdict));
      const rule = new Campaigns(verdict, chain);
      for (const [asked, committed] of asks) {
        chain.committed(1, raft({ term: 3, commit: committed, log: [1, 3, 3] }), 0);
        rule.asked(2, asked);
      }
      chain.committed(1, raft({ term: 3, commit: 3, log: [1, 3, 3] }), 0);
      rule.begun(2, term, raft({ term, log }));
    };
  };

  test("§9.6 begin with a question about just that term", () => {
    expect(verdictOf(begin([[4, 1]], 4, [1]))).toBeUndefined();
    expect(verdictOf(begin([], 4, [1]))).toBe("undisturbed");
    expect(verdictOf(begin([[3, 1]], 4, [1]))).toBe("undisturbed");
  });

  test("end with the question where something was committed by then that the node lacks", () => {
    expect(verdictOf(begin([[4, 2]], 4, [1, 3]))).toBeUndefined();
    expect(verdictOf(begin([[4, 2]], 4, [1]))).toBe("undisturbed");
    expect(verdictOf(begin([[4, 2]], 4, [1, 2]))).toBe("undisturbed");
  });

  test("the first question about a term counts, for its answers may come late", () => {
    expect(
      verdictOf(
        begin(
          [
            [4, 1],
            [4, 3],
          ],
          4,
          [1],
        ),
      ),
    ).toBeUndefined();
  });
});
