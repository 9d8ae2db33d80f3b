/** The shape of a plan's options and faults: types, ranges, no unknown keys. What it makes no sense to ask is refused elsewhere. */
import { BATCH_RECORDS_MAX } from "../node/base/limits.ts";
import { PERTURBATIONS } from "../node/base/ports/perturb.ts";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../node/base/release.ts";
import { boolean, integer, list, type Of, object, oneOf, orWord, type Schema, u32 } from "../node/wire/schema.ts";
import { DELAYS } from "./draw.ts";
import { LOG_DAMAGES } from "./fault/disk-damage.ts";
import {
  CRASH_MOMENTS,
  type FaultStep,
  type Groups,
  type StepKind,
  TIMERS_SLOWER_MAX,
  ZONE_LOSSES,
} from "./fault/plan.ts";
import { MEDDLINGS } from "./meddler.ts";
import type { SimOptions } from "./options.ts";
import { STORE_PARTS } from "./virtual-disk.ts";
import {
  type BackupOptions,
  type ClerkOptions,
  type IntruderOptions,
  type OperatorOptions,
  type ReviewerOptions,
  TRICKS,
  type WorkloadOptions,
} from "./workload/options.ts";

const NODES_MAX = 9;
const CLIENTS_MAX = 16;
const MS_MAX = 3_600_000;
/** What is signed lives for ten minutes at most, and the clients of a run repeat the first of it to the end. */
export const RUN_MS_MAX = 400_000;
/** It is dated so that it lives to the end of the longest run on a clock that is off by so much, either way. */
const WALL_OFFSET_MAX_MS = 100_000;
const US_MAX = 3_600_000_000;
const BYTES_MAX = 0x4000_0000;
const WEIGHT_MAX = 1_000;
const QUESTIONS_MAX = 10_000;
/** How often a link's capacity is halved, and its delay doubled, at most. */
const DOUBLINGS_MAX = 20;

const permille: Schema<number> = integer(0, 1_000);
const ms: Schema<number> = integer(1, MS_MAX);
const us: Schema<number> = integer(0, US_MAX);
const bytes: Schema<number> = integer(0, BYTES_MAX);
const weight: Schema<number> = integer(0, WEIGHT_MAX);
const node: Schema<number> = integer(1, NODES_MAX);
const nodes: Schema<readonly number[]> = list(node, NODES_MAX);

/** A value that may be absent: `null` in a file. */
function orNull<T>(schema: Schema<T>): Schema<T | undefined> {
  return (value, path) => (value === null || value === undefined ? undefined : schema(value, path));
}

/** The same kind of number under each of these names. */
function numbers<const Name extends string>(
  of: Schema<number>,
  ...names: readonly Name[]
): Schema<Readonly<Record<Name, number>>> {
  const fields = Object.fromEntries(names.map((name) => [name, of])) as Record<Name, Schema<number>>;
  return object(fields);
}

const clerk: Schema<ClerkOptions> = object({
  mix: numbers(
    weight,
    ...(["batch", "imported", "asset", "supply", "reversal", "freeze", "delegate"] as const),
    ...(["tooFewSignatures", "retry"] as const),
  ),
  transfers: numbers(weight, "simple", "pending", "post", "void", "balancing", "closing", "again"),
  linkedPermille: permille,
  batchMax: integer(1, BATCH_RECORDS_MAX),
});

const operator: Schema<OperatorOptions> = object({
  thinkUs: integer(1, US_MAX),
  mix: numbers(
    weight,
    ...(["addVoter", "addLearner", "promote", "demote", "remove", "replace"] as const),
    ...(["nonsense", "lostDisk", "rejoin", "list", "scrub"] as const),
  ),
});

const backups: Schema<BackupOptions> = object({
  thinkUs: integer(1, US_MAX),
  fromCheckpointPermille: permille,
  pausePermille: permille,
});

const intruder: Schema<IntruderOptions> = object({
  thinkUs: integer(1, US_MAX),
  mix: numbers(weight, ...TRICKS),
});

const reviewer: Schema<ReviewerOptions> = object({
  thinkUs: integer(1, US_MAX),
  mix: numbers(weight, "review", "reviewAgain", "block", "rules", "close"),
});

const workload: Schema<WorkloadOptions> = object({
  tellers: integer(1, CLIENTS_MAX),
  readers: integer(0, CLIENTS_MAX),
  readersByLease: boolean,
  inFlightMax: integer(1, 1_024),
  thinkUs: integer(1, US_MAX),
  requestTimeoutUs: integer(1_000, US_MAX),
  hotAccounts: integer(2, 40),
  payments: boolean,
  cards: boolean,
  mix: numbers(
    weight,
    ...(["transfer", "hold", "chain", "readAccount", "readStale", "readTransfer", "retry", "payment"] as const),
  ),
  clerk: orNull(clerk),
  auditor: boolean,
  intruder: orNull(intruder),
  operator: orNull(operator),
  backups: orNull(backups),
  crowd: orNull(object({ thinkUs: integer(1, US_MAX), questions: integer(1, QUESTIONS_MAX) })),
  reviewer: orNull(reviewer),
});

/** What a run is made of, but for its faults and its seed. */
export const optionsSchema: Schema<SimOptions> = object({
  nodes: node,
  spares: integer(0, NODES_MAX),
  zones: integer(1, NODES_MAX),
  durationMs: integer(1, RUN_MS_MAX),
  faultsWait: boolean,
  timing: object(
    { tickMs: integer(1, 1_000), electionTimeoutTicks: integer(2, 1_000), heartbeatTicks: integer(1, 1_000) },
    { leaseDriftPermille: integer(1, 1_000) },
  ),
  clockRates: list(integer(1, 100_000), NODES_MAX),
  wallOffsetsMs: list(integer(-WALL_OFFSET_MAX_MS, WALL_OFFSET_MAX_MS), NODES_MAX),
  wallDrifts: list(boolean, NODES_MAX),
  wallStepMs: integer(1, 10_000),
  appendBytesMax: integer(1, BYTES_MAX),
  appendsInFlightMax: integer(1, 1_024),
  catchUpBytesPerTick: integer(1, BYTES_MAX),
  checkpointBlocks: integer(1, BYTES_MAX),
  retainBlocks: orNull(integer(0, BYTES_MAX)),
  segmentBytes: integer(4_096, BYTES_MAX),
  cacheBytes: bytes,
  encrypted: boolean,
  giveUpLastCopy: boolean,
  oldRelease: orNull(integer(FIRST_RELEASE, NEWEST_RELEASE - 1)),
  perturbPermille: numbers(permille, ...PERTURBATIONS),
  peers: object({
    minDelayUs: us,
    meanDelayUs: us,
    delays: oneOf(...DELAYS),
    lossPermille: permille,
    duplicatePermille: permille,
    latePermille: permille,
    lateMeanUs: us,
    bytesPerMs: bytes,
    unequal: orNull(
      object({ seed: u32, halvingsMax: integer(0, DOUBLINGS_MAX), doublingsMax: integer(0, DOUBLINGS_MAX) }),
    ),
  }),
  disk: object({ writeUs: us, syncUs: us, storeUs: us, unsynced: numbers(weight, "lost", "kept", "torn") }),
  outside: object({
    delayUs: us,
    declinePermille: permille,
    timeoutPermille: permille,
    latePermille: permille,
    unavailablePermille: permille,
    contradictPermille: permille,
  }),
  meddler: orNull(object({ permille, mix: numbers(weight, ...MEDDLINGS) })),
  faults: object({
    everyMs: ms,
    lastsMs: ms,
    restartAfterMs: ms,
    weights: numbers(
      weight,
      ...(["partition", "asymmetricPartition", "bridge", "flap", "clog", "isolateLeader"] as const),
      ...(["isolateClients", "slowClients", "zoneLoss", "fullStore", "hangStore", "readError"] as const),
      ...(["crash", "crashLeader", "crashAll", "crashWhen", "electionUnderFire", "pause", "slowDisk"] as const),
      ...(["fullDisk", "hangDisk", "damageLog", "rotLog", "rotPage"] as const),
      ...(["slowTimers", "sickLeader", "diskError", "clockJump", "handOver"] as const),
      ...(["changeUnderFire", "lateAnswers", "storeReadError"] as const),
    ),
    damages: numbers(weight, ...LOG_DAMAGES),
  }),
  workload,
});

const target: Schema<number | "leader"> = orWord(node, "leader");
const groups: Schema<Groups> = list(nodes, NODES_MAX);
const forMs = { forMs: ms };
const restartAfterMs = { restartAfterMs: ms };

/** What each kind of step has beside its kind. */
const STEPS: { readonly [Kind in StepKind]: Record<string, Schema<unknown>> } = {
  partition: { groups, oneWay: boolean, ...forMs },
  bridge: { bridge: node, groups, ...forMs },
  flap: { groups, downMs: ms, upMs: ms, ...forMs },
  zoneLoss: { zone: integer(1, NODES_MAX), how: oneOf(...ZONE_LOSSES), ...forMs },
  isolate: { target, direction: oneOf("both", "in", "out"), ...forMs },
  lateAnswers: { target, ...forMs },
  clog: { from: node, to: node, ...forMs },
  isolateClients: { target, ...forMs },
  slowClients: { every: integer(1, CLIENTS_MAX), pauseMs: ms, ...forMs },
  crash: { target, ...restartAfterMs },
  crashAll: restartAfterMs,
  crashWhen: { moment: oneOf(...CRASH_MOMENTS), delayUs: us, all: boolean, ...restartAfterMs },
  pause: { target, ...forMs },
  slowDisk: { target, factor: integer(2, 1_000), ...forMs },
  fullDisk: { target, ...forMs },
  hangDisk: { target, ...forMs },
  damageLog: { target, how: oneOf(...LOG_DAMAGES), ...restartAfterMs },
  rotLog: { target },
  rotPage: { target },
  loseDisk: { target },
  readError: { target, lasting: boolean, ...restartAfterMs },
  storeReadError: { target, part: oneOf(...STORE_PARTS), lasting: boolean, ...forMs },
  fullStore: { target, ...forMs },
  hangStore: { target, ...forMs },
  slowTimers: { target, factor: integer(2, TIMERS_SLOWER_MAX), ...forMs },
  diskError: { target, operation: oneOf("write", "sync"), ...restartAfterMs },
  handOver: {},
  upgrade: { target, ...restartAfterMs },
  acquirerDown: forMs,
  clockJump: { target, byMs: integer(-MS_MAX, MS_MAX) },
};
export const STEP_KINDS: readonly StepKind[] = Object.keys(STEPS) as StepKind[];

/** One fault. */
export const stepSchema: Schema<FaultStep> = (value, path) => {
  const { kind } = anyObject(value, path);
  const known = oneOf(...STEP_KINDS)(kind, `${path}.kind`);
  return object({ kind: oneOf(known), ...STEPS[known] })(value, path) as FaultStep;
};

const anyMap = object({ kind: (value: unknown) => value });
function anyObject(value: unknown, path: string): Of<typeof anyMap> {
  const isMap = typeof value === "object" && value !== null;
  return anyMap(isMap ? { kind: (value as { readonly kind?: unknown }).kind } : value, path);
}
