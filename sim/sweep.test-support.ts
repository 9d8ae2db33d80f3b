/**
 * Running a range of seeds in a test: none may fail, every kind of fault must have happened, and every point must
 * have been reached.
 */
import { expect, test } from "vitest";
import { PERTURBATIONS } from "../node/base/ports/perturb.ts";
import { POINTS } from "./reached.ts";
import { runSeed } from "./run.ts";

/** What a hundred seeds must have met, by the names of the counters. */
const FAULTS = [
  ...["asymmetricPartition", "blockedFrame", "bridgePartition", "brokenConnection", "damagedLog"],
  ...["clientPartition", "clockJump", "clog", "crash", "crashAll", "crashWhen", "diskError", "drop", "duplicate"],
  ...[
    "flap",
    "fullDisk",
    "fullStore",
    "hungDisk",
    "hungStore",
    "keptWrite",
    "late",
    "lateAnswers",
    "lostDisk",
    "lostWrite",
    "manySides",
    "outsideTimeout",
    "partialPartition",
    "partition",
    "pause",
    "readError",
    "reorder",
    "slowClients",
    "storeReadError",
    "zoneCut",
    "zoneDown",
  ],
  ...PERTURBATIONS,
  ...["restart", "restartByItself", "rottenLog", "rottenPage", "slowDisk", "slowTimers", "tornWrite", "upgrade"],
];

/** Makes one test a seed, and one over all of them. */
export function sweep(first: number, last: number): void {
  const met = new Set<string>();
  let transactions = 0;
  const seeds = Array.from({ length: last - first + 1 }, (_, index) => first + index);
  test.each(seeds)("seed %d breaks no rule", (seed) => {
    const result = runSeed(seed);
    for (const [name, count] of Object.entries({ ...result.faults, ...result.reached })) if (count > 0) met.add(name);
    transactions += result.transactions;
    expect(result.failed).toBeUndefined();
  });
  test(`seeds ${first} to ${last} have met every kind of fault, come to every point, and done work`, () => {
    expect([...FAULTS, ...POINTS].filter((name) => !met.has(name))).toEqual([]);
    expect(transactions).toBeGreaterThan(seeds.length * 10);
  });
}
