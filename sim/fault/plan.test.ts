import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { CALM } from "../calm-options.ts";
import { drawOptions, type FaultKind } from "../options.ts";
import { LOG_DAMAGES } from "./disk-damage.ts";
import { drawPlan, type FaultStep, type PlanOptions } from "./plan.ts";

const NOTHING = Object.fromEntries(
  Object.keys(drawOptions(new Prng(1)).faults.weights).map((kind) => [kind, 0]),
) as Record<FaultKind, number>;

const DAMAGES = CALM.faults.damages;

/** A plan in which only one kind of fault occurs. */
function planOf(kind: FaultKind, { nodes = 3, seed = 1, damages = DAMAGES } = {}): readonly FaultStep[] {
  const faults = { everyMs: 20, lastsMs: 100, restartAfterMs: 100, weights: { ...NOTHING, [kind]: 1 }, damages };
  return drawPlan(new Prng(seed), { nodes, zones: 3, durationMs: 10_000, faults }).map(({ step }) => step);
}

function only<K extends FaultStep["kind"]>(steps: readonly FaultStep[], kind: K): Extract<FaultStep, { kind: K }>[] {
  return steps.filter((step): step is Extract<FaultStep, { kind: K }> => step.kind === kind);
}

describe("drawing a plan of faults", () => {
  const options: PlanOptions = { ...drawOptions(new Prng(1)), durationMs: 20_000 };

  test("is the same for the same seed, by rising time, and ends with the run", () => {
    const plan = drawPlan(new Prng(3), options);
    expect(drawPlan(new Prng(3), options)).toEqual(plan);
    expect(drawPlan(new Prng(4), options)).not.toEqual(plan);
    const times = plan.map(({ atMs }) => atMs);
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.every((atMs) => atMs < options.durationMs)).toBe(true);
    expect(JSON.parse(JSON.stringify(plan))).toEqual(plan);
  });

  test("is empty where no kind of fault has a weight", () => {
    const faults = { ...options.faults, weights: NOTHING };
    expect(drawPlan(new Prng(3), { ...options, faults })).toEqual([]);
  });

  test("upgrades each old node once, in most plans all of them, in others some or none", () => {
    const faults = { ...options.faults, weights: NOTHING };
    const counts = Array.from({ length: 200 }, (_, seed) => {
      const steps = drawPlan(new Prng(seed), { ...options, faults, oldNodes: 3 }).map(({ step }) => step);
      const targets = only(steps, "upgrade").map(({ target }) => target as number);
      expect(targets.length).toBe(steps.length);
      expect(new Set(targets).size).toBe(targets.length);
      expect(Math.max(0, ...targets)).toBeLessThanOrEqual(3);
      return targets.length;
    });
    expect(new Set(counts)).toEqual(new Set([0, 1, 2, 3]));
    expect(counts.filter((count) => count === 3).length).toBeGreaterThan(100);
  });

  test("draws kinds as often as they weigh", () => {
    const weights = { ...NOTHING, crash: 9, crashAll: 1 };
    const faults = { everyMs: 5, lastsMs: 100, restartAfterMs: 100, weights, damages: DAMAGES };
    const steps = drawPlan(new Prng(1), { nodes: 3, zones: 3, durationMs: 10_000, faults }).map(({ step }) => step);
    const rare = only(steps, "crashAll").length / steps.length;
    expect(rare).toBeGreaterThan(0.05);
    expect(rare).toBeLessThan(0.15);
  });

  test.each(["partition", "asymmetricPartition"] as const)(
    "%s: two sides, sometimes more, none of them empty, and mostly every node on one",
    (kind) => {
      const steps = only(planOf(kind, { nodes: 5 }), "partition");
      expect(steps.length).toBeGreaterThan(100);
      for (const { groups, oneWay } of steps) {
        expect(new Set(groups.flat()).size).toBe(groups.flat().length);
        expect(Math.min(...groups.map((group) => group.length))).toBeGreaterThan(0);
        expect(oneWay).toBe(kind === "asymmetricPartition");
      }
      expect(new Set(steps.map(({ groups }) => groups[0]?.length))).toEqual(new Set([1, 2, 3, 4]));
      expect(new Set(steps.map(({ groups }) => groups.length))).toEqual(new Set([2, 3, 4, 5]));
      expect(new Set(steps.map(({ groups }) => groups.flat().length))).toEqual(new Set([2, 3, 4, 5]));
      expect(steps.filter(({ groups }) => groups.length > 2).length).toBeLessThan(steps.length * 0.4);
      expect(steps.filter(({ groups }) => groups.flat().length < 5).length).toBeLessThan(steps.length * 0.4);
    },
  );

  test("partitions of three nodes: one against two, all three apart, or one link alone", () => {
    const sizes = only(planOf("partition"), "partition").map(({ groups }) =>
      groups.map((group) => group.length).join(),
    );
    expect(new Set(sizes)).toEqual(new Set(["1,2", "2,1", "1,1,1", "1,1"]));
  });

  test("bridge: one node hears both sides, and every other is on one", () => {
    for (const { bridge, groups } of only(planOf("bridge", { nodes: 5 }), "bridge")) {
      expect([bridge, ...groups.flat()].sort((a, b) => a - b)).toEqual([1, 2, 3, 4, 5]);
      expect(Math.min(...groups.map((group) => group.length))).toBeGreaterThan(0);
    }
  });

  test("electionUnderFire: the leader crashes, and voters or winners do right after", () => {
    const steps = planOf("electionUnderFire");
    expect(only(steps, "crash").every(({ target }) => target === "leader")).toBe(true);
    const armed = only(steps, "crashWhen");
    expect(armed.length).toBeGreaterThanOrEqual(only(steps, "crash").length);
    expect(new Set(armed.map(({ moment }) => moment))).toEqual(new Set(["voted", "elected"]));
    expect(only(steps, "bridge").length).toBeGreaterThan(0);
  });

  test("crashWhen: all moments, one node or all", () => {
    const steps = only(planOf("crashWhen"), "crashWhen");
    expect(new Set(steps.map(({ moment }) => moment)).size).toBe(4);
    expect(new Set(steps.map(({ all }) => all)).size).toBe(2);
  });

  test("changeUnderFire: some crash as soon as they have another configuration", () => {
    const steps = planOf("changeUnderFire");
    expect(steps.length).toBeGreaterThan(100);
    expect(new Set(only(steps, "crashWhen").map(({ moment }) => moment))).toEqual(new Set(["reconfigured"]));
  });

  test("flap: one link, or all between two sides, down and up several times", () => {
    const steps = only(planOf("flap", { nodes: 5 }), "flap");
    expect(steps.length).toBeGreaterThan(100);
    expect(new Set(steps.map(({ groups }) => groups.flat().length))).toEqual(new Set([2, 3, 4, 5]));
    for (const { groups, downMs, upMs, forMs } of steps) {
      expect(new Set(groups.flat()).size).toBe(groups.flat().length);
      expect(Math.min(...groups.map((group) => group.length))).toBeGreaterThan(0);
      expect(forMs / (downMs + upMs)).toBeGreaterThan(3);
    }
  });

  test("zoneLoss: each zone, by power and by links; slowClients: all of them, or some", () => {
    const lost = only(planOf("zoneLoss"), "zoneLoss");
    expect(new Set(lost.map(({ zone, how }) => `${zone} ${how}`)).size).toBe(6);
    expect(new Set(only(planOf("slowClients"), "slowClients").map(({ every }) => every))).toEqual(
      new Set([1, 2, 3, 4]),
    );
  });

  test("readError: once or for good, and most is met by a start", () => {
    const steps = planOf("readError");
    const errors = only(steps, "readError");
    expect(new Set(errors.map(({ lasting }) => lasting)).size).toBe(2);
    expect(only(steps, "crash").length).toBeGreaterThan(errors.length / 2);
    expect(only(steps, "crash").length).toBeLessThan(errors.length * 0.8);
  });

  test("storeReadError: each part, once or for a while, and most is met by a start", () => {
    const steps = planOf("storeReadError");
    const errors = only(steps, "storeReadError");
    expect(new Set(errors.map(({ part, lasting }) => `${part} ${lasting}`)).size).toBe(6);
    expect(only(steps, "crash").length).toBeGreaterThan(errors.length / 2);
    expect(only(steps, "crash").length).toBeLessThan(errors.length * 0.8);
  });

  test("damageLog: in each way as often as it weighs", () => {
    const ways = only(planOf("damageLog"), "damageLog").map(({ how }) => how);
    expect(new Set(ways)).toEqual(new Set(LOG_DAMAGES));
    const none = Object.fromEntries(LOG_DAMAGES.map((how) => [how, 0])) as typeof DAMAGES;
    const damages = { ...none, lostWrite: 3, misdirectedWrite: 1 };
    const lost = only(planOf("damageLog", { damages }), "damageLog").map(({ how }) => how);
    expect(new Set(lost)).toEqual(new Set(["lostWrite", "misdirectedWrite"]));
    const share = lost.filter((how) => how === "lostWrite").length / lost.length;
    expect(share).toBeGreaterThan(0.65);
    expect(share).toBeLessThan(0.85);
  });

  test("sickLeader: starved and cut off for the same time", () => {
    const steps = planOf("sickLeader");
    const slow = only(steps, "slowTimers").map(({ forMs }) => forMs);
    expect(slow).toEqual(only(steps, "isolate").map(({ forMs }) => forMs));
    expect(slow.length).toBeGreaterThan(100);
  });

  test.each([1, 2])("what needs more than %d nodes is left out where there are no more", (nodes) => {
    for (const kind of Object.keys(NOTHING) as FaultKind[]) {
      for (const step of planOf(kind, { nodes })) {
        if (!("groups" in step)) continue;
        expect(step.groups.length, kind).toBe(2);
        expect(new Set(step.groups.flat()), kind).toEqual(new Set([1, 2]));
      }
    }
    expect(planOf("crash", { nodes }).length).toBeGreaterThan(100);
    expect(planOf("partition", { nodes }).length > 0).toBe(nodes === 2);
  });

  test("everything that is broken is whole again after a time of its own", () => {
    for (const kind of Object.keys(NOTHING) as FaultKind[]) {
      for (const step of planOf(kind)) {
        const ends = "forMs" in step ? step.forMs : "restartAfterMs" in step ? step.restartAfterMs : 1;
        expect(ends, kind).toBeGreaterThan(0);
      }
    }
  });
});
