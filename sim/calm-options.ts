/** A cluster in which nothing is wrong: three nodes on a local network, true clocks, plain work. */
import type { SimOptions } from "./options.ts";

const NO_FAULTS: SimOptions["faults"]["weights"] = {
  ...{ partition: 0, asymmetricPartition: 0, bridge: 0, clog: 0, isolateLeader: 0, isolateClients: 0 },
  ...{ crash: 0, crashLeader: 0, crashAll: 0, crashWhen: 0, electionUnderFire: 0, pause: 0 },
  ...{
    slowDisk: 0,
    fullDisk: 0,
    hangDisk: 0,
    damageLog: 0,
    rotLog: 0,
    rotPage: 0,
    slowTimers: 0,
    sickLeader: 0,
    diskError: 0,
    clockJump: 0,
    handOver: 0,
    flap: 0,
    zoneLoss: 0,
    slowClients: 0,
    readError: 0,
    fullStore: 0,
    hangStore: 0,
    changeUnderFire: 0,
    lateAnswers: 0,
    storeReadError: 0,
  },
};

const ALL_DAMAGES: SimOptions["faults"]["damages"] = {
  ...{ bitFlip: 1, lostWrite: 1, misdirectedWrite: 1, unreadable: 1, missingFile: 1, missingLog: 1 },
};

/** The clocks of so many nodes. */
export function trueClocks(
  count: number,
): Pick<SimOptions, "clockRates" | "wallOffsetsMs" | "wallDrifts" | "wallStepMs"> {
  const each = Array.from({ length: count });
  return {
    clockRates: each.map(() => 1_000),
    wallOffsetsMs: each.map(() => 0),
    wallDrifts: each.map(() => false),
    wallStepMs: 1,
  };
}

/** What a scenario begins with. */
export const CALM: SimOptions = {
  nodes: 3,
  spares: 0,
  zones: 3,
  durationMs: 6_000,
  giveUpLastCopy: false,
  faultsWait: false,
  timing: { tickMs: 10, electionTimeoutTicks: 15, heartbeatTicks: 3 },
  ...trueClocks(3),
  appendBytesMax: 1_048_576,
  appendsInFlightMax: 32,
  catchUpBytesPerTick: 1_048_576,
  checkpointBlocks: 100,
  retainBlocks: undefined,
  segmentBytes: 65_536,
  cacheBytes: 1_048_576,
  encrypted: false,
  oldRelease: undefined,
  perturbPermille: {
    ...{ blockOfOne: 0, blocksOneByOne: 0, earlyCheckpoint: 0, earlyScrub: 0, shortChunk: 0 },
    reportedTwice: 0,
  },
  peers: {
    minDelayUs: 200,
    meanDelayUs: 300,
    delays: "exponential",
    lossPermille: 0,
    duplicatePermille: 0,
    latePermille: 0,
    lateMeanUs: 0,
    bytesPerMs: 0,
    unequal: undefined,
  },
  disk: { writeUs: 50, syncUs: 1_000, storeUs: 1_000, unsynced: { lost: 1, kept: 1, torn: 1 } },
  outside: {
    delayUs: 20_000,
    declinePermille: 0,
    timeoutPermille: 0,
    latePermille: 0,
    unavailablePermille: 0,
    contradictPermille: 0,
  },
  meddler: undefined,
  faults: { everyMs: 1_000, lastsMs: 1_000, restartAfterMs: 1_000, weights: NO_FAULTS, damages: ALL_DAMAGES },
  workload: {
    tellers: 3,
    readers: 1,
    readersByLease: false,
    inFlightMax: 3,
    thinkUs: 20_000,
    requestTimeoutUs: 500_000,
    hotAccounts: 3,
    payments: false,
    cards: false,
    mix: {
      ...{ transfer: 10, hold: 3, chain: 2, readAccount: 10, readStale: 4, readTransfer: 3, retry: 2, payment: 0 },
    },
    clerk: undefined,
    auditor: true,
    intruder: undefined,
    operator: undefined,
    backups: undefined,
    crowd: undefined,
    reviewer: undefined,
  },
};
