import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../../node/base/assert.ts";
import { sameConfiguration } from "../../node/base/configuration.ts";
import {
  awaitedVoters,
  type Configuration,
  configurationFault,
  isLegalStep,
  isVoter,
  type Members,
  membersOf,
  nextConfiguration,
} from "./configuration.ts";
import { configurationOf, configurationText } from "./configurations.test-support.ts";

const NODES = [1, 2, 3, 4, 5];

const members: fc.Arbitrary<Members> = fc
  .tuple(fc.subarray(NODES, { minLength: 1 }), fc.subarray(NODES))
  .map(([voters, others]) => ({ voters, learners: others.filter((id) => !voters.includes(id)) }));

const configurations: fc.Arbitrary<Configuration> = fc
  .tuple(members, fc.oneof(fc.constant([]), fc.subarray(NODES, { minLength: 1 })))
  .map(([drawn, outgoing]) => ({ ...drawn, outgoing }));

const GROUPS = Array.from({ length: 2 ** NODES.length }, (_, bits) =>
  NODES.filter((id) => Math.floor(bits / 2 ** (id - 1)) % 2 === 1),
);

function isMajority(of: readonly number[], group: readonly number[]): boolean {
  return 2 * of.filter((id) => group.includes(id)).length > of.length;
}

/** All groups of nodes that a configuration takes for a quorum, by counting. */
function quorumsOf({ voters, outgoing }: Configuration): number[][] {
  const decides = (group: number[]): boolean => outgoing.length === 0 || isMajority(outgoing, group);
  return GROUPS.filter((group) => isMajority(voters, group) && decides(group));
}

function isOtherThan5(id: number): boolean {
  return id !== 5;
}

describe("configurations", () => {
  test.each([
    ["", "it has no voters"],
    ["+1", "it has no voters"],
    ["&1,2", "it has no voters"],
    ["2,1", "its ids are not positive, or do not ascend"],
    ["1,1", "its ids are not positive, or do not ascend"],
    ["0,1", "its ids are not positive, or do not ascend"],
    ["1&3,2", "its ids are not positive, or do not ascend"],
    ["1+3,2", "its ids are not positive, or do not ascend"],
    ["1,2+2", "a node is voter and learner"],
    ["1,2+3", undefined],
    ["1,2&2,3+3", undefined],
  ])("%s: %s", (text, fault) => {
    expect(configurationFault(configurationOf(text))).toBe(fault);
  });

  test("know who has a say, and who receives the log", () => {
    const joint = configurationOf("4,5&1,5+1,3");
    expect(NODES.filter((id) => isVoter(joint, id))).toEqual([1, 4, 5]);
    expect(membersOf(joint)).toEqual([1, 3, 4, 5]);
  });

  test("two that may follow each other have no quorums without a common member", () => {
    fc.assert(
      fc.property(configurations, configurations, (a, b) => {
        fc.pre(isLegalStep(a, b));
        const others = quorumsOf(b);
        const share = quorumsOf(a).every((one) => others.every((other) => one.some((id) => other.includes(id))));
        expect(share).toBe(true);
      }),
      { numRuns: 150 },
    );
  });

  test.each([
    ["1,2,3", "1,2,3", true],
    ["1,2,3", "1,2,3+4,5", true],
    ["1,2,3+4,5", "1,2,3+5", true],
    ["1,2,3", "1,2", false],
    ["1,2,3", "1,2,3,4", false],
    ["1,2,3", "4,5&1,2,3+1", true],
    ["1,2,3", "4,5&1,2", false],
    ["1,2,3", "4,5&1,2,3,4", false],
    ["4,5&1,2,3+1", "4,5+1", true],
    ["4,5&1,2,3+1", "4,5", false],
    ["4,5&1,2,3", "1,2,3", false],
    ["4,5&1,2,3", "1,2&4,5", false],
    ["1,2,3", "1,2,3+3", false],
  ])("from %s to %s: %s", (from, to, legal) => {
    expect(isLegalStep(configurationOf(from), configurationOf(to))).toBe(legal);
  });
});

describe("the way to the desired members", () => {
  test.each([
    ["1,2,3", "1,2,3,4", ["1,2,3+4", "1,2,3,4&1,2,3", "1,2,3,4"]],
    ["1,2,3+4", "1,2,3,4", ["1,2,3,4&1,2,3", "1,2,3,4"]],
    ["1,2,3", "1,2", ["1,2&1,2,3", "1,2"]],
    ["1,2,3", "1,2+3", ["1,2&1,2,3+3", "1,2+3"]],
    ["1,2,3", "4,5+1", ["1,2,3+4,5", "4,5&1,2,3+1", "4,5+1"]],
    ["1,2,3+4", "1,2,3+5", ["1,2,3+5"]],
    ["1,2&2,3", "4+1", ["1,2", "1,2+4", "4&1,2+1", "4+1"]],
    ["1,2", "1,2", []],
  ])("from %s to %s", (from, to, way) => {
    const steps: string[] = [];
    let current = configurationOf(from);
    for (let next = nextConfiguration(current, configurationOf(to), () => true); next !== undefined; ) {
      steps.push(configurationText(next));
      current = next;
      next = nextConfiguration(current, configurationOf(to), () => true);
    }
    expect(steps).toEqual(way);
  });

  test("is legal steps, and ends there, from anywhere to anywhere", () => {
    fc.assert(
      fc.property(configurations, members, (from, desired) => {
        let current = from;
        for (let steps = 0; steps < 5; steps++) {
          const next = nextConfiguration(current, desired, () => true);
          if (next === undefined) break;
          expect(isLegalStep(current, next) && !sameConfiguration(current, next)).toBe(true);
          current = next;
        }
        expect(current).toEqual({ ...desired, outgoing: [] });
      }),
    );
  });

  test("waits for most of the voters to come, and never to leave a joint configuration", () => {
    const next = (from: string, to: string): Configuration | undefined =>
      nextConfiguration(configurationOf(from), configurationOf(to), isOtherThan5);
    expect(next("1,4,5", "4,5")).toBeUndefined();
    expect(next("1,5", "5")).toBeUndefined();
    expect(next("1,4,5", "1,4")).toEqual(configurationOf("1,4&1,4,5"));
    expect(next("1,2,4,5", "1,2,5")).toEqual(configurationOf("1,2,5&1,2,4,5"));
    expect(next("4,5&1,4,5", "4,5")).toEqual(configurationOf("4,5"));
  });

  test("waits for new voters, all of them, and never to leave a joint configuration", () => {
    const next = (from: string, to: string): Configuration | undefined =>
      nextConfiguration(configurationOf(from), configurationOf(to), isOtherThan5);
    expect(next("1,2,3+4,5", "1,4,5")).toBeUndefined();
    expect(next("1,2,3+4,5", "1,2,4+5")).toEqual(configurationOf("1,2,4&1,2,3+5"));
    expect(next("1,4,5&1,2,3", "1,2,3")).toEqual(configurationOf("1,4,5"));
  });

  test.each([
    ["1,2,3+5", "1,2,3,5", [5]],
    ["1,2,3+4,5", "1,2,3,4,5", [5]],
    ["1,2,5", "1,2", []],
    ["1,5", "5", [5]],
    ["1,4,5+6", "5,6", [5]],
    ["1,2,3", "1,2,3+5", []],
    ["1,2,3", "1,2,3", []],
    ["1,2,5&1,2,3", "1,2,5", []],
    ["4,5&1,4,5", "4,5", [5]],
  ])("from %s to %s waits for %j, and for nobody else", (from, to, awaited) => {
    const [current, desired] = [configurationOf(from), configurationOf(to)];
    expect(awaitedVoters(current, desired, isOtherThan5)).toEqual(awaited);
    const next = nextConfiguration(current, desired, (id) => isOtherThan5(id) || awaited.includes(id));
    expect(next === undefined).toBe(sameConfiguration(current, { ...desired, outgoing: [] }));
  });

  test("leads nowhere without voters", () => {
    expect(() => nextConfiguration(configurationOf("1,2"), configurationOf("+1"), () => true)).toThrow(InvariantError);
  });
});
