/** Checkpoints that are made up: no node installs one that asks the others, and one that does not ask is found out. */
import { expect, test } from "vitest";
import type { Plant } from "../cluster.ts";
import { scenarioOf, scenarioPlan } from "../scenario.ts";
import { World } from "../world.ts";
import { lyingToPeers } from "./lying-giver.ts";
import { MUTANTS } from "./mutants.ts";

const SEEDS = 8;

/** A node is away until its peers have given up the log that it lacks; it comes back, and stays up. */
const AWAY = scenarioOf({
  name: "away",
  about: "node 3 needs a checkpoint",
  options: { durationMs: 6_000, checkpointBlocks: 5, retainBlocks: 0, segmentBytes: 8_192 },
  timeline: [{ atMs: 1_000, kind: "crash", target: 3, restartAfterMs: 2_500 }],
});

const lying: Plant = (host) => ({ host: { ...host, network: lyingToPeers(host) } });

/** What a run says of checkpoints, and the rule that it broke. */
function run(seed: number, plant: Plant) {
  const said: string[] = [];
  const { options, faults } = scenarioPlan(AWAY, seed);
  const trace = (line: string): number => said.push(line);
  const world = new World(seed, { plant, adjust: () => options, faults, trace });
  world.run();
  const count = (event: string): number => said.filter((line) => line.includes(` ${event} `)).length;
  return { count, broken: world.verdict.failure?.checker };
}

test("givers that lie every other time are contradicted, and no rule is broken", () => {
  const runs = Array.from({ length: SEEDS }, (_, index) => run(index + 1, lying));
  expect(runs.map(({ broken }) => broken).filter((broken) => broken !== undefined)).toEqual([]);
  const sum = (event: string): number => runs.reduce((all, { count }) => all + count(event), 0);
  expect(sum("catch_up.contradicted")).toBeGreaterThan(0);
  expect(sum("catch_up.vouched")).toBeGreaterThanOrEqual(SEEDS);
  expect(sum("catch_up.believed")).toBe(0);
});

test("whoever asks nobody has another state in some of the same runs", () => {
  const runs = Array.from({ length: SEEDS }, (_, index) => run(index + 1, MUTANTS.checkpointUnvouched));
  expect(runs.filter(({ broken }) => broken !== undefined).length).toBeGreaterThan(0);
});
