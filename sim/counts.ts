/** Faults and other disturbances, by the names under which they are counted. */
const FAULTS = [
  "asymmetricPartition",
  "blockedFrame",
  "bridgePartition",
  "brokenConnection",
  "clientPartition",
  "clockJump",
  "crash",
  "crashAll",
  "crashWhen",
  "diskError",
  "drop",
  "duplicate",
  "fullDisk",
  "handOver",
  "keptWrite",
  "late",
  "lostFile",
  "lostWrite",
  "outsideTimeout",
  "outsideUnavailable",
  "partition",
  "pause",
  "reorder",
  "restart",
  "revivedFile",
  "slowDisk",
  "slowTimers",
  "strangerFrame",
  "tornWrite",
] as const;

export type Fault = (typeof FAULTS)[number];

/** How often each fault really happened; one that did not may be missing. */
export type FaultCounts = Readonly<Partial<Record<Fault, number>>>;

/** The same with all faults, those that did not happen with 0. */
export function allFaults(counts: FaultCounts): Readonly<Record<Fault, number>> {
  return Object.fromEntries(FAULTS.map((fault) => [fault, counts[fault] ?? 0])) as Record<Fault, number>;
}

export class Counters {
  readonly #counts = new Map<Fault, number>();

  add(fault: Fault, count = 1): void {
    if (count > 0) this.#counts.set(fault, (this.#counts.get(fault) ?? 0) + count);
  }

  read(): FaultCounts {
    return Object.fromEntries([...this.#counts].sort(([a], [b]) => (a < b ? -1 : 1)));
  }
}
