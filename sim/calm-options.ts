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
    changeUnderFire: 0,
  },
};

/** What a scenario begins with. */
export const CALM: SimOptions = {
  nodes: 3,
  spares: 0,
  durationMs: 6_000,
  timing: { tickMs: 10, electionTimeoutTicks: 15, heartbeatTicks: 3 },
  clockRates: [1_000, 1_000, 1_000],
  appendBytesMax: 1_048_576,
  appendsInFlightMax: 32,
  catchUpBytesPerTick: 1_048_576,
  checkpointBlocks: 100,
  retainBlocks: undefined,
  segmentBytes: 65_536,
  cacheBytes: 1_048_576,
  encrypted: false,
  oldReleases: false,
  perturbPermille: { blockOfOne: 0, blocksOneByOne: 0, earlyCheckpoint: 0, earlyScrub: 0, shortChunk: 0 },
  peers: {
    minDelayUs: 200,
    meanDelayUs: 300,
    lossPermille: 0,
    duplicatePermille: 0,
    latePermille: 0,
    lateMeanUs: 0,
    bytesPerMs: 0,
  },
  disk: { writeUs: 50, syncUs: 1_000, storeUs: 1_000 },
  outside: { delayUs: 20_000, declinePermille: 0, timeoutPermille: 0, latePermille: 0, unavailablePermille: 0 },
  faults: { everyMs: 1_000, lastsMs: 1_000, restartAfterMs: 1_000, weights: NO_FAULTS },
  workload: {
    tellers: 3,
    readers: 1,
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
    intruder: false,
    operator: undefined,
  },
};
