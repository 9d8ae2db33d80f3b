import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { NodeId } from "../../node/base/ids.ts";
import { isQuorum, quorumValue } from "../../node/base/quorum.ts";
import type { Configuration } from "./configuration.ts";
import { votersUpTo } from "./configurations.test-support.ts";
import { voteOutcome } from "./quorum.ts";

/** Some of the nodes 1 to 7. */
const ids = fc.subarray([1, 2, 3, 4, 5, 6, 7], { minLength: 1 });

/** Joint or not; learners are drawn as if they were voters, to see that they do not count. */
const configurations: fc.Arbitrary<Configuration> = fc.record({
  voters: ids,
  outgoing: fc.oneof(fc.constant([]), ids),
  learners: ids,
});

const values = fc.array(fc.nat(6), { minLength: 8, maxLength: 8 });

/** What a quorum is, by counting. */
function isMajority({ voters, outgoing }: Configuration, has: (id: NodeId) => boolean): boolean {
  const groups = outgoing.length > 0 ? [voters, outgoing] : [voters];
  return groups.every((group) => group.filter(has).length * 2 > group.length);
}

/** All ways to answer for voters who have not answered. */
function completions(votes: ReadonlyMap<NodeId, boolean>, open: readonly NodeId[]): ReadonlyMap<NodeId, boolean>[] {
  const [next, ...rest] = open;
  if (next === undefined) return [votes];
  return [true, false].flatMap((vote) => completions(new Map([...votes, [next, vote]]), rest));
}

describe("quorums", () => {
  test.each([
    [1, 1],
    [2, 2],
    [3, 2],
    [4, 3],
    [5, 3],
    [6, 4],
    [7, 4],
  ])("of %i voters are %i", (count, size) => {
    expect(isQuorum(votersUpTo(count), (id) => id <= size)).toBe(true);
    expect(isQuorum(votersUpTo(count), (id) => id < size)).toBe(false);
  });

  test("any two of one configuration share a member, and so do those of a joint one and of either of its sides", () => {
    fc.assert(
      fc.property(configurations, values, values, (joint, a, b) => {
        const sides = [joint, { ...joint, outgoing: [] }, { ...joint, voters: joint.outgoing, outgoing: [] }];
        for (const side of sides.filter(({ voters }) => voters.length > 0)) {
          const disjoint = (id: NodeId): boolean => !isIn(a)(id) && isIn(b)(id);
          expect(isQuorum(joint, isIn(a)) && isQuorum(side, disjoint)).toBe(false);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test("the quorum value is the largest that a majority has reached, by counting", () => {
    fc.assert(
      fc.property(configurations, values, (configuration, of) => {
        const reachedBy = (id: NodeId): number => of[id] as number;
        const reached = [0, 1, 2, 3, 4, 5, 6].filter((value) =>
          isMajority(configuration, (id) => reachedBy(id) >= value),
        );
        expect(quorumValue(configuration, reachedBy)).toBe(Math.max(...reached));
      }),
      { numRuns: 2_000 },
    );
  });

  test("an election is won or lost when all ways to complete it are", () => {
    const answers = fc.array(fc.constantFrom(true, false, undefined), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(configurations, answers, (configuration, given) => {
        const votes = new Map(given.flatMap((vote, id) => (vote === undefined ? [] : [[id, vote] as const])));
        const open = [...given.keys()].filter((id) => id > 0 && given[id] === undefined);
        const wins = completions(votes, open).map((all) => isMajority(configuration, (id) => all.get(id) === true));
        const expected = wins.every(Boolean) ? "won" : wins.some(Boolean) ? "pending" : "lost";
        expect(voteOutcome(configuration, votes)).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });
});

function isIn(of: readonly number[]): (id: NodeId) => boolean {
  return (id) => (of[id] as number) > 2;
}
