/**
 * Running seeds and plans: one run of the simulator for each, with its verdict and its figures. The same seed gives the
 * same run, event for event, in every process; `traceHash` says so. What a run was made of is its plan, plain data that
 * gives the run again, whole or in parts.
 */
import type { Counts, FaultCounts } from "./counts.ts";
import type { StepKind, TimedFault } from "./fault/plan.ts";
import { MUTANT_NAMES, MUTANTS, type MutantName } from "./mutants/mutants.ts";
import type { SimOptions } from "./options.ts";
import type { Point } from "./reached.ts";
import { thrownText } from "./thrown.ts";
import type { Outcome } from "./unavoidable.ts";
import { World, type WorldOptions } from "./world.ts";

/** Names of the planted bugs. */
export const PLANTED: readonly MutantName[] = MUTANT_NAMES;
export type Planted = MutantName;

/** Some turns of the clients, the first and the last one included. */
export type TurnRange = readonly [first: number, last: number];

/** Everything that a run is made of. */
export interface RunPlan {
  readonly seed: number;
  readonly options: SimOptions;
  readonly faults: readonly TimedFault[];
  /** Turns at which clients do nothing, by rising number. */
  readonly leftOut: readonly TurnRange[];
  readonly mutant?: Planted;
}

/** How far a run has come. */
export interface Progress {
  readonly simulatedMs: number;
  readonly events: number;
  /** Elections that were won. */
  readonly elections: number;
  /** Transactions executed. */
  readonly transactions: number;
}

/** Whoever looks on. */
export interface Watch extends Pick<WorldOptions, "trace" | "record" | "history" | "eventsMax"> {
  /** Hears of a run before its first event: what it is made of, and what tells at any time how far it has come. */
  readonly begun?: (plan: RunPlan, progress: () => Progress) => void;
}

export interface RunOptions extends Watch, Pick<WorldOptions, "adjust"> {
  /** Plants a bug. */
  readonly mutant?: Planted;
  /** Lets faults destroy the last copy of something, and has some that are likely to. */
  readonly giveUpLastCopy?: boolean;
}

export interface SeedResult extends Outcome {
  readonly seed: number;
  readonly plan: RunPlan;
  readonly simulatedMs: number;
  /** Of it, what passed before the time with faults. */
  readonly begunMs: number;
  readonly faults: FaultCounts;
  /** Steps of the plan that could not be done, by their kind: nobody led, the node was down, or nobody could spare it. */
  readonly skipped: Counts<StepKind>;
  /** How often the run has come to each point. */
  readonly reached: Counts<Point>;
  /** States of the protocol that the run has come to (`check/protocol-states.ts`), each once. */
  readonly states: readonly number[];
  /** Transactions executed. */
  readonly transactions: number;
  /** Transfers that the ledger has at the end. */
  readonly transfers: number;
  readonly events: number;
  /** Elections that were won. */
  readonly elections: number;
  /** Turns that clients had. */
  readonly turns: number;
  readonly traceHash: string;
}

/** Runs one seed to its end or to the first broken rule. */
export function runSeed(seed: number, { mutant, giveUpLastCopy, ...options }: RunOptions = {}): SeedResult {
  const given: Pick<WorldOptions, "adjust"> =
    giveUpLastCopy === true ? { adjust: (drawn) => ({ ...drawn, giveUpLastCopy }) } : {};
  const world = new World(seed, { ...options, ...given, ...plantOf(mutant) });
  const plan = { seed, options: world.options, faults: world.faults, leftOut: [] };
  return finish(world, mutant === undefined ? plan : { ...plan, mutant }, options);
}

/** Runs what a plan says. That of a seed's own run gives the same run again. */
export function runPlan(plan: RunPlan, watch: Watch = {}): SeedResult {
  const { seed, options, faults, leftOut, mutant } = plan;
  const isLeftOut = (turn: number): boolean => leftOut.some(([first, last]) => turn >= first && turn <= last);
  const given = { adjust: () => options, faults, leftOut: isLeftOut };
  return finish(new World(seed, { ...watch, ...given, ...plantOf(mutant) }), plan, watch);
}

/** What is to be run, plain data: a seed's own run, or that of a plan. */
export type Job =
  | ({ readonly seed: number } & Pick<RunOptions, "mutant" | "giveUpLastCopy">)
  | ({ readonly plan: RunPlan } & Pick<Watch, "eventsMax">);

export function runJob(job: Job): SeedResult {
  if ("plan" in job) {
    const { plan, ...watch } = job;
    return runPlan(plan, watch);
  }
  const { seed, ...options } = job;
  return runSeed(seed, options);
}

function plantOf(mutant: Planted | undefined): Pick<WorldOptions, "plant"> {
  return mutant === undefined ? {} : { plant: MUTANTS[mutant] };
}

function finish(world: World, plan: RunPlan, { begun }: Watch): SeedResult {
  begun?.(plan, () => progressOf(world));
  try {
    world.run();
  } catch (error) {
    world.verdict.fail("simulator", thrownText(error));
  }
  world.tellEnd();
  const { simulatedMs, elections, transactions } = progressOf(world);
  return {
    seed: plan.seed,
    ...world.outcome,
    plan,
    simulatedMs,
    begunMs: world.begunMs,
    faults: world.counters.read(),
    skipped: world.skipped.read(),
    reached: world.reached.read(),
    states: world.rules.protocol.read(),
    transactions,
    transfers: world.transfers,
    events: world.events,
    elections,
    turns: world.turns,
    traceHash: world.traceHash,
  };
}

function progressOf({ nowMs, events, rules }: World): Progress {
  return {
    simulatedMs: nowMs,
    events,
    elections: rules.elections.elections,
    transactions: rules.exactlyOnce.count,
  };
}
