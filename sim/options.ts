/**
 * Everything a run is made of, drawn from its seed (swarm testing: each seed has its own cluster, its own speeds and its
 * own choice of faults, some of them absent). Two runs with equal options and one seed are the same run.
 */
import type { Random } from "../node/base/ports/random.ts";
import type { NodeTiming } from "../node/compose.ts";
import { between, chance, pick } from "./draw.ts";
import type { DiskOptions } from "./virtual-disk.ts";
import type { NetworkOptions } from "./virtual-network.ts";
import type { OutsideOptions } from "./virtual-outside.ts";

const US_PER_MS = 1_000;
const FAULT_EVERY_MIN_MS = 30;
const FAULT_EVERY_MAX_MS = 1_000;
const FAULT_LASTS_MAX_MS = 2_000;

/** Kinds of fault steps, and how much each weighs at most when one is drawn. */
const FAULT_KINDS = {
  partition: 10,
  asymmetricPartition: 10,
  bridge: 10,
  isolateLeader: 10,
  isolateClients: 5,
  crash: 10,
  crashLeader: 10,
  crashAll: 3,
  crashWhen: 10,
  electionUnderFire: 20,
  pause: 10,
  slowDisk: 10,
  fullDisk: 5,
  slowTimers: 5,
  /** Starved and cut off from its peers: it is deposed and notices late. */
  sickLeader: 20,
  diskError: 3,
  clockJump: 3,
  handOver: 10,
} as const;
export type FaultKind = keyof typeof FAULT_KINDS;

export interface FaultOptions {
  /** Mean time between fault steps. */
  readonly everyMs: number;
  /** Mean time until a fault is taken back. */
  readonly lastsMs: number;
  /** Mean time from a crash to the restart. */
  readonly restartAfterMs: number;
  /** How often each kind of step is drawn, relative to the others; 0 for never. */
  readonly weights: Readonly<Record<FaultKind, number>>;
}

/** Relative frequencies of a teller's operations. */
export interface OperationMix {
  readonly transfer: number;
  readonly hold: number;
  readonly chain: number;
  readonly readAccount: number;
  /** Reads with a bound on how old the answer may be. */
  readonly readStale: number;
  readonly readTransfer: number;
  readonly retry: number;
  readonly payment: number;
}

/** What the clerk asks for: the relative frequencies of its requests, and of what is in its batches of transfers. */
export interface ClerkOptions {
  readonly mix: {
    readonly batch: number;
    readonly imported: number;
    readonly asset: number;
    readonly supply: number;
    readonly reversal: number;
    readonly freeze: number;
    readonly delegate: number;
    readonly tooFewSignatures: number;
    readonly retry: number;
  };
  readonly transfers: TransferMix;
  /** How many transfers of a batch are linked to the next one. */
  readonly linkedPermille: number;
}

export interface TransferMix {
  readonly simple: number;
  readonly pending: number;
  readonly post: number;
  readonly void: number;
  readonly balancing: number;
  readonly closing: number;
  /** One that was asked for before. */
  readonly again: number;
}

export interface WorkloadOptions {
  /** Clients that do what `mix` says. */
  readonly tellers: number;
  /** Clients that only read. */
  readonly readers: number;
  /** Operations one client has unanswered at most. */
  readonly inFlightMax: number;
  /** Mean pause between a client's operations, microseconds. */
  readonly thinkUs: number;
  /** How long a client waits for an answer before it asks another node. */
  readonly requestTimeoutUs: number;
  /** Accounts of each currency that all clients move money between. */
  readonly hotAccounts: number;
  readonly payments: boolean;
  /** One more client, a shop that takes cards. */
  readonly cards: boolean;
  readonly mix: OperationMix;
  /** One more client, for everything that is not plain; in some runs there is none. */
  readonly clerk: ClerkOptions | undefined;
  /** One more client, which only reads: the stream of changes, and pages. */
  readonly auditor: boolean;
}

export interface SimOptions {
  readonly nodes: number;
  /** Virtual time with faults; then comes the quiet end. */
  readonly durationMs: number;
  readonly timing: NodeTiming;
  /** How fast each node's monotonic clock runs, in thousandths of true time. */
  readonly clockRates: readonly number[];
  readonly appendBytesMax: number;
  readonly appendsInFlightMax: number;
  readonly checkpointBlocks: number;
  readonly segmentBytes: number;
  readonly cacheBytes: number;
  /** Whether nodes encrypt their logs. */
  readonly encrypted: boolean;
  readonly peers: NetworkOptions;
  readonly disk: DiskOptions;
  readonly outside: OutsideOptions;
  readonly faults: FaultOptions;
  readonly workload: WorkloadOptions;
}

/** Draws the options of a run. */
export function drawOptions(random: Random): SimOptions {
  const nodes = pick(random, [3, 3, 3, 5]);
  const leases = chance(random, 300);
  const timing = leases ? leasedTiming(random) : drawTiming(random);
  const clockRates = drawClocks(random, nodes);
  const electionUs = timing.tickMs * timing.electionTimeoutTicks * US_PER_MS;
  const faults = drawFaults(random, electionUs / US_PER_MS, leases);
  return {
    nodes,
    durationMs: between(random, 4_000, 10_000),
    timing: leases ? { ...timing, leaseDriftPermille: worstDrift(clockRates) } : timing,
    clockRates,
    appendBytesMax: pick(random, [1, 1, 1_000, 2_097_152]),
    appendsInFlightMax: pick(random, [1, 2, 32]),
    checkpointBlocks: pick(random, [5, 20, 100, 1_000]),
    segmentBytes: pick(random, [8_192, 65_536, 262_144]),
    cacheBytes: pick(random, [0, 65_536, 1_048_576, 1_048_576]),
    peers: drawNetwork(random, electionUs),
    disk: {
      writeUs: between(random, 10, 200),
      syncUs: pick(random, [100, 1_000, 5_000, 15_000]),
      storeUs: pick(random, [100, 1_000, 5_000]),
    },
    outside: {
      delayUs: pick(random, [1_000, 20_000, 100_000]),
      declinePermille: sometimes(random, 200),
      timeoutPermille: sometimes(random, 200),
      latePermille: sometimes(random, 200),
      unavailablePermille: sometimes(random, 200),
    },
    faults,
    workload: drawWorkload(random),
    encrypted: chance(random, 250),
  };
}

/** Sometimes timeouts so short that candidates collide. */
function drawTiming(random: Random): NodeTiming {
  const tickMs = pick(random, [10, 10, 20, 40]);
  if (chance(random, 400)) return { tickMs, electionTimeoutTicks: between(random, 3, 5), heartbeatTicks: 1 };
  return { tickMs, electionTimeoutTicks: between(random, 8, 15), heartbeatTicks: between(random, 1, 3) };
}

/** Elections so long that clients hear of a new leader while a lease that is too long would still hold. */
function leasedTiming(random: Random): NodeTiming {
  return { tickMs: 40, electionTimeoutTicks: between(random, 8, 15), heartbeatTicks: between(random, 1, 3) };
}

/** In half of the runs all clocks are true; in some of the others each is as slow or as fast as any. */
function drawClocks(random: Random, nodes: number): readonly number[] {
  const drift = chance(random, 500);
  const extreme = chance(random, 300);
  return Array.from({ length: nodes }, () => {
    if (!drift) return 1_000;
    return extreme ? pick(random, [600, 1_600]) : between(random, 600, 1_600);
  });
}

/** The bound that all clocks of a run keep. */
function worstDrift(clockRates: readonly number[]): number {
  return Math.max(1, ...clockRates.map((rate) => Math.abs(rate - 1_000)));
}

/** What counts for elections is how long a frame takes beside the election timeout. */
function drawNetwork(random: Random, electionUs: number): NetworkOptions {
  const permilleMax = pick(random, [30, 100, 300]);
  return {
    minDelayUs: between(random, 50, 500),
    meanDelayUs: Math.round(electionUs / pick(random, [200, 50, 15, 6])),
    lossPermille: sometimes(random, permilleMax),
    duplicatePermille: sometimes(random, permilleMax),
    latePermille: sometimes(random, permilleMax),
    lateMeanUs: Math.round(electionUs / pick(random, [4, 1, 0.5])),
  };
}

/** In a third of the runs 0, in the others from 1 to `max`. */
function sometimes(random: Random, max: number): number {
  return chance(random, 333) ? 0 : between(random, 1, max);
}

/**
 * Many kinds of faults or few; one upon the other, or with time between them to recover, which is a matter of election
 * timeouts too. Where leaders have leases no clock is slowed beyond what they are told; leaders are cut off, and hand over
 * to such with slow clocks, whose own elections come too late.
 */
function drawFaults(random: Random, electionMs: number, leases: boolean): FaultOptions {
  const present = pick(random, [150, 300, 600]);
  const drawn = Object.entries(FAULT_KINDS).map(([kind, max]) => [
    kind,
    chance(random, present) ? between(random, 1, max) : 0,
  ]);
  const often = between(random, 1, 10);
  const leased = { slowTimers: 0, sickLeader: 0, isolateLeader: often, handOver: often };
  const weights = { ...Object.fromEntries(drawn), ...(leases ? leased : {}) };
  return {
    everyMs: clamp(Math.round(electionMs * pick(random, [1, 3, 10])), FAULT_EVERY_MIN_MS, FAULT_EVERY_MAX_MS),
    lastsMs: Math.min(Math.round(electionMs * pick(random, leases ? [3, 10] : [1, 3, 10])), FAULT_LASTS_MAX_MS),
    restartAfterMs: pick(random, [1, 10, 100, 1_000]),
    weights: weights as Record<FaultKind, number>,
  };
}

function clamp(value: number, min: number, max: number): number {
  return Math.min(Math.max(value, min), max);
}

function drawWorkload(random: Random): WorkloadOptions {
  const weight = (): number => (chance(random, 200) ? 0 : between(random, 1, 10));
  const payments = chance(random, 500);
  return {
    tellers: between(random, 2, 4),
    readers: between(random, 0, 2),
    inFlightMax: pick(random, [1, 3, 8]),
    thinkUs: pick(random, [5_000, 20_000, 50_000, 100_000]),
    requestTimeoutUs: pick(random, [200_000, 500_000, 1_000_000]),
    hotAccounts: between(random, 2, 4),
    payments,
    cards: payments && chance(random, 500),
    mix: {
      transfer: between(random, 5, 20),
      hold: weight(),
      chain: weight(),
      readAccount: between(random, 5, 20),
      readStale: between(random, 2, 10),
      readTransfer: weight(),
      retry: weight(),
      payment: payments ? between(random, 3, 20) : 0,
    },
    clerk: chance(random, 800) ? drawClerk(random) : undefined,
    auditor: chance(random, 700),
  };
}

/** Each kind is absent in some runs, but for the two that all others need. */
function drawClerk(random: Random): ClerkOptions {
  const weight = (): number => (chance(random, 250) ? 0 : between(random, 2, 10));
  return {
    mix: {
      batch: between(random, 1, 10),
      imported: weight(),
      asset: chance(random, 250) ? 0 : between(random, 4, 10),
      supply: chance(random, 250) ? 0 : between(random, 6, 12),
      reversal: weight(),
      freeze: chance(random, 500) ? 0 : between(random, 1, 4),
      delegate: weight(),
      tooFewSignatures: chance(random, 500) ? 0 : between(random, 1, 3),
      retry: weight(),
    },
    transfers: {
      simple: between(random, 1, 10),
      pending: weight(),
      post: weight(),
      void: weight(),
      balancing: weight(),
      closing: chance(random, 300) ? 0 : between(random, 1, 2),
      again: weight(),
    },
    linkedPermille: pick(random, [0, 200, 500]),
  };
}
