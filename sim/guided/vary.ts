/**
 * Variations of a plan: what a run that came to something new is changed in, to come to more of it. Every one is a plan
 * that could stand in a file: what a change leaves impossible, such as a fault of a node that there is not any more, goes.
 */
import type { Random } from "../../node/base/ports/random.ts";
import { between, pick, shuffled } from "../draw.ts";
import type { FaultStep, TimedFault } from "../fault/plan.ts";
import type { SimOptions } from "../options.ts";
import { checkFault } from "../plan-check.ts";
import type { RunPlan } from "../run.ts";
import { within } from "../shrink/simpler-options.ts";

const CHANGES_MAX = 3;

type Change = (random: Random, plan: RunPlan, other: RunPlan) => RunPlan;

/** Each leaves a plan as it is where there is nothing to be changed. */
const CHANGES: readonly Change[] = [
  /** The same cluster and faults, and everything else by other chance. */
  (random, plan) => ({ ...plan, seed: random.u32() }),
  /** A fault at another time. */
  withFault((random, fault, { durationMs }) => [{ ...fault, atMs: between(random, 0, durationMs - 1) }]),
  /** A fault less. */
  withFault(() => []),
  /** A fault once more, at another time. */
  withFault((random, fault, { durationMs }) => [fault, { ...fault, atMs: between(random, 0, durationMs - 1) }]),
  /** A fault of other nodes. */
  withFault((random, { atMs, step }, { nodes, spares }) => [{ atMs, step: elsewhere(random, step, nodes + spares) }]),
  /** The other's cluster, network and clients, with these faults. */
  (_random, plan, { options }) => ({ ...plan, options }),
  /** A fault that the other one has. */
  (random, plan, { faults }) =>
    faults.length === 0 ? plan : { ...plan, faults: [...plan.faults, pick(random, faults)] },
];

/** A plan that differs from this one in a few things; `other` is one to borrow from. */
export function varied(random: Random, plan: RunPlan, other: RunPlan): RunPlan {
  let changed = plan;
  for (let left = between(random, 1, CHANGES_MAX); left > 0; left--)
    changed = possible(pick(random, CHANGES)(random, changed, other));
  return changed;
}

/** Replaces one of the faults by none or some. */
function withFault(replace: (random: Random, fault: TimedFault, options: SimOptions) => readonly TimedFault[]): Change {
  return (random, plan) => {
    if (plan.faults.length === 0) return plan;
    const chosen = random.below(plan.faults.length);
    const faults = plan.faults.flatMap((fault, index) =>
      index === chosen ? replace(random, fault, plan.options) : [fault],
    );
    return { ...plan, faults };
  };
}

/** The same fault, with each node in the place of another; one that is about one node may be about the leader. */
function elsewhere(random: Random, step: FaultStep, nodes: number): FaultStep {
  const ids = Array.from({ length: nodes }, (_, index) => index + 1);
  if ("target" in step) return { ...step, target: pick(random, [...ids, "leader" as const]) };
  if (!("groups" in step)) return step;
  const mixed = shuffled(random, ids);
  const place = (node: number): number => mixed[node - 1] ?? node;
  const groups = step.groups.map((group) => group.map(place));
  return step.kind === "bridge" ? { ...step, bridge: place(step.bridge), groups } : { ...step, groups };
}

/** The faults that can happen in a run with the plan's options, by time. */
function possible(plan: RunPlan): RunPlan {
  const { options, faults } = plan;
  const fitting = faults.flatMap((fault) => within(options.nodes + options.spares, fault));
  const kept = fitting.filter((fault) => canHappen(fault, options));
  return { ...plan, faults: kept.sort((a, b) => a.atMs - b.atMs) };
}

function canHappen(fault: TimedFault, options: SimOptions): boolean {
  try {
    checkFault(fault, options, "fault");
    return true;
  } catch {
    return false;
  }
}
