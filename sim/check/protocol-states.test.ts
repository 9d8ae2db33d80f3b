import { describe, expect, test } from "vitest";
import type { Role } from "../../consensus/raft/ready.ts";
import type { Configuration } from "../../node/base/configuration.ts";
import { ProtocolStates, type ProtocolView } from "./protocol-states.ts";

const THREE: Configuration = { voters: [1, 2, 3], outgoing: [], learners: [] };

interface Told extends Partial<Omit<ProtocolView, "role">> {
  readonly role?: Role;
}

function view({ role = "follower", ...rest }: Told = {}): ProtocolView {
  const common = { term: 2, lastIndex: 10, lastTerm: 2, commit: 9, configuration: THREE };
  return { role, ...common, configurationIsCommitted: true, readsAreWaiting: false, ...rest };
}

type Cluster = Readonly<Record<number, Told | "down" | "mending">>;
const CALM: Cluster = { 1: { role: "leader" }, 2: {}, 3: {} };

/** The state of a cluster whose nodes come in the order of their ids, and who then are as told. */
function stateOf(cluster: Cluster): number {
  const states = new ProtocolStates();
  const nodes = Object.entries(cluster).map(([id, node]) => [Number(id), node] as const);
  for (const [id, node] of nodes) if (typeof node === "string") states.absent(id, node);
  for (const [id, node] of nodes) if (typeof node !== "string") states.look(id, view(node));
  return states.read().at(-1) as number;
}

describe("the abstract state of a cluster", () => {
  test("does not depend on which node is what, nor on how far all have come", () => {
    const calm = stateOf(CALM);
    expect(stateOf({ 1: {}, 2: {}, 3: { role: "leader" } })).toBe(calm);
    const later = { term: 9, lastIndex: 500, lastTerm: 9, commit: 499 };
    expect(stateOf({ 1: later, 2: { ...later, role: "leader" }, 3: later })).toBe(calm);
    const apart = { voters: [1, 2], outgoing: [], learners: [] };
    const renumbered = { voters: [2, 3], outgoing: [], learners: [] };
    expect(stateOf({ 1: { configuration: apart }, 2: {}, 3: {} })).toBe(
      stateOf({ 1: {}, 2: {}, 3: { configuration: renumbered } }),
    );
  });

  const joint = { voters: [1, 2, 3], outgoing: [1, 2], learners: [] };
  test.each<[string, Cluster]>([
    ["another role", { ...CALM, 3: { role: "candidate" } }],
    ["a pre-candidate", { ...CALM, 3: { role: "preCandidate" } }],
    ["a second leader, of an older term", { ...CALM, 3: { role: "leader", term: 1 } }],
    ["an older term", { ...CALM, 3: { term: 1 } }],
    ["a shorter log", { ...CALM, 3: { lastIndex: 9 } }],
    ["a longer log than the leader's", { ...CALM, 3: { lastIndex: 11 } }],
    ["a shorter log that ends in an older term", { ...CALM, 3: { lastIndex: 9, lastTerm: 1 } }],
    ["as long a log that ends in an older term", { ...CALM, 3: { lastTerm: 1 } }],
    ["a log that ends in a newer term than the leader's", { ...CALM, 3: { lastTerm: 3 } }],
    ["less that is known to be committed", { ...CALM, 3: { commit: 8 } }],
    ["a joint configuration", { ...CALM, 3: { configuration: joint } }],
    ["a configuration that is not known to be committed", { ...CALM, 3: { configurationIsCommitted: false } }],
    ["a learner", { ...CALM, 3: { configuration: { voters: [1, 2], outgoing: [], learners: [3] } } }],
    ["a node on its way out", { ...CALM, 3: { configuration: { voters: [1, 2], outgoing: [1, 3], learners: [] } } }],
    ["a node that is no member", { ...CALM, 3: { configuration: { voters: [1, 2], outgoing: [], learners: [] } } }],
    ["reads that wait", { ...CALM, 3: { readsAreWaiting: true } }],
    ["a node that is down", { ...CALM, 3: "down" }],
    ["a node that mends its log", { ...CALM, 3: "mending" }],
    ["a node more", { ...CALM, 4: {} }],
  ])("%s is another state", (_, cluster) => {
    expect(stateOf(cluster)).not.toBe(stateOf(CALM));
  });

  test("each of them is one of its own", () => {
    const parts: readonly Told[] = [
      { configuration: joint },
      { configuration: { voters: [1, 2], outgoing: [], learners: [3] } },
      { configuration: { voters: [1, 2], outgoing: [1, 3], learners: [] } },
      { configuration: { voters: [1, 2], outgoing: [], learners: [] } },
    ];
    const logs: readonly Told[] = [{ lastIndex: 9 }, { lastIndex: 11 }, { lastTerm: 1 }, { lastTerm: 3 }];
    const told: readonly (Told | "down" | "mending")[] = [...parts, ...logs, "down", "mending"];
    expect(new Set(told.map((third) => stateOf({ ...CALM, 3: third }))).size).toBe(told.length);
  });

  test("while nobody leads, logs are compared with the most up-to-date one", () => {
    const candidates = (longest: number): number =>
      stateOf({ 1: { lastIndex: longest }, 2: { lastIndex: 9, role: "candidate" }, 3: { lastIndex: 9 } });
    expect(candidates(10)).toBe(candidates(12));
    expect(candidates(9)).not.toBe(candidates(10));
  });
});

describe("the states that a run came to", () => {
  test("are counted once each, and nothing is counted where nothing changed", () => {
    const states = new ProtocolStates();
    for (const term of [1, 2, 3, 4]) {
      states.look(1, view({ role: "leader", term }));
      states.look(1, view({ role: "leader", term }));
    }
    expect(states.read()).toHaveLength(1);
  });

  test("nodes that go at once are one change, seen with the next event", () => {
    const states = new ProtocolStates();
    for (const node of [1, 2, 3]) states.look(node, view());
    const before = states.read().length;
    states.absent(1, "down");
    states.absent(2, "down");
    expect(states.read()).toHaveLength(before);
    states.look(3, view());
    expect(states.read()).toHaveLength(before + 1);
    expect(states.read().every((state) => Number.isInteger(state) && state >= 0 && state < 2 ** 48)).toBe(true);
  });
});
