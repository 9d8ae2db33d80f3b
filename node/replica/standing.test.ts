import { expect, test } from "vitest";
import type { NodeId } from "../base/ids.ts";
import { isNeeded } from "./standing.ts";

const FIVE = { voters: [1, 2, 3, 4, 5], outgoing: [], learners: [6] };

/** These can take part, the others that are peers cannot. */
function peers(can: readonly NodeId[], cannot: readonly NodeId[]): ReadonlyMap<NodeId, boolean> {
  return new Map([...can.map((id) => [id, true] as const), ...cannot.map((id) => [id, false] as const)]);
}

test("a voter is needed where the others that can take part are no quorum", () => {
  expect(isNeeded({ configuration: FIVE, node: 3, canDecide: peers([1, 2], [4, 5]) })).toBe(true);
  expect(isNeeded({ configuration: FIVE, node: 3, canDecide: peers([1, 2, 6], [4, 5, 7]) })).toBe(true);
  expect(isNeeded({ configuration: FIVE, node: 3, canDecide: peers([1, 2, 4], [5]) })).toBe(false);
  const joint = { voters: [2, 3], outgoing: [1, 2], learners: [] };
  expect([
    isNeeded({ configuration: joint, node: 1, canDecide: peers([2, 3], []) }),
    isNeeded({ configuration: joint, node: 1, canDecide: peers([3], [2]) }),
  ]).toEqual([true, true]);
});

test("a node without a vote is not", () => {
  expect([
    isNeeded({ configuration: FIVE, node: 6, canDecide: peers([1], [2, 3, 4, 5]) }),
    isNeeded({ configuration: FIVE, node: 7, canDecide: peers([], [1, 2, 3, 4, 5, 6]) }),
  ]).toEqual([false, false]);
});

test("nor one whose log is of before others came and went: a voter is no peer, or who is no member takes part", () => {
  expect(isNeeded({ configuration: FIVE, node: 3, canDecide: peers([1, 2], [4, 7]) })).toBe(false);
  expect(isNeeded({ configuration: FIVE, node: 3, canDecide: peers([1, 7], [2, 4, 5]) })).toBe(false);
  expect(
    isNeeded({
      configuration: { voters: [3], outgoing: [3, 4, 5], learners: [] },
      node: 3,
      canDecide: peers([1], [4]),
    }),
  ).toBe(false);
});
