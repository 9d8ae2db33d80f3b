/**
 * Ways to make a run simpler by its options: fewer nodes, fewer clients, fewer kinds of things that they do, a better
 * world. Each is tried by itself and kept where the run still fails.
 */

import { CALM } from "../calm-options.ts";
import type { FaultStep, TimedFault } from "../fault/plan.ts";
import type { SimOptions } from "../options.ts";
import type { RunPlan } from "../run.ts";
import type {
  ClerkOptions,
  IntruderOptions,
  OperatorOptions,
  ReviewerOptions,
  WorkloadOptions,
} from "../workload/options.ts";

const NODES_MIN = 3;
const TRUE_PERMILLE = 1_000;

/** One way to be simpler; the same plan where it is so already. */
export type Simplification = (plan: RunPlan) => RunPlan;

/** What matters most. */
export const SMALLER_CLUSTERS: readonly Simplification[] = [withFewerNodes, withoutSpares, withNewestPrograms];

/** Plans that are each simpler in one way than this one. */
export function simplerPlans(plan: RunPlan): readonly RunPlan[] {
  return simplifications(plan).map((simplify) => simplify(plan));
}

/** The ways in which a plan can be simpler. Any of them can be gone after any others. */
export function simplifications(plan: RunPlan): readonly Simplification[] {
  const ways = [
    ...SMALLER_CLUSTERS,
    ...clientWays(plan.options.workload).map(ofWorkload),
    ...WORLD_WAYS.map(ofOptions),
  ];
  const text = JSON.stringify(plan);
  return ways.filter((simplify) => JSON.stringify(simplify(plan)) !== text);
}

type OptionsWay = (options: SimOptions) => SimOptions;
type WorkloadWay = (workload: WorkloadOptions) => WorkloadOptions;

function ofOptions(way: OptionsWay): Simplification {
  return (plan) => ({ ...plan, options: way(plan.options) });
}

function ofWorkload(way: WorkloadWay): Simplification {
  return ofOptions((options) => ({ ...options, workload: way(options.workload) }));
}

const CLIENT_WAYS: readonly WorkloadWay[] = [
  (workload) => ({ ...workload, clerk: undefined }),
  withoutPayments,
  (workload) => ({ ...workload, cards: false }),
  (workload) => ({ ...workload, operator: undefined }),
  (workload) => ({ ...workload, backups: undefined }),
  (workload) => ({ ...workload, reviewer: undefined }),
  (workload) => ({ ...workload, crowd: undefined }),
  (workload) => ({ ...workload, auditor: false }),
  (workload) => ({ ...workload, intruder: undefined }),
  (workload) => ({ ...workload, readers: 0 }),
  (workload) => ({ ...workload, readers: Math.ceil(workload.readers / 2) }),
  (workload) => ({ ...workload, readersByLease: false }),
  (workload) => ({ ...workload, tellers: Math.ceil(workload.tellers / 2) }),
  (workload) => ({ ...workload, inFlightMax: 1 }),
  ofClerk((clerk) => ({ ...clerk, linkedPermille: 0 })),
  ofClerk((clerk) => ({ ...clerk, batchMax: Math.ceil(clerk.batchMax / 2) })),
];

/** What clients do less of: they are fewer, or one kind of thing that they do is left out. */
function clientWays({ mix, operator, reviewer, intruder, clerk }: WorkloadOptions): readonly WorkloadWay[] {
  return [
    ...CLIENT_WAYS,
    ...namesOf(mix).map(
      (name): WorkloadWay =>
        (workload) => ({ ...workload, mix: without(workload.mix, name) }),
    ),
    ...namesOf(operator?.mix).map((name) => ofOperator((one) => ({ ...one, mix: without(one.mix, name) }))),
    ...namesOf(reviewer?.mix).map((name) => ofReviewer((one) => ({ ...one, mix: without(one.mix, name) }))),
    ...namesOf(intruder?.mix).map((name) => ofIntruder((one) => ({ ...one, mix: without(one.mix, name) }))),
    ...namesOf(clerk?.mix).map((name) => ofClerk((one) => ({ ...one, mix: without(one.mix, name) }))),
    ...namesOf(clerk?.transfers).map((name) => ofClerk((one) => ({ ...one, transfers: without(one.transfers, name) }))),
  ];
}

function withoutPayments(workload: WorkloadOptions): WorkloadOptions {
  const mix = without(workload.mix, "payment");
  return mix.payment > 0 ? workload : { ...workload, payments: false, cards: false, reviewer: undefined, mix };
}

function ofClerk(way: (clerk: ClerkOptions) => ClerkOptions): WorkloadWay {
  return (workload) => (workload.clerk === undefined ? workload : { ...workload, clerk: way(workload.clerk) });
}

function ofOperator(way: (operator: OperatorOptions) => OperatorOptions): WorkloadWay {
  return (workload) => (workload.operator === undefined ? workload : { ...workload, operator: way(workload.operator) });
}

function ofReviewer(way: (reviewer: ReviewerOptions) => ReviewerOptions): WorkloadWay {
  return (workload) => (workload.reviewer === undefined ? workload : { ...workload, reviewer: way(workload.reviewer) });
}

function ofIntruder(way: (intruder: IntruderOptions) => IntruderOptions): WorkloadWay {
  return (workload) => (workload.intruder === undefined ? workload : { ...workload, intruder: way(workload.intruder) });
}

/** What is done at all. */
function namesOf<Mix extends object>(mix: Mix | undefined): readonly (keyof Mix & string)[] {
  const weights = Object.entries(mix ?? {}) as [keyof Mix & string, number][];
  return weights.filter(([, weight]) => weight > 0).map(([name]) => name);
}

/** The weights with one set to nothing, where some other is left. */
function without<Mix extends object>(mix: Mix, name: keyof Mix): Mix {
  const isOnly = namesOf(mix).every((present) => present === name);
  return isOnly ? mix : { ...mix, [name]: 0 };
}

const WORLD_WAYS: readonly OptionsWay[] = [
  // The faults are given: what is drawn for them does not count.
  ({ faults, ...options }) => ({
    ...options,
    faults: { ...faults, weights: CALM.faults.weights, damages: CALM.faults.damages },
  }),
  (options) => ({ ...options, meddler: undefined }),
  ofPeers((peers) => ({ ...peers, bytesPerMs: 0 })),
  ofPeers((peers) => ({ ...peers, unequal: undefined })),
  ofPeers((peers) => ({ ...peers, delays: CALM.peers.delays })),
  ofPeers((peers) => ({ ...peers, lossPermille: 0 })),
  ofPeers((peers) => ({ ...peers, duplicatePermille: 0 })),
  ofPeers((peers) => ({ ...peers, latePermille: 0 })),
  (options) => ({ ...options, disk: { ...options.disk, unsynced: CALM.disk.unsynced } }),
  (options) => ({ ...options, outside: { ...CALM.outside, delayUs: options.outside.delayUs } }),
  (options) => ({ ...options, outside: { ...options.outside, contradictPermille: 0 } }),
  (options) => ({ ...options, clockRates: options.clockRates.map(() => TRUE_PERMILLE) }),
  (options) => ({ ...options, wallOffsetsMs: options.wallOffsetsMs.map(() => 0) }),
  (options) => ({ ...options, wallDrifts: options.wallDrifts.map(() => false) }),
  (options) => ({ ...options, wallStepMs: CALM.wallStepMs }),
  withoutLeases,
  (options) => ({ ...options, encrypted: false }),
  (options) => ({ ...options, giveUpLastCopy: false }),
  (options) => ({ ...options, perturbPermille: CALM.perturbPermille }),
  (options) => ({ ...options, retainBlocks: undefined }),
];

function withoutLeases(options: SimOptions): SimOptions {
  const { leaseDriftPermille: _leases, ...unleased } = options.timing;
  return { ...options, timing: unleased };
}

function ofPeers(way: (peers: SimOptions["peers"]) => SimOptions["peers"]): OptionsWay {
  return (options) => ({ ...options, peers: way(options.peers) });
}

/** The same with three nodes at first: faults lose the others, and those that were about them alone are gone. */
function withFewerNodes(plan: RunPlan): RunPlan {
  const { options, faults } = plan;
  if (options.nodes <= NODES_MIN) return plan;
  const all = NODES_MIN + options.spares;
  const fewer = { ...options, nodes: NODES_MIN, ...clocksOf(options, all) };
  const left = faults.filter(
    ({ step }) => step.kind !== "upgrade" || step.target === "leader" || step.target <= NODES_MIN,
  );
  return { ...plan, options: fewer, faults: left.flatMap((fault) => within(all, fault)) };
}

/** The same with nothing left to upgrade. */
function withNewestPrograms(plan: RunPlan): RunPlan {
  const { options, faults } = plan;
  const left = faults.filter(({ step }) => step.kind !== "upgrade");
  return { ...plan, options: { ...options, oldRelease: undefined }, faults: left };
}

/** The same without nodes that could be added, and nobody who would. */
function withoutSpares(plan: RunPlan): RunPlan {
  const { options, faults } = plan;
  if (options.spares === 0) return plan;
  const { nodes, workload } = options;
  const fewer = { ...options, spares: 0, ...clocksOf(options, nodes) };
  const calm = { ...fewer, workload: { ...workload, operator: undefined } };
  return { ...plan, options: calm, faults: faults.flatMap((fault) => within(nodes, fault)) };
}

/** The clocks of so many nodes. */
function clocksOf({ clockRates, wallOffsetsMs, wallDrifts }: SimOptions, nodes: number): Partial<SimOptions> {
  return {
    clockRates: clockRates.slice(0, nodes),
    wallOffsetsMs: wallOffsetsMs.slice(0, nodes),
    wallDrifts: wallDrifts.slice(0, nodes),
  };
}

/** What is left of a fault among so many nodes. */
export function within(nodes: number, { atMs, step }: TimedFault): readonly TimedFault[] {
  const exists = (node: number): boolean => node <= nodes;
  if ("target" in step && step.target !== "leader" && !exists(step.target)) return [];
  if (step.kind === "bridge" && !exists(step.bridge)) return [];
  if (!("groups" in step)) return [{ atMs, step }];
  const groups = step.groups.map((group) => group.filter(exists)).filter((group) => group.length > 0);
  const fewer: FaultStep = { ...step, groups };
  return groups.length < 2 ? [] : [{ atMs, step: fewer }];
}
