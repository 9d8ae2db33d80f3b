/**
 * Everything a run is made of, drawn from its seed (swarm testing: each seed has its own cluster, its own speeds and its
 * own choice of faults, some of them absent). Two runs with equal options and one seed are the same run.
 */
import type { Random } from "../node/base/ports/random.ts";
import type { NodeTiming } from "../node/compose.ts";
import { between, chance, pick } from "./draw.ts";
import type { DiskOptions } from "./virtual-disk.ts";
import type { NetworkOptions } from "./virtual-network.ts";

/** How often each kind of fault step is drawn, relative to the others; 0 for never. */
export interface FaultWeights {
  readonly partition: number;
  readonly asymmetricPartition: number;
  readonly isolateLeader: number;
  readonly isolateClients: number;
  readonly crash: number;
  readonly crashLeader: number;
  readonly crashAll: number;
  readonly crashWhen: number;
  readonly crashVoters: number;
  readonly pauseLeader: number;
  readonly slowDisk: number;
  readonly diskError: number;
  readonly clockJump: number;
}

export interface WorkloadOptions {
  readonly clients: number;
  /** Operations one client has unanswered at most. */
  readonly inFlightMax: number;
  /** Mean pause between a client's operations, microseconds. */
  readonly thinkUs: number;
  /** How long a client waits for an answer before it asks another node. */
  readonly requestTimeoutUs: number;
  /** Accounts that all clients move money between. */
  readonly hotAccounts: number;
  readonly payments: boolean;
  readonly cards: boolean;
  /** Relative frequencies of operations. */
  readonly mix: {
    readonly transfer: number;
    readonly hold: number;
    readonly chain: number;
    readonly readAccount: number;
    readonly readTransfer: number;
    readonly retry: number;
    readonly payment: number;
  };
}

export interface SimOptions {
  readonly nodes: number;
  /** Virtual time with faults; then comes the quiet end. */
  readonly durationMs: number;
  readonly timing: NodeTiming;
  readonly appendBytesMax: number;
  readonly appendsInFlightMax: number;
  readonly checkpointBlocks: number;
  readonly segmentBytes: number;
  readonly cacheBytes: number;
  readonly peers: NetworkOptions;
  readonly disk: DiskOptions;
  /** Mean time between fault steps. */
  readonly faultEveryMs: number;
  /** Mean time until a fault is taken back. */
  readonly faultLastsMs: number;
  /** Mean time from a crash to the restart. */
  readonly restartAfterMs: number;
  readonly faults: FaultWeights;
  readonly workload: WorkloadOptions;
}

/** Draws the options of a run. */
export function drawOptions(random: Random): SimOptions {
  const tickMs = pick(random, [5, 10, 10, 20]);
  const meanDelayUs = pick(random, [200, 1_000, 3_000, 10_000]);
  return {
    nodes: pick(random, [3, 3, 3, 5]),
    durationMs: between(random, 10_000, 20_000),
    timing: { tickMs, ...drawElections(random) },
    appendBytesMax: pick(random, [1, 1_000, 2_097_152]),
    appendsInFlightMax: pick(random, [1, 2, 32]),
    checkpointBlocks: pick(random, [5, 20, 100, 1_000]),
    segmentBytes: pick(random, [8_192, 65_536, 1_048_576]),
    cacheBytes: pick(random, [0, 65_536, 1_048_576, 1_048_576]),
    peers: {
      minDelayUs: between(random, 50, 500),
      meanDelayUs,
      lossPermille: chance(random, 300) ? 0 : between(random, 1, 100),
      duplicatePermille: chance(random, 300) ? 0 : between(random, 1, 100),
      latePermille: chance(random, 300) ? 0 : between(random, 1, 100),
      lateMeanUs: pick(random, [20_000, 50_000, 200_000]),
    },
    disk: {
      writeUs: between(random, 10, 200),
      syncUs: pick(random, [100, 1_000, 5_000, 15_000]),
      storeUs: pick(random, [100, 1_000, 5_000]),
    },
    faultEveryMs: between(random, 300, 2_000),
    faultLastsMs: between(random, 200, 2_000),
    restartAfterMs: pick(random, [1, 10, 100, 1_000]),
    faults: drawFaults(random),
    workload: drawWorkload(random),
  };
}

/** Sometimes timeouts so short that candidates collide. */
function drawElections(random: Random): Omit<NodeTiming, "tickMs"> {
  if (chance(random, 300)) return { electionTimeoutTicks: between(random, 3, 5), heartbeatTicks: 1 };
  return { electionTimeoutTicks: between(random, 8, 15), heartbeatTicks: between(random, 1, 3) };
}

/** A third of the kinds of faults is absent from a run, the others have weights of their own. */
function drawFaults(random: Random): FaultWeights {
  const weight = (): number => (chance(random, 330) ? 0 : between(random, 1, 10));
  return {
    partition: weight(),
    asymmetricPartition: weight(),
    isolateLeader: weight(),
    isolateClients: weight(),
    crash: weight(),
    crashLeader: weight(),
    crashAll: Math.min(3, weight()),
    crashWhen: weight(),
    crashVoters: weight(),
    pauseLeader: weight(),
    slowDisk: weight(),
    diskError: Math.min(2, weight()),
    clockJump: Math.min(2, weight()),
  };
}

function drawWorkload(random: Random): WorkloadOptions {
  const weight = (): number => (chance(random, 200) ? 0 : between(random, 1, 10));
  const payments = chance(random, 500);
  return {
    clients: between(random, 2, 5),
    inFlightMax: pick(random, [1, 3, 8]),
    thinkUs: pick(random, [30_000, 80_000, 200_000]),
    requestTimeoutUs: pick(random, [200_000, 500_000, 1_000_000]),
    hotAccounts: between(random, 2, 5),
    payments,
    cards: payments && chance(random, 0),
    mix: {
      transfer: between(random, 5, 20),
      hold: weight(),
      chain: weight(),
      readAccount: between(random, 5, 20),
      readTransfer: weight(),
      retry: weight(),
      payment: payments ? between(random, 3, 20) : 0,
    },
  };
}
