import { describe, expect, test } from "vitest";
import type { Configuration } from "../../node/base/configuration.ts";
import { type ComparedNode, type Comparison, compareNodes } from "./compare-nodes.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Node {
  readonly id: number;
  readonly blocks: string;
  readonly checkpoint?: number;
  /** By default what follows from the blocks. */
  readonly digests?: string;
  readonly first?: number;
}

interface LetteredNode extends ComparedNode {
  readonly configurations: ReadonlyMap<number, Configuration>;
}

/** Nodes whose blocks are letters, which all stand under one configuration. Of the one that a log begins behind only a checkpoint knows that. */
function nodesOf(configuration: Configuration, all: readonly Node[]): LetteredNode[] {
  return all.map(({ id, blocks, checkpoint = 0, digests = blocks, first = 1 }) => {
    const byHeight = <T>(entryOf: (place: number) => T): Map<number, T> =>
      new Map(
        blocks
          .split("")
          .map((_, place): [number, T] => [place + 1, entryOf(place)] as const)
          .slice(first - 1),
      );
    const before = first - 1;
    const isStand = before > 0 && before === checkpoint;
    const counts = { height: blocks.length, digest: "", transactions: 0, segments: 1, tornBytes: 0 };
    return {
      id,
      report: { directory: `node-${id}`, firstHeight: first, ...counts, checkpointHeight: checkpoint, problems: [] },
      blockHashes: new Map([
        ...byHeight((place) => bytes(blocks.charAt(place))),
        ...(before > 0 ? [[before, bytes(blocks.charAt(before - 1))] as const] : []),
      ]),
      digests: byHeight((place) => bytes(`digest ${digests.charAt(place)}`)),
      configurations: new Map([
        ...byHeight(() => configuration),
        ...(isStand ? [[before, configuration] as const] : []),
      ]),
    };
  });
}

type Options = Omit<Node, "id" | "blocks"> & { readonly learner?: boolean };

/** Voters and learners, with ids in order. */
function node(blocks: string, options: Options = {}): Options & { blocks: string } {
  return { ...options, blocks };
}

function compared(nodes: readonly (Options & { blocks: string })[]): Comparison {
  const all = nodes.map((node, place) => ({ ...node, id: place + 1 }));
  const ids = (isLearner: boolean): number[] =>
    all.filter(({ learner = false }) => learner === isLearner).map(({ id }) => id);
  return compareNodes(nodesOf({ voters: ids(false), outgoing: [], learners: ids(true) }, all));
}

/** One that has fetched a checkpoint, and no block since. */
function beginning(blocks: string): Options & { blocks: string } {
  return node(blocks, { first: blocks.length + 1, checkpoint: blocks.length });
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
      "one begins behind what no other has come to",
      [node("ab"), node("ab"), node("abcde", { first: 6, checkpoint: 5 })],
      2,
    ],
    ["two begin behind a checkpoint, and have nothing yet", ["a", "abc", "abc"].map(beginning), 3],
    ["one begins behind a block that another still has", [node("abc"), beginning("abc"), node("a")], 3],
    [
      "two of three voters, and learners that have less",
      [...["abc", "abc", "a"].map((of) => node(of)), ...EMPTY_LEARNERS],
      3,
    ],
    ["one of three voters, and learners that have as much", [node("abc"), node("a"), node("a"), ...LEARNERS], 1],
    ["nothing anywhere", [node(""), node(""), node("")], 0],
  ])("%s", (_, nodes, agreedHeight) => {
    expect(compared(nodes)).toEqual({ agreedHeight, problems: [] });
  });

  test("a checkpoint of a node's own block where a quorum has another is a broken promise", () => {
    const { agreedHeight, problems } = compared([node("abc"), node("abc"), node("axc", { checkpoint: 2 })]);
    expect(agreedHeight).toBe(2);
    expect(problems).toEqual([expect.stringContaining("has a checkpoint behind block 2")]);
  });

  test("and so it is where a learner has it, whose digests are compared, too", () => {
    const voters = [node("abc"), node("abc"), node("abc")];
    const other = compared([...voters, node("axc", { checkpoint: 2, learner: true })]);
    expect(other).toEqual({ agreedHeight: 2, problems: [expect.stringContaining("behind block 2")] });
    const unlike = compared([...voters, node("abc", { digests: "aXX", learner: true })]);
    expect(unlike).toEqual({ agreedHeight: 2, problems: ["the state digests after block 2 differ"] });
  });

  test("and so it is where a log begins behind a block that a quorum has not", () => {
    for (const other of [beginning("ax"), node("axc", { first: 3, checkpoint: 2 })]) {
      const { agreedHeight, problems } = compared([node("abc"), node("abc"), other]);
      expect([agreedHeight, problems]).toEqual([
        2,
        [expect.stringContaining("node-3 has a checkpoint behind block 2")],
      ]);
    }
  });

  test("equal blocks with unlike digests are reported at the first height", () => {
    expect(compared([node("abc"), node("abc"), node("abc", { digests: "aXX" })])).toEqual({
      agreedHeight: 2,
      problems: ["the state digests after block 2 differ"],
    });
  });

  test("nodes of which none votes are held against each other, too", () => {
    const voters = [node(""), node("")];
    const learners = [node("abc", { learner: true }), node("abc", { digests: "abX", learner: true })];
    const problems = ["the state digests after block 3 differ"];
    expect(compared([...voters, ...learners])).toEqual({ agreedHeight: 0, problems });
  });

  test("voters of earlier blocks may all be gone", () => {
    const old = { voters: [1, 2, 3], outgoing: [], learners: [] };
    const now = { voters: [4, 5, 6], outgoing: [], learners: [] };
    const nodes = nodesOf(
      old,
      [4, 5, 6].map((id) => ({ id, blocks: "abc" })),
    );
    expect(compareNodes(nodes)).toEqual({ agreedHeight: 0, problems: [] });
    const later = nodes.map((node) => ({
      ...node,
      configurations: new Map([...node.configurations, [3, now] as const]),
    }));
    expect(compareNodes(later)).toEqual({ agreedHeight: 3, problems: [] });
  });

  test("while voters change it takes a quorum of both", () => {
    const joint = { voters: [3, 4, 5], outgoing: [1, 2, 3], learners: [] };
    const blocks = (...all: string[]): Node[] => all.map((text, place) => ({ id: place + 1, blocks: text }));
    expect(compareNodes(nodesOf(joint, blocks("a", "a", "ab", "ab", "ab"))).agreedHeight).toBe(1);
    expect(compareNodes(nodesOf(joint, blocks("a", "ab", "ab", "ab", "a"))).agreedHeight).toBe(2);
  });

  test("two quorums that have nobody in common are a cluster that has split, and neither is the one that is wrong", () => {
    const before = { voters: [1, 2, 3], outgoing: [], learners: [] };
    const alone = { voters: [1], outgoing: [], learners: [] };
    const nodes = nodesOf(before, [
      { id: 1, blocks: "abcxyz", checkpoint: 5 },
      { id: 2, blocks: "abcde", checkpoint: 5 },
      { id: 3, blocks: "abcde", checkpoint: 5 },
    ]);
    const recovered = nodes.map((node) =>
      node.id === 1
        ? { ...node, configurations: new Map([...node.configurations].map(([at, of]) => [at, at > 3 ? alone : of])) }
        : node,
    );
    for (const checkpointHeight of [0, 5]) {
      const all = recovered.map((node) => ({ ...node, report: { ...node.report, checkpointHeight } }));
      expect(compareNodes(all)).toEqual({
        agreedHeight: 4,
        problems: [expect.stringMatching(/^a quorum \(node-2, node-3\) has another block 4 than .*node-1.*has split/)],
      });
    }
  });

  test("a log that is cut off before its checkpoint has not another block for that", () => {
    expect(compared([node("abc"), node("abc"), node("a", { checkpoint: 3 })])).toEqual({
      agreedHeight: 3,
      problems: [],
    });
  });
});
