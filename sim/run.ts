/**
 * Running seeds: one run of the simulator for each, with its verdict and its figures. The same seed gives the same run,
 * event for event, in every process; `traceHash` says so.
 */
import type { NodeParts } from "../node/compose.ts";
import type { Failure } from "./check/verdict.ts";
import type { FaultCounts } from "./counts.ts";
import { MUTANTS, type MutantName } from "./mutants/mutants.ts";
import type { SimOptions } from "./options.ts";
import type { TraceListener } from "./trace.ts";
import { World } from "./world.ts";

export interface RunOptions {
  /** Plants a bug. */
  readonly mutant?: MutantName;
  readonly trace?: TraceListener;
}

export interface SeedResult {
  readonly seed: number;
  /** Absent when all rules held. */
  readonly failed?: Failure;
  readonly options: SimOptions;
  readonly simulatedMs: number;
  readonly faults: FaultCounts;
  /** Transactions executed. */
  readonly transactions: number;
  readonly traceHash: string;
}

/** Runs one seed to its end or to the first broken rule. */
export function runSeed(seed: number, { mutant, trace }: RunOptions = {}): SeedResult {
  const parts: Partial<NodeParts> = mutant === undefined ? {} : MUTANTS[mutant];
  const world = new World(seed, trace === undefined ? { parts } : { parts, trace });
  world.run();
  const { failure } = world.verdict;
  return {
    seed,
    ...(failure === undefined ? {} : { failed: failure }),
    options: world.options,
    simulatedMs: world.nowMs,
    faults: world.counters.read(),
    transactions: world.rules.exactlyOnce.count,
    traceHash: world.traceHash,
  };
}

/** Seeds from `first` to `last`, both included. */
export interface SeedRange {
  readonly first: number;
  readonly last: number;
}

/** Runs all seeds of a range, telling each result. */
export function runSeeds(range: SeedRange, onProgress: (result: SeedResult) => void): readonly SeedResult[] {
  const results: SeedResult[] = [];
  for (let seed = range.first; seed <= range.last; seed++) {
    const result = runSeed(seed);
    onProgress(result);
    results.push(result);
  }
  return results;
}
