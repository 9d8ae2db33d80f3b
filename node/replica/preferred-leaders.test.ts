import { describe, expect, test } from "vitest";
import { PreferredLeaders } from "./preferred-leaders.ts";
import { peerAt } from "./progress.test-support.ts";

type Leader = Parameters<PreferredLeaders["tick"]>[0];

const TIMEOUT = 10;
const SETTLED = 20 * TIMEOUT;

/** Node 2 of the voters 1 to 4 leads, everything is committed up to 100, and all others have it. */
function leader(changes: Partial<Leader> = {}, peers: Readonly<Record<number, object>> = {}): Leader {
  const all = [1, 3, 4].map((peer) => peerAt(peer, 100, peers[peer]));
  const configuration = { voters: [1, 2, 3, 4], outgoing: [], learners: [] };
  return { id: 2, role: "leader", commit: 100, transferTarget: 0, peerProgress: () => all, configuration, ...changes };
}

/** At which tick somebody is handed over to, and to whom; undefined for nobody in a long time. */
function handOver(order: readonly number[], raft: Leader): readonly [tick: number, to: number] | undefined {
  const preferred = new PreferredLeaders(order, TIMEOUT);
  for (let tick = 1; tick <= 3 * SETTLED; tick++) {
    const to = preferred.tick(raft);
    if (to !== 0) return [tick, to];
  }
  return undefined;
}

test.each<[string, readonly number[], Leader, number | undefined]>([
  ["the most wanted that there is", [3, 1], leader(), 3],
  ["the next one where the most wanted has not answered", [3, 1], leader({}, { 3: { active: false } }), 1],
  ["the next one where the most wanted lags", [3, 1], leader({}, { 3: { match: 83 } }), 1],
  ["one that lags a little, as under load", [3, 1], leader({}, { 3: { match: 84 } }), 3],
  ["one more wanted than the leader", [3, 2, 1], leader(), 3],
  ["nobody less wanted than the leader", [2, 3], leader(), undefined],
  ["nobody where nobody is wanted", [], leader(), undefined],
  ["nobody that has no vote", [5], leader(), undefined],
  ["no learner", [3], leader({ configuration: { voters: [1, 2, 4], outgoing: [], learners: [3] } }), undefined],
])("a settled leader makes way for %s", (_, order, raft, to) => {
  expect(handOver(order, raft)).toEqual(to === undefined ? undefined : [SETTLED, to]);
});

describe("nobody is handed over to", () => {
  test.each([
    ["by a node that does not lead", { role: "follower" }],
    ["while another hand-over is under way", { transferTarget: 4 }],
  ] as const)("%s", (_, changes) => {
    expect(handOver([3], leader(changes))).toBeUndefined();
  });

  test("before the leader has settled, again after each change and each attempt", () => {
    const preferred = new PreferredLeaders([3], TIMEOUT);
    const ticks = (count: number, raft: Leader): number[] => Array.from({ length: count }, () => preferred.tick(raft));
    expect(ticks(SETTLED - 1, leader()).every((to) => to === 0)).toBe(true);
    ticks(1, leader({ role: "follower" }));
    expect(ticks(SETTLED, leader()).indexOf(3)).toBe(SETTLED - 1);
    expect(ticks(SETTLED, leader()).indexOf(3)).toBe(SETTLED - 1);
  });
});
