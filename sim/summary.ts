/** The sum of many runs: what a campaign tells at its end, or when it is stopped. */
import type { CampaignResult } from "./campaign.ts";
import type { Failure } from "./check/verdict.ts";
import { allFaults, allOf, Counters, type Counts, type Fault } from "./counts.ts";
import { Coverage, type CoverageFigures } from "./coverage.ts";
import type { StepKind } from "./fault/plan.ts";
import { POINTS, type Point, type Reached } from "./reached.ts";

/** A seed that broke a rule, and the trace by which to know it again. */
export interface FailedSeed extends Failure {
  readonly seed: number;
  readonly traceHash: string;
}

export interface SummaryFigures {
  readonly seeds: number;
  readonly failed: readonly FailedSeed[];
  /** Seeds that have lost what nothing could have kept, and said so. */
  readonly unavoidableLoss: readonly number[];
  /** Seeds that have lost nothing, and yet nobody could lead in the end. */
  readonly unavoidableHalt: readonly number[];
  readonly simulatedMs: number;
  readonly transactions: number;
  /** With 0 for those that did not happen. */
  readonly faults: Readonly<Record<Fault, number>>;
  /** Steps that could not be done; those that could are not there. */
  readonly skipped: Counts<StepKind>;
  readonly reached: Readonly<Record<Point, number>>;
  readonly states: CoverageFigures;
}

export class Summary {
  readonly coverage: Coverage = new Coverage();
  readonly #failed: FailedSeed[] = [];
  readonly #loss: number[] = [];
  readonly #halt: number[] = [];
  readonly #faults = new Counters();
  readonly #skipped = new Counters<StepKind>();
  readonly #reached: Reached = new Counters();
  #seeds = 0;
  #simulatedMs = 0;
  #transactions = 0;

  add({
    seed,
    failed,
    unavoidableLoss,
    unavoidableHalt,
    traceHash,
    simulatedMs,
    transactions,
    faults,
    skipped,
    reached,
    newStates,
  }: CampaignResult): void {
    this.#seeds += 1;
    this.#simulatedMs += simulatedMs;
    this.#transactions += transactions;
    this.coverage.add(newStates);
    for (const [fault, count] of Object.entries(faults)) this.#faults.add(fault as Fault, count);
    for (const [kind, count] of Object.entries(skipped)) this.#skipped.add(kind as StepKind, count);
    for (const [point, count] of Object.entries(reached)) this.#reached.add(point as Point, count);
    if (failed !== undefined) this.#failed.push({ seed, ...failed, traceHash });
    if (unavoidableLoss !== undefined) this.#loss.push(seed);
    if (unavoidableHalt !== undefined) this.#halt.push(seed);
  }

  read(): SummaryFigures {
    return {
      seeds: this.#seeds,
      failed: [...this.#failed],
      unavoidableLoss: [...this.#loss],
      unavoidableHalt: [...this.#halt],
      simulatedMs: this.#simulatedMs,
      transactions: this.#transactions,
      faults: allFaults(this.#faults.read()),
      skipped: this.#skipped.read(),
      reached: allOf(POINTS, this.#reached.read()),
      states: this.coverage.read(),
    };
  }
}
