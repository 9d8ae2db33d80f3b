import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { quorumSize, quorumValue, voteOutcome } from "./quorum.ts";

const counts = fc.integer({ min: 1, max: 9 });

/** All ways to answer for voters who have not answered. */
function completions(answered: readonly boolean[], voterCount: number): boolean[][] {
  if (answered.length === voterCount) return [[...answered]];
  return [true, false].flatMap((vote) => completions([...answered, vote], voterCount));
}

function isMajority(votes: readonly boolean[]): boolean {
  return votes.filter(Boolean).length * 2 > votes.length;
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
  ])("of %i voters are %i", (voters, size) => {
    expect(quorumSize(voters)).toBe(size);
  });

  test("any two share a member, and smaller groups need not", () => {
    fc.assert(
      fc.property(counts, (voters) => {
        expect(2 * quorumSize(voters)).toBeGreaterThan(voters);
        expect(2 * (quorumSize(voters) - 1)).toBeLessThanOrEqual(voters);
      }),
    );
  });

  test("the quorum value is the largest that a majority has reached, by counting", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(6), { minLength: 1, maxLength: 9 }), (values) => {
        const reached = [0, 1, 2, 3, 4, 5, 6].filter((value) => isMajority(values.map((has) => has >= value)));
        expect(quorumValue(values)).toBe(Math.max(...reached));
      }),
      { numRuns: 2_000 },
    );
  });

  test("an election is won or lost when all ways to complete it are", () => {
    const cases = counts.chain((voters) =>
      fc.tuple(fc.constant(voters), fc.array(fc.boolean(), { maxLength: voters })),
    );
    fc.assert(
      fc.property(cases, ([voters, answered]) => {
        const outcomes = new Set(completions(answered, voters).map(isMajority));
        const votes = new Map(answered.map((granted, index) => [index + 1, granted]));
        const expected = outcomes.size === 2 ? "pending" : outcomes.has(true) ? "won" : "lost";
        expect(voteOutcome(votes, voters)).toBe(expected);
      }),
      { numRuns: 1_000 },
    );
  });
});
