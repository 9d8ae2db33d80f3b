/** Faults and other disturbances, by the names under which they are counted. */
import { PERTURBATIONS } from "../node/base/ports/perturb.ts";

const OWN_FAULTS = [
  "acquirerDown",
  "asymmetricPartition",
  "blockedFrame",
  "bridgePartition",
  "brokenConnection",
  "clientPartition",
  "clog",
  "clockJump",
  "crash",
  "crashAll",
  "crashWhen",
  "damagedLog",
  "diskError",
  "drop",
  "duplicate",
  "flap",
  "fullDisk",
  "fullStore",
  "handOver",
  "hungDisk",
  "hungStore",
  "keptWrite",
  "late",
  "lateAnswers",
  "logBitFlipped",
  "logFileMissing",
  "logMissing",
  "logUnreadable",
  "logWriteLost",
  "logWriteMisdirected",
  "lostDisk",
  "lostFile",
  "lostWrite",
  "manySides",
  "outsideContradiction",
  "outsideTimeout",
  "outsideUnavailable",
  "partialPartition",
  "partition",
  "pause",
  "peerLost",
  "readError",
  "reorder",
  "restart",
  "restartByItself",
  "revivedFile",
  "rottenLog",
  "rottenPage",
  "slowClients",
  "slowDisk",
  "slowTimers",
  "storeReadError",
  "strangerFrame",
  "tornWrite",
  "tooSlowClient",
  "upgrade",
  "zoneCut",
  "zoneDown",
] as const;

/** Those, and the places at which nodes were made to take the rarer of two ways. */
export const FAULTS: readonly [...typeof OWN_FAULTS, ...typeof PERTURBATIONS] = [...OWN_FAULTS, ...PERTURBATIONS];

export type Fault = (typeof FAULTS)[number];

/** How often each thing really happened; one that did not may be missing. */
export type Counts<Name extends string> = Readonly<Partial<Record<Name, number>>>;
export type FaultCounts = Counts<Fault>;

/** The same with all faults, those that did not happen with 0. */
export function allFaults(counts: FaultCounts): Readonly<Record<Fault, number>> {
  return allOf(FAULTS, counts);
}

/** The counts of all these names, 0 where there is none. */
export function allOf<Name extends string>(
  names: readonly Name[],
  counts: Counts<Name>,
): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name) => [name, counts[name] ?? 0])) as Record<Name, number>;
}

export class Counters<Name extends string = Fault> {
  readonly #counts = new Map<Name, number>();

  add(name: Name, count = 1): void {
    if (count > 0) this.#counts.set(name, (this.#counts.get(name) ?? 0) + count);
  }

  read(): Counts<Name> {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1))) as Counts<Name>;
  }
}
