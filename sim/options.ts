/**
 * Everything a run is made of, drawn from its seed (swarm testing: each seed has its own cluster, its own speeds and its
 * own choice of faults, some of them absent). Two runs with equal options and one seed are the same run.
 */
import { PERTURBATIONS, type Perturbation } from "../node/base/ports/perturb.ts";
import type { Random } from "../node/base/ports/random.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../node/base/release.ts";
import type { NodeTiming } from "../node/compose.ts";
import { between, chance, pick } from "./draw.ts";
import { LOG_DAMAGES, type LogDamage } from "./fault/disk-damage.ts";
import { FASTEST, hasLaggard, SLOWEST, testingMargin, testingRounds } from "./lease-hunt.ts";
import { MEDDLINGS, type MeddlerOptions } from "./meddler.ts";
import { overloaded } from "./overload.ts";
import type { DiskOptions } from "./virtual-disk.ts";
import type { NetworkOptions } from "./virtual-network.ts";
import type { OutsideOptions } from "./virtual-outside.ts";
import {
  drawBackups,
  drawCrowd,
  drawDemotions,
  drawIntruder,
  drawOperator,
  drawRejoins,
  drawReviewer,
  drawWorkload,
  type WorkloadOptions,
} from "./workload/options.ts";

const US_PER_MS = 1_000;
const FAULT_EVERY_MIN_MS = 30;
const FAULT_EVERY_MAX_MS = 1_000;
const FAULT_LASTS_MAX_MS = 2_000;

/** Kinds of fault steps, and how much each weighs at most when one is drawn. */
const FAULT_KINDS = {
  partition: 10,
  asymmetricPartition: 10,
  bridge: 10,
  /** Links that go down and up again and again. */
  flap: 8,
  clog: 5,
  isolateLeader: 10,
  isolateClients: 5,
  /** Clients that read slowly. */
  slowClients: 5,
  crash: 10,
  crashLeader: 10,
  crashAll: 3,
  /** All nodes of a zone, without power or cut off. */
  zoneLoss: 5,
  crashWhen: 10,
  electionUnderFire: 20,
  pause: 10,
  slowDisk: 10,
  fullDisk: 5,
  hangDisk: 5,
  fullStore: 8,
  hangStore: 5,
  /** A node that was down finds its log damaged. */
  damageLog: 10,
  rotLog: 50,
  rotPage: 50,
  readError: 20,
  slowTimers: 5,
  /** Starved and cut off from its peers: it is deposed and notices late. */
  sickLeader: 20,
  diskError: 5,
  clockJump: 3,
  handOver: 10,
} as const;
/** Where one clock alone is slow, it is the first node's so many times as often as chance would have it. */
const FIRST_IS_SLOW = 3;
/** While members change, crashes right after a step of it weigh so much at most. */
const CHANGE_UNDER_FIRE = 20;
/** Late answers to one who is deposed meanwhile weigh so much at most. */
const LATE_ANSWERS = 10;
/** Of the runs with leases in which the margin for clocks is not put to the test, so many are about rounds of heartbeats. */
const ROUNDS_PERMILLE = 300;
const DRAWN_LATER = { changeUnderFire: 0, lateAnswers: 0, storeReadError: 0 };
/** A store of which something cannot be read weighs so much at most. */
const STORE_READ_ERRORS = 20;
/** How delays are spread: as is usual in two of five runs, and in each of the other ways in one. */
const DELAYS_DRAWN = ["exponential", "exponential", "uniform", "constant", "heavyTailed"] as const;
/** Two nodes of three in one zone, or each in its own; of five two or three in one. */
const ZONES = [2, 3, 3] as const;
/** How far a wall clock is off at first, at most: as far as one that nobody has set right for a while. */
const WALL_OFFSET_MAX_MS = 5_000;
/** What becomes of unsynced writes weighs so much at most. */
const FATES_MAX = 5;
/** Each way in which a log is damaged weighs so much at most. */
const DAMAGES_MAX = 10;
/** In so many runs faults wait for the work: where they do not, some of them keep the clients from ever coming to it. */
const FAULTS_WAIT_PERMILLE = 850;
/** In so many runs each direction of each link has its own capacity and its own mean delay. */
const UNEQUAL_PERMILLE = 300;
/** In so many runs without leases clients ask for far more than the cluster can take. */
const OVERLOADED_PERMILLE = 15;
/** In so many runs somebody is on the links between nodes. */
const MEDDLER_PERMILLE = 350;
/** How often a cluster is neither of three nor of five nodes, and what it is then. */
const OTHER_SIZE_PERMILLE = 120;
const OTHER_SIZES = [1, 2, 4, 4, 7] as const;
export type FaultKind = keyof typeof FAULT_KINDS | "changeUnderFire" | "lateAnswers" | "storeReadError";

export interface FaultOptions {
  /** Mean time between fault steps. */
  readonly everyMs: number;
  /** Mean time until a fault is taken back. */
  readonly lastsMs: number;
  /** Mean time from a crash to the restart. */
  readonly restartAfterMs: number;
  /** How often each kind of step is drawn, relative to the others; 0 for never. */
  readonly weights: Readonly<Record<FaultKind, number>>;
  /** How often a damaged log is damaged in each way, relative to the others; 0 for never. */
  readonly damages: Readonly<Record<LogDamage, number>>;
}

export interface SimOptions {
  /** Members of the cluster at first: ids from 1. */
  readonly nodes: number;
  /** Nodes with the ids that follow, which run from the beginning and are no members until somebody adds them. */
  readonly spares: number;
  /** In how many zones all of them are, one after the other: node 1 in the first, 2 in the second, and so round again. */
  readonly zones: number;
  /** Virtual time with faults; then comes the quiet end. */
  readonly durationMs: number;
  /** Disks are lost and damaged whatever the others can do without: it may be the last copy of something. */
  readonly giveUpLastCopy: boolean;
  /** Faults begin when the clients have made their bank and work begins, and `durationMs` with them; else both begin at once. */
  readonly faultsWait: boolean;
  readonly timing: NodeTiming;
  /** How fast each node's monotonic clock runs, in thousandths of true time. */
  readonly clockRates: readonly number[];
  /** How far each node's wall clock is ahead of true time at first; behind it, where negative. */
  readonly wallOffsetsMs: readonly number[];
  /** Whether each node's wall clock is as slow or as fast as its monotonic one; where leaders have leases, all are. */
  readonly wallDrifts: readonly boolean[];
  /** All wall clocks go on in steps of so much; drawn runs have fine ones. */
  readonly wallStepMs: number;
  readonly appendBytesMax: number;
  readonly appendsInFlightMax: number;
  readonly catchUpBytesPerTick: number;
  readonly checkpointBlocks: number;
  /** Blocks that logs keep before a checkpoint; undefined: all. */
  readonly retainBlocks: number | undefined;
  readonly segmentBytes: number;
  readonly cacheBytes: number;
  /** How often a node takes the rarer of two ways, at each place of its code that has two. */
  readonly perturbPermille: Readonly<Record<Perturbation, number>>;
  /** Whether nodes encrypt their logs. */
  readonly encrypted: boolean;
  /** The nodes that are members at first begin with a program that reads up to this release; undefined: with the newest, as all others do. */
  readonly oldRelease: number | undefined;
  readonly peers: NetworkOptions;
  readonly disk: DiskOptions;
  readonly outside: OutsideOptions;
  /** Somebody on the links between nodes; in most runs there is nobody. */
  readonly meddler: MeddlerOptions | undefined;
  readonly faults: FaultOptions;
  readonly workload: WorkloadOptions;
}

type ClusterSize = Pick<SimOptions, "nodes" | "clockRates">;

/** Draws the options of a run. */
export function drawOptions(random: Random): SimOptions {
  const nodes = pick(random, [3, 3, 3, 5]);
  const leases = chance(random, 300);
  const timing = leases ? leasedTiming(random) : drawTiming(random);
  const clockRates = drawClocks(random, nodes, leases);
  const electionUs = timing.tickMs * timing.electionTimeoutTicks * US_PER_MS;
  const faults = drawFaults(random, electionUs / US_PER_MS, leases);
  const drawn = {
    nodes,
    durationMs: between(random, 4_000, 10_000),
    timing: leases ? { ...timing, leaseDriftPermille: worstDrift(clockRates) } : timing,
    clockRates,
    appendBytesMax: pick(random, [1, 1, 1_000, 2_097_152]),
    appendsInFlightMax: pick(random, [1, 2, 32]),
    ...drawLog(random),
    cacheBytes: pick(random, [0, 65_536, 1_048_576, 1_048_576]),
    peers: drawNetwork(random, electionUs),
    disk: {
      writeUs: between(random, 10, 200),
      syncUs: pick(random, [100, 1_000, 5_000, 15_000]),
      storeUs: pick(random, [100, 1_000, 5_000]),
    },
    outside: drawOutside(random),
    faults,
    workload: drawWorkload(random),
    encrypted: chance(random, 250),
    perturbPermille: drawPerturbations(random),
  };
  const early = drawOperator(random);
  const spares = early === undefined ? 0 : pick(random, [0, 1, 2, 2, 2]);
  const changeUnderFire = early === undefined ? 0 : sometimes(random, CHANGE_UNDER_FIRE);
  // A spare's clock is like some other's, so that the bound that leases rely on holds for it.
  const spareClocks = Array.from({ length: spares }, () => pick(random, clockRates));
  const catchUpBytesPerTick = pick(random, [10_000, 100_000, 1_048_576]);
  const oldReleases = chance(random, 300);
  const backups = drawBackups(random);
  const readersByLease = leases && chance(random, 500);
  const lateAnswers = sometimes(random, LATE_ANSWERS);
  const rounds = chance(random, ROUNDS_PERMILLE);
  const reviewer = drawn.workload.payments ? drawReviewer(random.fork("reviewer")) : undefined;
  const faultsWait = chance(random, FAULTS_WAIT_PERMILLE);
  const zones = pick(random, ZONES);
  const demoting = early && drawDemotions(random, early);
  const oldRelease = oldReleases ? between(random, FIRST_RELEASE, NEWEST_RELEASE - 1) : undefined;
  const peers = drawUnequal(random, drawn.peers);
  const intruder = drawn.workload.intruder ? drawIntruder(random) : undefined;
  const crowd = drawCrowd(random);
  const tooMuch = chance(random, OVERLOADED_PERMILLE);
  const size = drawSize(random, { nodes, clockRates });
  const unsynced = drawUnsynced(random);
  const damages = drawDamages(random);
  const walls = drawWalls(random, size.nodes + spares);
  const operator = demoting && drawRejoins(random, demoting);
  const storeReadError = sometimes(random, STORE_READ_ERRORS);
  const meddler = drawMeddler(random);
  const options = {
    ...drawn,
    nodes: size.nodes,
    peers,
    giveUpLastCopy: false,
    faultsWait,
    zones,
    disk: { ...drawn.disk, unsynced },
    meddler,
    catchUpBytesPerTick,
    oldRelease,
    spares,
    clockRates: [...size.clockRates, ...spareClocks],
    ...walls,
    faults: { ...faults, weights: { ...faults.weights, changeUnderFire, lateAnswers, storeReadError }, damages },
    workload: { ...drawn.workload, readersByLease, operator, backups, reviewer, intruder, crowd },
  };
  if (!leases) return tooMuch ? overloaded(options) : options;
  if (hasLaggard(options.clockRates)) return testingMargin(options);
  return rounds ? testingRounds(options) : options;
}

function drawOutside(random: Random): OutsideOptions {
  return {
    delayUs: pick(random, [1_000, 20_000, 100_000]),
    declinePermille: sometimes(random, 200),
    timeoutPermille: sometimes(random, 200),
    latePermille: sometimes(random, 200),
    unavailablePermille: sometimes(random, 200),
    contradictPermille: seldom(random, 300),
  };
}

/** Seldom another size of a cluster, whose clocks are like those that were drawn. */
function drawSize(random: Random, common: ClusterSize): ClusterSize {
  if (!chance(random, OTHER_SIZE_PERMILLE)) return common;
  const nodes = pick(random, OTHER_SIZES);
  const more = Array.from({ length: Math.max(0, nodes - common.nodes) }, () => pick(random, common.clockRates));
  return { nodes, clockRates: [...common.clockRates.slice(0, nodes), ...more] };
}

/** In some runs logs forget so early that a node which was away for a moment needs a checkpoint. */
function drawLog(random: Random): Pick<SimOptions, "checkpointBlocks" | "retainBlocks" | "segmentBytes"> {
  if (chance(random, 400)) {
    return { checkpointBlocks: pick(random, [5, 20]), retainBlocks: pick(random, [0, 0, 5, 50]), segmentBytes: 8_192 };
  }
  const checkpointBlocks = pick(random, [5, 20, 100, 1_000]);
  return { checkpointBlocks, retainBlocks: undefined, segmentBytes: pick(random, [8_192, 8_192, 8_192, 65_536]) };
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

/**
 * In half of the runs all clocks are true; in some of the others each is as slow or as fast as any. Where leaders have
 * leases clocks are mostly off, often one as slow and all others as fast as any: then it is the margin that counts.
 */
function drawClocks(random: Random, nodes: number, leases: boolean): readonly number[] {
  const drift = chance(random, leases ? 900 : 500);
  const extreme = chance(random, leases ? 700 : 300);
  const drawn = leases && chance(random, 700) ? random.below(FIRST_IS_SLOW * nodes) : undefined;
  // Of two that have as much of the log, a leader hands over to the first.
  const slow = drawn !== undefined && drawn >= nodes ? 0 : drawn;
  return Array.from({ length: nodes }, (_, index) => {
    if (!drift) return 1_000;
    if (extreme && slow !== undefined) return index === slow ? SLOWEST : FASTEST;
    return extreme ? pick(random, [SLOWEST, FASTEST]) : between(random, SLOWEST, FASTEST);
  });
}

/** In some runs all wall clocks begin true, in the others each is off by itself; in some none drifts, in the others some do. */
function drawWalls(random: Random, count: number): Pick<SimOptions, "wallOffsetsMs" | "wallDrifts" | "wallStepMs"> {
  const [areOff, drift] = [chance(random, 600), chance(random, 600)];
  const offset = (): number => between(random, -WALL_OFFSET_MAX_MS, WALL_OFFSET_MAX_MS);
  return {
    wallOffsetsMs: Array.from({ length: count }, () => (areOff ? offset() : 0)),
    wallDrifts: Array.from({ length: count }, () => drift && chance(random, 500)),
    wallStepMs: 1,
  };
}

/** The bound that all clocks of a run keep. */
function worstDrift(clockRates: readonly number[]): number {
  return Math.max(1, ...clockRates.map((rate) => Math.abs(rate - 1_000)));
}

/** Drawn before it is drawn whether links differ. */
type EqualNetwork = Omit<NetworkOptions, "unequal">;

/** What counts for elections is how long a frame takes beside the election timeout. */
function drawNetwork(random: Random, electionUs: number): EqualNetwork {
  const permilleMax = pick(random, [30, 100, 300]);
  return {
    minDelayUs: between(random, 50, 500),
    meanDelayUs: Math.round(electionUs / pick(random, [200, 50, 15, 6])),
    delays: pick(random, DELAYS_DRAWN),
    lossPermille: sometimes(random, permilleMax),
    duplicatePermille: sometimes(random, permilleMax),
    latePermille: sometimes(random, permilleMax),
    lateMeanUs: Math.round(electionUs / pick(random, [4, 1, 0.5])),
    bytesPerMs: pick(random, [0, 0, 0, 0, 200, 2_000]),
  };
}

/** In some runs links differ. */
function drawUnequal(random: Random, peers: EqualNetwork): NetworkOptions {
  if (!chance(random, UNEQUAL_PERMILLE)) return { ...peers, unequal: undefined };
  const seed = random.u32();
  const unequal = { seed, halvingsMax: between(random, 1, 5), doublingsMax: between(random, 0, 2) };
  return { ...peers, bytesPerMs: pick(random, [peers.bytesPerMs, 2_000, 20_000]), unequal };
}

/** In some runs somebody is on the links; each way of theirs is absent from some of these. */
function drawMeddler(random: Random): MeddlerOptions | undefined {
  if (!chance(random, MEDDLER_PERMILLE)) return undefined;
  const sure = pick(random, MEDDLINGS);
  const weights = MEDDLINGS.map((way) => [way, way === sure ? between(random, 1, 5) : sometimes(random, 5)] as const);
  const mix = Object.fromEntries(weights) as MeddlerOptions["mix"];
  return { permille: pick(random, [2, 10, 50]), mix };
}

/** What a crash does to unsynced writes: in many runs one of the three never happens. */
function drawUnsynced(random: Random): DiskOptions["unsynced"] {
  const absent = pick(random, ["lost", "kept", "torn", undefined, undefined] as const);
  const weigh = (fate: typeof absent): number => (fate === absent ? 0 : between(random, 1, FATES_MAX));
  return { lost: weigh("lost"), kept: weigh("kept"), torn: weigh("torn") };
}

/** One way occurs for sure; each other one is absent from a third of the runs. */
function drawDamages(random: Random): FaultOptions["damages"] {
  const sure = pick(random, LOG_DAMAGES);
  const drawn = LOG_DAMAGES.map((how) => {
    const weight = how === sure ? between(random, 1, DAMAGES_MAX) : sometimes(random, DAMAGES_MAX);
    return [how, weight] as const;
  });
  return Object.fromEntries(drawn) as Record<LogDamage, number>;
}

/** Each place is perturbed in most of the runs, seldom or often. */
function drawPerturbations(random: Random): SimOptions["perturbPermille"] {
  const drawn = PERTURBATIONS.map((place) => [place, chance(random, 400) ? 0 : pick(random, [10, 100, 500])]);
  return Object.fromEntries(drawn) as SimOptions["perturbPermille"];
}

/** In a third of the runs 0, in the others from 1 to `max`. */
function sometimes(random: Random, max: number): number {
  return chance(random, 333) ? 0 : between(random, 1, max);
}

/** In three quarters of the runs 0, in the others from 1 to `max`. */
function seldom(random: Random, max: number): number {
  return chance(random, 750) ? 0 : between(random, 1, max);
}

/**
 * Many kinds of faults or few; one upon the other, or with time between them to recover, which is a matter of election
 * timeouts too. Where leaders have leases no clock is slowed beyond what they are told; leaders are cut off, and hand over
 * to such with slow clocks, whose own elections come too late.
 */
function drawFaults(random: Random, electionMs: number, leases: boolean): Omit<FaultOptions, "damages"> {
  const present = pick(random, [150, 300, 600]);
  const drawn = Object.entries(FAULT_KINDS).map(([kind, max]) => [
    kind,
    chance(random, present) ? between(random, 1, max) : 0,
  ]);
  const often = between(random, 1, 10);
  const leased = { slowTimers: 0, sickLeader: 0, isolateLeader: often, handOver: often };
  const weights = { ...Object.fromEntries(drawn), ...(leases ? leased : {}), ...DRAWN_LATER };
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
