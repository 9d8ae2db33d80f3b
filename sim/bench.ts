/**
 * The runs by which the simulator's own speed is told: how much virtual time passes in a second of real time, and how many
 * transfers are committed in one. Nothing but what happens takes time: the scheduler goes from one event to the next.
 */

import { Prng } from "../node/base/prng.ts";
import { CALM } from "./calm-options.ts";
import type { TimedFault } from "./fault/plan.ts";
import { drawPlan } from "./fault/plan.ts";
import type { SimOptions } from "./options.ts";
import type { RunPlan } from "./run.ts";

const US_PER_SECOND = 1_000_000;

/** Three nodes with the timing that nodes have when nobody says otherwise, faults, and one client. */
const PACE: SimOptions = {
  ...CALM,
  durationMs: 120_000,
  timing: { tickMs: 20, electionTimeoutTicks: 15, heartbeatTicks: 3 },
  checkpointBlocks: 1_000,
  faults: {
    ...{ everyMs: 5_000, lastsMs: 1_000, restartAfterMs: 1_000 },
    weights: {
      ...CALM.faults.weights,
      partition: 2,
      isolateLeader: 2,
      crash: 2,
      crashLeader: 2,
      pause: 1,
      slowDisk: 1,
    },
    damages: CALM.faults.damages,
  },
  workload: { ...CALM.workload, tellers: 1, readers: 0, auditor: false },
};
/** How often the client asks, a second: what a transaction costs is much of what a second does. */
export const PACES = [1, 5] as const;

/** Batches as large as they may be, one after the other, of one client. */
const BULK: SimOptions = {
  ...CALM,
  durationMs: 5_000,
  segmentBytes: 16_777_216,
  workload: {
    ...CALM.workload,
    ...{ tellers: 1, readers: 0, inFlightMax: 1, thinkUs: 100_000, requestTimeoutUs: 5_000_000, auditor: false },
    mix: { transfer: 1, hold: 0, chain: 0, readAccount: 0, readStale: 0, readTransfer: 0, retry: 0, payment: 0 },
    clerk: {
      mix: {
        ...{ batch: 1, imported: 0, asset: 0, supply: 0, reversal: 0, freeze: 0, delegate: 0 },
        ...{ tooFewSignatures: 0, retry: 0 },
      },
      transfers: { simple: 1, pending: 0, post: 0, void: 0, balancing: 0, closing: 0, again: 0 },
      linkedPermille: 0,
      batchMax: 8_190,
    },
  },
};

function planOf(seed: number, options: SimOptions): RunPlan {
  const faults: readonly TimedFault[] = drawPlan(new Prng(seed), options);
  return { seed, options, faults, leftOut: [] };
}

/** The run of a seed by which the pace of virtual time is told. */
export function pacePlan(seed: number, requestsPerSecond: (typeof PACES)[number]): RunPlan {
  const workload = { ...PACE.workload, thinkUs: US_PER_SECOND / requestsPerSecond };
  return planOf(seed, { ...PACE, workload });
}

/** The run of a seed by which the transfers in a second are told. */
export function bulkPlan(seed: number): RunPlan {
  return planOf(seed, BULK);
}
