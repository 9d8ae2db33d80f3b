import { expect, test } from "vitest";
import type { Configuration } from "../base/configuration.ts";
import { nextRelease } from "./next-release.ts";

const THREE: Configuration = { voters: [1, 2, 3], outgoing: [], learners: [] };

test.each<[string, number, number, Partial<Configuration>, Record<number, number>, number]>([
  ["nobody else has said anything", 1, 2, {}, {}, 1],
  ["one has said nothing", 1, 2, {}, { 2: 2 }, 1],
  ["one reads no later one", 1, 2, {}, { 2: 2, 3: 1 }, 1],
  ["all read the next", 1, 2, {}, { 2: 2, 3: 2 }, 2],
  ["all read more than the leader", 1, 2, {}, { 2: 9, 3: 7 }, 2],
  ["all read some later one", 1, 9, {}, { 2: 4, 3: 7 }, 4],
  ["the leader itself reads no later one", 1, 1, {}, { 2: 2, 3: 2 }, 1],
  ["the log is there already", 2, 2, {}, { 2: 1, 3: 1 }, 2],
  ["somebody has gone back", 2, 3, {}, { 2: 1, 3: 3 }, 2],
  ["a member that leaves has said nothing", 1, 2, { outgoing: [1, 2, 4] }, { 2: 2, 3: 2 }, 1],
  ["a learner reads no later one", 1, 2, { learners: [4] }, { 2: 2, 3: 2, 4: 1 }, 1],
  ["all do, those that leave and learn too", 1, 2, { outgoing: [4], learners: [5] }, { 2: 2, 3: 2, 4: 2, 5: 2 }, 2],
  ["one that is no member reads no later one", 1, 2, {}, { 2: 2, 3: 2, 7: 1 }, 2],
  ["the leader is alone", 1, 2, { voters: [1] }, {}, 2],
])("where %s: after release %i, with a leader that reads %i", (_what, before, own, changed, said, expected) => {
  const announced = new Map(Object.entries(said).map(([node, release]) => [Number(node), release]));
  const configuration = { ...THREE, ...changed };
  expect(nextRelease({ before, own, leader: 1, configuration, announced })).toBe(expected);
});
