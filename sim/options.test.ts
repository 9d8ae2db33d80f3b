import { describe, expect, test } from "vitest";
import { CLIENT_REQUESTS_IN_FLIGHT_MAX, SESSION_WINDOW } from "../node/base/limits.ts";
import { Prng } from "../node/base/prng.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../node/base/release.ts";
import { DELAYS } from "./draw.ts";
import { LOG_DAMAGES } from "./fault/disk-damage.ts";
import { MEDDLINGS } from "./meddler.ts";
import { drawOptions, type SimOptions } from "./options.ts";
import { TRICKS } from "./workload/options.ts";

const many: readonly SimOptions[] = Array.from({ length: 2_000 }, (_, seed) => drawOptions(new Prng(seed)));
const drawn: readonly SimOptions[] = many.slice(0, 500);

/** The values that one option takes, with how often. */
function valuesOf(option: (options: SimOptions) => unknown): Map<unknown, number> {
  const counts = new Map<unknown, number>();
  for (const options of drawn) counts.set(option(options), (counts.get(option(options)) ?? 0) + 1);
  return counts;
}

describe("drawing a run's options", () => {
  test("the same seed gives the same options, and different seeds give different ones", () => {
    expect(drawOptions(new Prng(7))).toEqual(drawOptions(new Prng(7)));
    expect(new Set(drawn.map((options) => JSON.stringify(options))).size).toBe(drawn.length);
  });

  test("clusters of three and five, seldom of other sizes, occur with up to two spares, and a clock for each node", () => {
    const sizes = valuesOf(({ nodes }) => nodes);
    expect(new Set(sizes.keys())).toEqual(new Set([1, 2, 3, 4, 5, 7]));
    expect((sizes.get(3) ?? 0) + (sizes.get(5) ?? 0)).toBeGreaterThan(400);
    expect(new Set(valuesOf(({ spares }) => spares).keys())).toEqual(new Set([0, 1, 2]));
    for (const { nodes, spares, clockRates } of drawn) expect(clockRates).toHaveLength(nodes + spares);
    expect(valuesOf(({ clockRates }) => clockRates.every((rate) => rate === 1_000)).size).toBe(2);
  });

  test("wall clocks begin true in some runs, in others each is off by itself; some drift, spares' too", () => {
    for (const { nodes, spares, wallOffsetsMs, wallDrifts } of drawn) {
      expect([wallOffsetsMs.length, wallDrifts.length]).toEqual([nodes + spares, nodes + spares]);
      expect(Math.max(...wallOffsetsMs.map(Math.abs))).toBeLessThanOrEqual(5_000);
    }
    const areTrue = drawn.filter(({ wallOffsetsMs }) => wallOffsetsMs.every((offset) => offset === 0));
    const keepTime = drawn.filter(({ wallDrifts }) => !wallDrifts.includes(true));
    for (const { length } of [areTrue, keepTime]) {
      expect(length).toBeGreaterThan(150);
      expect(length).toBeLessThan(300);
    }
    const apart = drawn.filter(({ wallOffsetsMs }) => new Set(wallOffsetsMs).size === wallOffsetsMs.length);
    expect(apart.length).toBeGreaterThan(200);
    const mixed = drawn.filter(({ wallDrifts }) => new Set(wallDrifts).size === 2);
    expect(mixed.length).toBeGreaterThan(150);
    expect(drawn.filter(({ nodes, wallDrifts }) => wallDrifts.slice(nodes).includes(true)).length).toBeGreaterThan(50);
  });

  test("each kind of fault is absent from many runs and present in many", () => {
    for (const kind of Object.keys(drawn[0]?.faults.weights ?? {}) as (keyof SimOptions["faults"]["weights"])[]) {
      const present = drawn.filter(({ faults }) => faults.weights[kind] > 0).length;
      expect(present, kind).toBeGreaterThan(80);
      expect(present, kind).toBeLessThan(400);
    }
  });

  test("each fault on single frames is absent from some runs and present in others", () => {
    for (const rate of ["lossPermille", "duplicatePermille", "latePermille"] as const) {
      const absent = drawn.filter(({ peers }) => peers[rate] === 0).length;
      expect(absent, rate).toBeGreaterThan(100);
      expect(absent, rate).toBeLessThan(250);
    }
  });

  test("what becomes of unsynced writes is never lost, kept or torn in some runs, and something always happens", () => {
    for (const fate of ["lost", "kept", "torn"] as const) {
      const absent = drawn.filter(({ disk }) => disk.unsynced[fate] === 0).length;
      expect(absent, fate).toBeGreaterThan(60);
      expect(absent, fate).toBeLessThan(140);
    }
    const present = drawn.map(({ disk }) => Object.values(disk.unsynced).filter((weight) => weight > 0).length);
    expect(new Set(present)).toEqual(new Set([2, 3]));
  });

  test("each way to damage a log is absent from some runs, and none has no way", () => {
    for (const how of LOG_DAMAGES) {
      const absent = drawn.filter(({ faults }) => faults.damages[how] === 0).length;
      expect(absent, how).toBeGreaterThan(100);
      expect(absent, how).toBeLessThan(230);
    }
    expect(drawn.filter(({ faults }) => Object.values(faults.damages).every((weight) => weight === 0))).toEqual([]);
  });

  test("delays are spread in several ways, most often in the usual one; zones hold one node of three, or two", () => {
    const delays = valuesOf(({ peers }) => peers.delays);
    expect(new Set(delays.keys())).toEqual(new Set(DELAYS));
    expect(delays.get("exponential")).toBeGreaterThan(150);
    expect(new Set(valuesOf(({ zones }) => zones).keys())).toEqual(new Set([2, 3]));
  });

  test("links differ in some runs, and in most of those some are narrow", () => {
    const unequal = drawn.filter(({ peers }) => peers.unequal !== undefined);
    expect(unequal.length).toBeGreaterThan(100);
    expect(unequal.length).toBeLessThan(200);
    expect(unequal.filter(({ peers }) => peers.bytesPerMs > 0).length).toBeGreaterThan(unequal.length * 0.7);
    expect(new Set(unequal.map(({ peers }) => peers.unequal?.seed)).size).toBe(unequal.length);
  });

  test("there is an intruder in less than half of the runs, more or less busy, and each trick is absent from some", () => {
    const intruders = drawn.flatMap(({ workload }) => workload.intruder ?? []);
    expect(intruders.length).toBeGreaterThan(150);
    expect(intruders.length).toBeLessThan(250);
    expect(new Set(intruders.map(({ thinkUs }) => thinkUs)).size).toBe(4);
    for (const trick of TRICKS) {
      const absent = intruders.filter(({ mix }) => mix[trick] === 0).length;
      if (trick === "again") expect(absent).toBe(0);
      else expect(absent, trick).toBeGreaterThan(20);
      expect(absent, trick).toBeLessThan(100);
    }
  });

  test("somebody is on the links in some runs, seldom or often at work, and each way is absent from some of these", () => {
    const meddlers = drawn.flatMap(({ meddler }) => meddler ?? []);
    expect(meddlers.length).toBeGreaterThan(130);
    expect(meddlers.length).toBeLessThan(220);
    expect(new Set(meddlers.map(({ permille }) => permille)).size).toBe(3);
    for (const way of MEDDLINGS) {
      const absent = meddlers.filter(({ mix }) => mix[way] === 0).length;
      expect(absent, way).toBeGreaterThan(20);
      expect(absent, way).toBeLessThan(90);
    }
    expect(meddlers.every(({ mix }) => Object.values(mix).some((weight) => weight > 0))).toBe(true);
  });

  test("most operators have nodes begin again that have lost their disks", () => {
    const rejoins = drawn.flatMap(({ workload }) => workload.operator?.mix.rejoin ?? []);
    const never = rejoins.filter((weight) => weight === 0).length;
    expect(never).toBeGreaterThan(rejoins.length / 8);
    expect(never).toBeLessThan(rejoins.length / 2);
  });

  test("in few runs a crowd asks more than a node takes at once, and in some of these tellers hardly pause", () => {
    const crowded = many.filter(({ workload }) => workload.crowd !== undefined);
    expect(crowded.length).toBeGreaterThan(50);
    expect(crowded.length).toBeLessThan(120);
    for (const { workload } of crowded)
      expect(workload.crowd?.questions).toBeGreaterThan(CLIENT_REQUESTS_IN_FLIGHT_MAX);
    const hurried = many.filter(({ workload }) => workload.inFlightMax > 8);
    expect(hurried.length).toBeGreaterThan(15);
    expect(hurried.length).toBeLessThan(60);
    for (const { durationMs, workload } of hurried) {
      expect(workload.crowd).toBeDefined();
      expect(workload.inFlightMax * 2).toBeLessThan(SESSION_WINDOW);
      expect(durationMs).toBeLessThan(4_000);
    }
  });

  test("the card network contradicts itself in some runs and not in most", () => {
    const truthful = valuesOf(({ outside }) => outside.contradictPermille).get(0) ?? 0;
    expect(truthful).toBeGreaterThan(330);
    expect(truthful).toBeLessThan(420);
  });

  test("an election timeout always outlasts two heartbeats", () => {
    for (const { timing } of drawn) expect(timing.heartbeatTicks * 2).toBeLessThanOrEqual(timing.electionTimeoutTicks);
  });

  test("there is a clerk and an auditor in many runs and not in all; what the clerk asks for is absent from some", () => {
    const clerks = drawn.flatMap(({ workload }) => workload.clerk ?? []);
    expect(clerks.length).toBeGreaterThan(350);
    expect(clerks.length).toBeLessThan(450);
    expect(valuesOf(({ workload }) => workload.auditor).get(false)).toBeGreaterThan(60);
    for (const kind of ["imported", "asset", "supply", "reversal", "freeze", "delegate"] as const) {
      const absent = clerks.filter(({ mix }) => mix[kind] === 0).length;
      expect(absent, kind).toBeGreaterThan(50);
      expect(absent, kind).toBeLessThan(250);
    }
  });

  test("there is an operator in most runs, and only where there is one there are spares and changes under fire", () => {
    const operated = drawn.filter(({ workload }) => workload.operator !== undefined);
    expect(operated.length).toBeGreaterThan(250);
    expect(operated.length).toBeLessThan(400);
    expect(operated.filter(({ spares }) => spares > 0).length).toBeGreaterThan(200);
    const alone = drawn.filter(({ workload }) => workload.operator === undefined);
    expect(alone.filter(({ spares, faults }) => spares + faults.weights.changeUnderFire > 0)).toEqual([]);
  });

  test("in some runs nodes begin with an old program, whichever this one can take the place of", () => {
    const begun = drawn.flatMap(({ oldRelease }) => oldRelease ?? []);
    expect(begun.length).toBeGreaterThan(100);
    expect(begun.length).toBeLessThan(200);
    for (let release = FIRST_RELEASE; release < NEWEST_RELEASE; release++)
      expect(begun.filter((own) => own === release).length).toBeGreaterThan(100 / NEWEST_RELEASE);
    expect(Math.max(...begun)).toBeLessThan(NEWEST_RELEASE);
  });

  test("somebody takes backups in more than half of the runs", () => {
    const taken = drawn.filter(({ workload }) => workload.backups !== undefined).length;
    expect(taken).toBeGreaterThan(260);
    expect(taken).toBeLessThan(350);
  });

  test("no clock is further off than leaders with leases are told, and some leases are put to the test", () => {
    const leased = drawn.filter(({ timing }) => timing.leaseDriftPermille !== undefined);
    for (const { timing, clockRates } of leased) {
      const drift = Math.max(...clockRates.map((rate) => Math.abs(rate - 1_000)));
      expect(drift).toBeLessThanOrEqual(timing.leaseDriftPermille ?? 0);
    }
    for (const kind of ["handOver", "lateAnswers"] as const) {
      const tests = leased.filter(({ faults }) => faults.weights[kind] > 40);
      expect(tests.length, kind).toBeGreaterThan(12);
      expect(tests.every(({ workload }) => workload.readersByLease && workload.readers > 0)).toBe(true);
    }
    const others = drawn.filter(({ timing }) => timing.leaseDriftPermille === undefined);
    expect(others.filter(({ workload }) => workload.readersByLease)).toEqual([]);
    expect(leased.filter(({ faults }) => faults.weights.crash > 1).length).toBeGreaterThan(15);
  });

  test("somebody decides about payments in most of the runs that have some, and in no others", () => {
    const paid = drawn.filter(({ workload }) => workload.payments);
    const reviewed = drawn.filter(({ workload }) => workload.reviewer !== undefined);
    expect(reviewed.filter(({ workload }) => !workload.payments)).toEqual([]);
    expect(reviewed.length).toBeGreaterThan(0.7 * paid.length);
    expect(reviewed.length).toBeLessThan(0.9 * paid.length);
  });

  test("cards are taken only where there are payments", () => {
    expect(drawn.filter(({ workload }) => workload.cards && !workload.payments)).toEqual([]);
    expect(drawn.filter(({ workload }) => workload.cards).length).toBeGreaterThan(50);
  });
});
