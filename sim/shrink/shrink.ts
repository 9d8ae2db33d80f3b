/**
 * Makes the plan of a failed run smaller while the same rule stays broken: first its faults, then what its clients do, then
 * its cluster, and the faults once more. Pure: it yields the plans to be run and is handed their results, so the same failed
 * run gives the same small plan wherever it is done.
 *
 * A planted bug must stay the reason: a plan that fails without it, too, is not taken.
 */
import type { RunPlan, SeedResult, TurnRange } from "../run.ts";
import { ddmin } from "./ddmin.ts";
import { simplerPlans } from "./simpler-options.ts";

/** Turns are left out in so many blocks, then in finer ones. */
const BLOCKS = 16;
/** A shorter time with faults is tried in these parts of it. */
const SHORTER = [0.25, 0.5, 0.75, 0.9];

/** What is being made smaller. */
export type Stage = "faults" | "options" | "turns" | "time";

interface Candidate {
  readonly stage: Stage;
  readonly plan: RunPlan;
}

type Search<Found> = Generator<Candidate, Found, SeedResult>;

/** Shrinks a run that has failed; `best` is what has been reached, at any time. */
export class Shrinking {
  readonly checker: string;
  #best: SeedResult;

  constructor(failed: SeedResult) {
    this.#best = failed;
    this.checker = failed.failed?.checker ?? "";
  }

  /** The smallest run so far that fails as the first one did. */
  get best(): SeedResult {
    return this.#best;
  }

  /** Candidates to be run, the result of each handed in by `next`. Ends when nothing gets smaller any more. */
  *search(): Search<void> {
    let before: number;
    do {
      before = size(this.#best.plan);
      yield* this.#cutTime();
      yield* this.#fewerFaults();
      yield* this.#simplerOptions();
      yield* this.#fewerTurns();
    } while (size(this.#best.plan) < before);
  }

  /** Nothing that comes after the failure has a part in it; where it came in the quiet end, a shorter time may do. */
  *#cutTime(): Search<void> {
    const { plan, failed, begunMs } = this.#best;
    const failedMs = Math.max(1, (failed?.atMs ?? 0) + 1 - begunMs);
    if (failedMs < plan.options.durationMs) yield* this.#try("time", lasting(plan, failedMs));
    for (const part of SHORTER) {
      const shorter = Math.ceil(part * this.#best.plan.options.durationMs);
      if (yield* this.#try("time", lasting(this.#best.plan, shorter))) return;
    }
  }

  *#fewerFaults(): Search<void> {
    const search = ddmin(this.#best.plan.faults);
    let step = search.next();
    while (step.done !== true)
      step = search.next(yield* this.#try("faults", { ...this.#best.plan, faults: step.value }));
  }

  /** Each way to be simpler, until none is left that fails. */
  *#simplerOptions(): Search<void> {
    const refused = new Set<string>();
    for (;;) {
      const candidate = simplerPlans(this.#best.plan).find((plan) => !refused.has(changeOf(plan, this.#best.plan)));
      if (candidate === undefined) return;
      const change = changeOf(candidate, this.#best.plan);
      if (!(yield* this.#try("options", candidate))) refused.add(change);
    }
  }

  /** Turns in blocks, then the blocks that are left in smaller ones, down to single turns. */
  *#fewerTurns(): Search<void> {
    let kept = turnsKept(this.#best);
    for (let length = Math.ceil(kept.length / BLOCKS); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 4)) {
      const { turns } = this.#best;
      const search = ddmin(inBlocks(kept, length));
      let step = search.next();
      while (step.done !== true) {
        const leftOut = allBut(step.value.flat(), turns);
        step = search.next(yield* this.#try("turns", { ...this.#best.plan, leftOut }));
      }
      kept = step.value.flat();
    }
  }

  /** Runs a plan; it becomes the best when it fails as it should. */
  *#try(stage: Stage, plan: RunPlan): Search<boolean> {
    const result = yield { stage, plan };
    if (result.failed?.checker !== this.checker) return false;
    const { mutant, ...without } = plan;
    if (mutant !== undefined && (yield { stage, plan: without }).failed !== undefined) return false;
    this.#best = result;
    return true;
  }
}

/** The plan with so much time with faults. */
function lasting(plan: RunPlan, durationMs: number): RunPlan {
  const faults = plan.faults.filter(({ atMs }) => atMs < durationMs);
  return { ...plan, faults, options: { ...plan.options, durationMs } };
}

/** By which shrinking is measured, to know when it is over. */
function size({ faults, options, leftOut }: RunPlan): number {
  const left = leftOut.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return 10 * faults.length + JSON.stringify(options).length + options.durationMs - left;
}

/** Names what differs, so that the same simplification is not tried twice. */
function changeOf(candidate: RunPlan, plan: RunPlan): string {
  const [a, b] = [JSON.stringify(candidate.options), JSON.stringify(plan.options)];
  let from = 0;
  while (a[from] === b[from]) from += 1;
  return a.slice(Math.max(0, from - 60), from + 60);
}

function turnsKept({ plan, turns }: SeedResult): readonly number[] {
  const left = (turn: number): boolean => plan.leftOut.some(([first, last]) => turn >= first && turn <= last);
  return Array.from({ length: turns }, (_, index) => index + 1).filter((turn) => !left(turn));
}

function inBlocks(turns: readonly number[], length: number): readonly (readonly number[])[] {
  return Array.from({ length: Math.ceil(turns.length / length) }, (_, block) =>
    turns.slice(block * length, (block + 1) * length),
  );
}

/** All turns but these, and whatever would come later, as ranges. */
function allBut(kept: readonly number[], turns: number): readonly TurnRange[] {
  const ranges: TurnRange[] = [];
  let next = 1;
  for (const turn of [...kept, turns + 1]) {
    if (turn > next) ranges.push([next, turn - 1]);
    next = turn + 1;
  }
  return ranges;
}
