import { expect, test } from "vitest";
import { isOlder } from "./peers.ts";

const nodes = (ids: readonly number[]): { id: number }[] => ids.map((id) => ({ id }));

test.each<[string, present: number[], removed: number[], peers: number[], isOld: boolean]>([
  ["the same nodes", [1, 2, 3], [], [1, 2, 3], false],
  ["the same, and the node itself is not named", [1, 2, 3], [], [2, 3], false],
  ["one that has left, and is named neither here nor there", [1, 2, 3], [4], [1, 2, 3], false],
  ["two of three replaced since", [1, 2, 3], [], [1, 4, 5], true],
  ["one that came since", [1, 2, 3], [], [1, 2, 3, 4], true],
  ["one that went since", [1, 2, 3], [], [1, 2], true],
])("a state beside %s", (_, present, removed, peers, isOld) => {
  const members = { all: nodes([...present, ...removed]), present: nodes(present) };
  expect(isOlder(members, { id: 1, peers: nodes(peers) })).toBe(isOld);
});
