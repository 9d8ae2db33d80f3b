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
    "outsideTimeout",
    "partition",
    "pause",
    "readError",
    "reorder",
    "slowClients",
    "zoneCut",
    "zoneDown",
  ],
  ...PERTURBATIONS,
  ...["restart", "restartByItself", "rottenLog", "rottenPage", "slowDisk", "slowTimers", "tornWrite", "upgrade"],
];

/** Makes one test a seed, and one over all of them: a range too short to come to everything has `breakNoRule` alone. */
export function sweep(first: number, last: number): void {
  const seen = breakNoRule(first, last);
  test(`seeds ${first} to ${last} have met every kind of fault, come to every point, and done work`, () => {
    expect([...FAULTS, ...POINTS].filter((name) => !seen.met.has(name))).toEqual([]);
    expect(seen.transactions).toBeGreaterThan((last - first + 1) * 10);
  });
}

/** Makes one test a seed. What they have met stands in what is returned when they have run. */
export function breakNoRule(
  first: number,
  last: number,
): { readonly met: ReadonlySet<string>; readonly transactions: number } {
  const seen = { met: new Set<string>(), transactions: 0 };
  test.each(Array.from({ length: last - first + 1 }, (_, index) => first + index))("seed %d breaks no rule", (seed) => {
    const { faults, reached, transactions, failed } = runSeed(seed);
    for (const [name, count] of Object.entries({ ...faults, ...reached })) if (count > 0) seen.met.add(name);
    seen.transactions += transactions;
    expect(failed).toBeUndefined();
  });
  return seen;
}
