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
  OperationMix,
  OperatorOptions,
  ReviewerOptions,
  WorkloadOptions,
} from "../workload/options.ts";

const NODES_MIN = 3;
const TRUE_PERMILLE = 1_000;

/** Plans that are each simpler in one way than this one. */
export function simplerPlans(plan: RunPlan): readonly RunPlan[] {
  const { options } = plan;
  const simpler = [...simplerClients(options.workload).map((workload) => ({ ...options, workload }))];
  const others = [...simpler, ...simplerWorlds(options)].map((changed) => ({ ...plan, options: changed }));
  const smaller = [
    ...(options.nodes > NODES_MIN ? [withFewerNodes(plan)] : []),
    ...(options.spares > 0 ? [withoutSpares(plan)] : []),
    ...(options.oldReleases ? [withNewestPrograms(plan)] : []),
  ];
  return [...smaller, ...others].filter((candidate) => JSON.stringify(candidate) !== JSON.stringify(plan));
}

function simplerClients(workload: WorkloadOptions): readonly WorkloadOptions[] {
  const { clerk, mix, operator, reviewer, tellers } = workload;
  const withClerk = (changed: ClerkOptions): WorkloadOptions => ({ ...workload, clerk: changed });
  return [
    { ...workload, clerk: undefined },
    { ...workload, payments: false, cards: false, reviewer: undefined, mix: { ...mix, payment: 0 } },
    { ...workload, cards: false },
    { ...workload, operator: undefined },
    { ...workload, backups: undefined },
    { ...workload, reviewer: undefined },
    { ...workload, auditor: false },
    { ...workload, intruder: false },
    { ...workload, readers: 0 },
    { ...workload, readersByLease: false },
    { ...workload, tellers: Math.ceil(tellers / 2) },
    { ...workload, inFlightMax: 1 },
    ...withoutOne(mix).map((fewer): WorkloadOptions => ({ ...workload, mix: fewer })),
    ...(operator === undefined
      ? []
      : withoutOne(operator.mix).map((fewer) => ({ ...workload, operator: { ...operator, mix: fewer } }))),
    ...(reviewer === undefined
      ? []
      : withoutOne(reviewer.mix).map((fewer) => ({ ...workload, reviewer: { ...reviewer, mix: fewer } }))),
    ...(clerk === undefined
      ? []
      : [
          ...withoutOne(clerk.mix).map((fewer) => withClerk({ ...clerk, mix: fewer })),
          ...withoutOne(clerk.transfers).map((fewer) => withClerk({ ...clerk, transfers: fewer })),
          withClerk({ ...clerk, linkedPermille: 0 }),
          withClerk({ ...clerk, batchMax: Math.ceil(clerk.batchMax / 2) }),
        ]),
  ];
}

/** The weights with one set to nothing, for each of them; some other is left. */
function withoutOne<
  Mix extends
    | OperationMix
    | ClerkOptions["mix"]
    | ClerkOptions["transfers"]
    | OperatorOptions["mix"]
    | ReviewerOptions["mix"],
>(mix: Mix): readonly Mix[] {
  const weights = Object.entries(mix) as [keyof Mix, number][];
  const present = weights.filter(([, weight]) => weight > 0);
  return present.length < 2 ? [] : present.map(([name]) => ({ ...mix, [name]: 0 }));
}

function simplerWorlds(options: SimOptions): readonly SimOptions[] {
  const { peers, outside, clockRates, timing, faults } = options;
  const { leaseDriftPermille: _leases, ...unleased } = timing;
  const weights = Object.fromEntries(Object.keys(faults.weights).map((kind) => [kind, 0])) as typeof faults.weights;
  return [
    // The faults are given: what is drawn for them does not count.
    { ...options, faults: { ...faults, weights } },
    { ...options, peers: { ...peers, lossPermille: 0, duplicatePermille: 0, latePermille: 0 } },
    { ...options, peers: { ...peers, bytesPerMs: 0 } },
    { ...options, peers: { ...peers, delays: CALM.peers.delays } },
    { ...options, peers: { ...peers, lossPermille: 0 } },
    { ...options, peers: { ...peers, duplicatePermille: 0 } },
    { ...options, peers: { ...peers, latePermille: 0 } },
    { ...options, outside: { ...CALM.outside, delayUs: outside.delayUs } },
    { ...options, outside: { ...outside, contradictPermille: 0 } },
    { ...options, clockRates: clockRates.map(() => TRUE_PERMILLE) },
    { ...options, timing: unleased },
    { ...options, encrypted: false },
    { ...options, giveUpLastCopy: false },
    { ...options, perturbPermille: CALM.perturbPermille },
    { ...options, retainBlocks: undefined },
  ];
}

/** The same with three nodes at first: faults lose the others, and those that were about them alone are gone. */
function withFewerNodes(plan: RunPlan): RunPlan {
  const { options, faults } = plan;
  const all = NODES_MIN + options.spares;
  const fewer = { ...options, nodes: NODES_MIN, clockRates: options.clockRates.slice(0, all) };
  const left = faults.filter(
    ({ step }) => step.kind !== "upgrade" || step.target === "leader" || step.target <= NODES_MIN,
  );
  return { ...plan, options: fewer, faults: left.flatMap((fault) => within(all, fault)) };
}

/** The same with nothing left to upgrade. */
function withNewestPrograms({ options, faults, ...plan }: RunPlan): RunPlan {
  const left = faults.filter(({ step }) => step.kind !== "upgrade");
  return { ...plan, options: { ...options, oldReleases: false }, faults: left };
}

/** The same without nodes that could be added, and nobody who would. */
function withoutSpares(plan: RunPlan): RunPlan {
  const { options, faults } = plan;
  const { nodes, clockRates, workload } = options;
  const fewer = { ...options, spares: 0, clockRates: clockRates.slice(0, nodes) };
  const calm = { ...fewer, workload: { ...workload, operator: undefined } };
  return { ...plan, options: calm, faults: faults.flatMap((fault) => within(nodes, fault)) };
}

/** What is left of a fault among so many nodes. */
export function within(nodes: number, { atMs, step }: TimedFault): readonly TimedFault[] {
  const exists = (node: number): boolean => node <= nodes;
  if ("target" in step && step.target !== "leader" && !exists(step.target)) return [];
  if (step.kind === "bridge" && !exists(step.bridge)) return [];
  if (!("groups" in step)) return [{ atMs, step }];
  const [first, second] = [step.groups[0].filter(exists), step.groups[1].filter(exists)];
  if (first.length === 0 || second.length === 0) return [];
  const fewer: FaultStep = { ...step, groups: [first, second] };
  return [{ atMs, step: fewer }];
}
