import { describe, expect, test } from "vitest";
import { type ComparedNode, compareNodes } from "./compare-nodes.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** A node whose blocks are the letters, with digests that follow from them, but for those given. */
function node(
  blocks: string,
  options: { checkpoint?: number; digests?: string; first?: number; learner?: boolean } = {},
): ComparedNode {
  const { first = 1 } = options;
  const byHeight = (texts: readonly string[]): Map<number, Uint8Array> =>
    new Map(texts.map((text, place): [number, Uint8Array] => [place + 1, bytes(text)]).slice(first - 1));
  return {
    report: {
      ...{
        directory: "node",
        firstHeight: first,
        height: blocks.length,
        digest: "",
        transactions: 0,
        segments: 1,
        tornBytes: 0,
      },
      ...{ checkpointHeight: options.checkpoint ?? 0, problems: [] },
    },
    blockHashes: byHeight(blocks.split("")),
    learner: options.learner,
    digests: byHeight((options.digests ?? blocks).split("").map((letter) => `digest ${letter}`)),
  };
}

const EMPTY_LEARNERS = [1, 2, 3].map(() => node("", { learner: true }));
const LEARNERS = [1, 2, 3].map(() => node("abc", { learner: true }));

describe("what a quorum has is committed", () => {
  test.each([
    ["all agree", [node("abc"), node("abc"), node("abc")], 3],
    ["one is behind", [node("abc"), node("abc"), node("a")], 3],
    ["one has nothing", [node("abc"), node("abc"), node("")], 3],
    ["one has a proposal of its own", [node("abc"), node("abc"), node("abx")], 3],
    ["one has more than the others", [node("abcd"), node("abc"), node("abc")], 3],
    ["two have proposals of their own", [node("abx"), node("aby"), node("ab")], 2],
    ["three of five", [node("abc"), node("abc"), node("abc"), node("ax"), node("")], 3],
    ["two of five are no quorum", [node("abc"), node("abc"), node("a"), node("a"), node("a")], 1],
    ["one has given up the first two", [node("abcd"), node("abcd", { first: 3 }), node("abcx")], 4],
    ["two have given up different parts", [node("abc", { first: 3 }), node("abc", { first: 2 }), node("ab")], 3],
    [
      "two of three voters, and learners that have less",
      [...["abc", "abc", "a"].map((of) => node(of)), ...EMPTY_LEARNERS],
      3,
    ],
    ["one of three voters, and learners that have as much", [node("abc"), node("a"), node("a"), ...LEARNERS], 1],
    ["nothing anywhere", [node(""), node(""), node("")], 0],
  ])("%s", (_, nodes, agreedHeight) => {
    expect(compareNodes(nodes)).toEqual({ agreedHeight, problems: [] });
  });

  test("a checkpoint of a node's own block where a quorum has another is a broken promise", () => {
    const { agreedHeight, problems } = compareNodes([node("abc"), node("abc"), node("axc", { checkpoint: 2 })]);
    expect(agreedHeight).toBe(2);
    expect(problems).toEqual([expect.stringContaining("has a checkpoint behind block 2")]);
  });

  test("and so it is where a learner has it, whose digests are compared, too", () => {
    const voters = [node("abc"), node("abc"), node("abc")];
    const other = compareNodes([...voters, node("axc", { checkpoint: 2, learner: true })]);
    expect(other).toEqual({ agreedHeight: 2, problems: [expect.stringContaining("behind block 2")] });
    const unlike = compareNodes([...voters, node("abc", { digests: "aXX", learner: true })]);
    expect(unlike).toEqual({ agreedHeight: 2, problems: ["the state digests after block 2 differ"] });
  });

  test("equal blocks with unlike digests are reported at the first height", () => {
    expect(compareNodes([node("abc"), node("abc"), node("abc", { digests: "aXX" })])).toEqual({
      agreedHeight: 2,
      problems: ["the state digests after block 2 differ"],
    });
  });
});
