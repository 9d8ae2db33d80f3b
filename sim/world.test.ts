/** Rules that a whole run judges, each shown a run that breaks it. */
import { expect, test } from "vitest";
import { CALM } from "./calm-options.ts";
import type { Plant } from "./cluster.ts";
import type { TimedFault } from "./fault/plan.ts";
import { MUTANTS } from "./mutants/mutants.ts";
import { runPlan, runSeed } from "./run.ts";
import type { TraceRecord } from "./trace-recorder.ts";
import { World } from "./world.ts";

/** What a calm run comes to with such nodes and these faults. */
function verdictOf(plant: Plant, ...faults: readonly TimedFault[]): string | undefined {
  const world = new World(1, { plant, faults, adjust: () => CALM });
  world.run();
  return world.verdict.failure?.checker;
}

const sound: Plant = () => ({});

test("nodes that say nothing to each other never come to rest", () => {
  const mute: Plant = (host) => {
    const { network } = host;
    const silent = {
      start: network.start.bind(network),
      setPeers: network.setPeers.bind(network),
      sendClient: network.sendClient.bind(network),
      closeClient: network.closeClient.bind(network),
      sendPeer: () => true,
    };
    return { host: { ...host, network: silent } };
  };
  expect(verdictOf(mute)).toBe("liveness");
});

test("nodes that keep themselves busy with nothing are not waited for", () => {
  const busy: Plant = ({ clock }) => {
    const again = (): void => void clock.setTimer(1, again);
    for (let timers = 0; timers < 50; timers++) again();
    return {};
  };
  const world = new World(1, { plant: busy, faults: [], adjust: () => CALM });
  world.run();
  expect(world.verdict.failure).toMatchObject({ checker: "liveness", message: expect.stringContaining("no end") });
  expect(world.nowMs).toBeLessThan(3_000);
});

test("a node that goes on though a sync has failed is found out when all is at rest", () => {
  const fails: TimedFault = {
    atMs: 1_000,
    step: { kind: "diskError", target: 1, operation: "sync", restartAfterMs: 100 },
  };
  expect(verdictOf(sound, fails)).toBeUndefined();
  expect(verdictOf(MUTANTS.syncErrorIgnored, fails)).toBe("diskErrors");
});

test("a node that stops itself without a fault is told", () => {
  const broken: Plant = (host, node) => ({
    createStateMachine: () => {
      throw new Error(`node ${node} cannot make a state on ${host.disk.freeBytes()} bytes`);
    },
  });
  expect(verdictOf(broken)).toBe("nodeStopped");
});

test("an error of the simulator's own fails the run under its own name, with its place", () => {
  const record = ({ what }: TraceRecord): void => {
    if (what === "quiet") throw new Error("lost the pencil");
  };
  const { failed, seed } = runSeed(1, { adjust: () => CALM, record });
  expect({ seed, checker: failed?.checker }).toEqual({ seed: 1, checker: "simulator" });
  expect(failed?.message).toMatch(/lost the pencil\n.*world\.test/);
});

test("a run that nobody wants to see more of ends in the middle, with no rule broken; one that fails before is the same", () => {
  const plan = { seed: 1, options: { ...CALM, durationMs: 500 }, faults: [], leftOut: [] };
  const whole = runPlan(plan);
  const cut = runPlan(plan, { eventsMax: 100 });
  expect(whole.events).toBeGreaterThan(100);
  expect(cut.events).toBe(100);
  expect(cut.failed).toBeUndefined();
  const broken = runSeed(1, { mutant: "preVoteSkipped" });
  expect(broken.failed).toBeDefined();
  expect(runPlan(broken.plan, { eventsMax: broken.events })).toEqual(broken);
});
