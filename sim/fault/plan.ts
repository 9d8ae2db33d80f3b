/**
 * The plan of faults of a run: timed steps, drawn once from the seed and then plain data, so that a plan can be printed,
 * kept, and made smaller. Steps that name a role ("the leader") are resolved when their time comes.
 */
import type { Random } from "../../node/base/ports/random.ts";
import { between, exponential, pick, shuffled } from "../draw.ts";
import type { FaultWeights, SimOptions } from "../options.ts";

/** A moment in a node's life at which a crash is most likely to hurt. */
export const CRASH_MOMENTS = ["voted", "elected", "appended", "committed"] as const;
export type CrashMoment = (typeof CRASH_MOMENTS)[number];

/** Whom a step is about: a node, or whoever leads then (the newest term counts). */
export type Target = number | "leader";

export type FaultStep =
  /** Nodes of different groups do not hear each other; `oneWay` only stops what the first group says. */
  | { readonly kind: "partition"; readonly groups: readonly (readonly number[])[]; readonly oneWay: boolean }
  /** Cut off from its peers; its clients still reach it. */
  | { readonly kind: "isolate"; readonly target: Target; readonly direction: "both" | "in" | "out" }
  | { readonly kind: "isolateClients"; readonly target: Target }
  | { readonly kind: "heal" }
  | { readonly kind: "crash"; readonly target: Target; readonly restartAfterMs: number }
  | { readonly kind: "crashAll"; readonly restartAfterMs: number }
  /** The next node to which the moment happens crashes a little later. */
  | {
      readonly kind: "crashWhen";
      readonly moment: CrashMoment;
      readonly delayUs: number;
      readonly restartAfterMs: number;
    }
  | { readonly kind: "pause"; readonly target: Target; readonly forMs: number }
  | { readonly kind: "slowDisk"; readonly target: Target; readonly factor: number; readonly forMs: number }
  | { readonly kind: "diskError"; readonly target: Target; readonly restartAfterMs: number }
  | { readonly kind: "clockJump"; readonly target: Target; readonly byMs: number };

export interface TimedFault {
  readonly atMs: number;
  readonly step: FaultStep;
}

/** Draws the plan of a run. */
export function drawPlan(random: Random, options: SimOptions): readonly TimedFault[] {
  const plan: TimedFault[] = [];
  const { faults, faultEveryMs, faultLastsMs, durationMs } = options;
  const kinds = weightedKinds(faults);
  if (kinds.length === 0) return plan;
  for (let atMs = exponential(random, faultEveryMs); atMs < durationMs; atMs += 1 + exponential(random, faultEveryMs)) {
    const kind = pick(random, kinds);
    if (kind === "crashVoters") {
      plan.push(...drawElectionUnderFire(random, atMs));
      continue;
    }
    const step = drawStep(random, options, kind);
    plan.push({ atMs, step });
    if (step.kind === "partition" || step.kind === "isolate" || step.kind === "isolateClients") {
      plan.push({ atMs: atMs + 1 + exponential(random, faultLastsMs), step: { kind: "heal" } });
    }
  }
  return plan.sort((a, b) => a.atMs - b.atMs);
}

type WeightedKind = keyof FaultWeights;

/** Each kind as often as it weighs. */
function weightedKinds(faults: FaultWeights): WeightedKind[] {
  const kinds: WeightedKind[] = [];
  for (const [kind, weight] of Object.entries(faults) as [WeightedKind, number][]) {
    for (let i = 0; i < weight; i++) kinds.push(kind);
  }
  return kinds;
}

/** The leader goes down, and some who vote for the next one crash right after and are back before the election is over. */
function drawElectionUnderFire(random: Random, atMs: number): readonly TimedFault[] {
  const fire = Array.from({ length: between(random, 1, 4) }, (): TimedFault => {
    const moment = pick(random, ["voted", "elected"] as const);
    const delayUs = exponential(random, pick(random, [200, 2_000, 10_000]));
    return { atMs, step: { kind: "crashWhen", moment, delayUs, restartAfterMs: between(random, 1, 10) } };
  });
  return [...fire, { atMs, step: { kind: "crash", target: "leader", restartAfterMs: between(random, 1, 50) } }];
}

function drawStep(random: Random, options: SimOptions, kind: Exclude<WeightedKind, "crashVoters">): FaultStep {
  const node = between(random, 1, options.nodes);
  const restartAfterMs = 1 + exponential(random, options.restartAfterMs);
  const forMs = 1 + exponential(random, options.faultLastsMs);
  switch (kind) {
    case "partition":
      return { kind: "partition", groups: drawGroups(random, options.nodes), oneWay: false };
    case "asymmetricPartition":
      return { kind: "partition", groups: drawGroups(random, options.nodes), oneWay: true };
    case "isolateLeader":
      return { kind: "isolate", target: "leader", direction: pick(random, ["both", "both", "in", "out"]) };
    case "isolateClients":
      return { kind: "isolateClients", target: pick(random, [node, "leader"]) };
    case "crash":
      return { kind: "crash", target: node, restartAfterMs };
    case "crashLeader":
      return { kind: "crash", target: "leader", restartAfterMs };
    case "crashAll":
      return { kind: "crashAll", restartAfterMs };
    case "crashWhen": {
      const moment = pick(random, CRASH_MOMENTS);
      return { kind: "crashWhen", moment, delayUs: exponential(random, 5_000), restartAfterMs };
    }
    case "pauseLeader":
      return { kind: "pause", target: pick(random, [node, "leader", "leader"]), forMs };
    case "slowDisk":
      return { kind: "slowDisk", target: pick(random, [node, "leader"]), factor: between(random, 2, 50), forMs };
    case "diskError":
      return { kind: "diskError", target: node, restartAfterMs };
    case "clockJump":
      return { kind: "clockJump", target: node, byMs: between(random, -5_000, 5_000) };
  }
}

function drawGroups(random: Random, nodes: number): number[][] {
  const order = shuffled(
    random,
    Array.from({ length: nodes }, (_, index) => index + 1),
  );
  const cut = between(random, 1, nodes - 1);
  return [order.slice(0, cut), order.slice(cut)];
}
