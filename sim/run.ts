/**
 * Running seeds: one run of the simulator for each, with its verdict and its figures. The same seed gives the same run,
 * event for event, in every process; `traceHash` says so.
 */
import type { Failure } from "./check/verdict.ts";
import type { Counts, FaultCounts } from "./counts.ts";
import { MUTANTS, type MutantName } from "./mutants/mutants.ts";
import type { SimOptions } from "./options.ts";
import type { Point } from "./reached.ts";
import { World, type WorldOptions } from "./world.ts";

export interface RunOptions extends Omit<WorldOptions, "parts"> {
  /** Plants a bug. */
  readonly mutant?: MutantName;
}

export interface SeedResult {
  readonly seed: number;
  /** Absent when all rules held. */
  readonly failed?: Failure;
  readonly options: SimOptions;
  readonly simulatedMs: number;
  readonly faults: FaultCounts;
  /** How often the run has come to each point. */
  readonly reached: Counts<Point>;
  /** Transactions executed. */
  readonly transactions: number;
  readonly traceHash: string;
}

/** Runs one seed to its end or to the first broken rule. */
export function runSeed(seed: number, { mutant, ...options }: RunOptions = {}): SeedResult {
  const world = new World(seed, mutant === undefined ? options : { ...options, parts: MUTANTS[mutant] });
  world.run();
  const { failure } = world.verdict;
  return {
    seed,
    ...(failure === undefined ? {} : { failed: failure }),
    options: world.options,
    simulatedMs: world.nowMs,
    faults: world.counters.read(),
    reached: world.reached.read(),
    transactions: world.rules.exactlyOnce.count,
    traceHash: world.traceHash,
  };
}
