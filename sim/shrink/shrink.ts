/**
 * Makes the plan of a failed run smaller while the same rule stays broken: first its time, its nodes and its faults,
 * then what clients and the network do at all, then when clients do it, and all that once more. Pure: it yields the plans to be run and is handed
 * their results, so the same failed run gives the same small plan wherever it is done.
 *
 * What is left out changes all that comes after it, so a fault may seem to be needed that is not: under another seed the run
 * may fail without it. So the simplest cluster is tried under other seeds, and half of the faults where many are left.
 *
 * A planted bug must stay the reason: a plan that fails without it, too, is not taken.
 */
import type { RunPlan, SeedResult, TurnRange } from "../run.ts";
import { ddmin } from "./ddmin.ts";
import { type Simplification, SMALLER_CLUSTERS, simplifications } from "./simpler-options.ts";

/** Turns are left out in so many blocks, then in finer ones. */
const BLOCKS = 16;
/** A shorter time with faults is tried in these parts of it. */
const SHORTER = [0.25, 0.5, 0.75, 0.9];
/** Seeds are below this. */
const SEEDS = 2 ** 32;
/** As many faults as a person can follow. */
const FEW_FAULTS = 4;
/** Other seeds that are tried at a time: with everything simple, and with either half of the faults. */
const SIMPLE_SEEDS = 24;
const HALF_SEEDS = 32;

/** What is being made smaller. */
export type Stage = "faults" | "options" | "turns" | "time" | "seed";

interface Candidate {
  readonly stage: Stage;
  readonly plan: RunPlan;
}

type Search<Found> = Generator<Candidate, Found, SeedResult>;

/** Shrinks a run that has failed; `best` is what has been reached, at any time. */
export class Shrinking {
  readonly checker: string;
  #best: SeedResult;
  /** Plans that did not fail as they should, or not because of the planted bug: what is tried again has the same end. */
  readonly #refused = new Set<string>();

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
      yield* this.#fewerNodes();
      yield* this.#newestFaults();
      yield* this.#fewerFaults();
      yield* this.#simpleElsewhere();
      yield* this.#simplerOptions();
      yield* this.#fewerElsewhere();
      yield* this.#fewerTurns();
    } while (size(this.#best.plan) < before);
  }

  /** Nothing that comes after the failure has a part in it; where it came in the quiet end, a shorter time may do. */
  *#cutTime(): Search<void> {
    const { plan, failed, begunMs } = this.#best;
    const failedMs = Math.max(1, (failed?.atMs ?? 0) + 1 - begunMs);
    if (failedMs < plan.options.durationMs) {
      yield* this.#try("time", lasting(plan, failedMs));
      return;
    }
    for (const part of SHORTER) {
      const shorter = Math.ceil(part * this.#best.plan.options.durationMs);
      if (yield* this.#try("time", lasting(this.#best.plan, shorter))) return;
    }
  }

  *#fewerNodes(): Search<void> {
    for (const way of SMALLER_CLUSTERS) yield* this.#try("options", way(this.#best.plan));
  }

  /** What came last before the failure has the most to do with it: the last fault, the last two, four... */
  *#newestFaults(): Search<void> {
    const { faults } = this.#best.plan;
    for (let count = 1; 2 * count <= faults.length; count *= 2)
      if (yield* this.#try("faults", { ...this.#best.plan, faults: faults.slice(-count) })) return;
  }

  *#fewerFaults(): Search<void> {
    const search = ddmin(this.#best.plan.faults);
    let step = search.next();
    while (step.done !== true)
      step = search.next(yield* this.#try("faults", { ...this.#best.plan, faults: step.value }));
  }

  /** Everything as simple as it gets, by other chance: such runs take little time, so many can be tried. */
  *#simpleElsewhere(): Search<void> {
    const { plan } = this.#best;
    const simple = simplified(plan, simplifications(plan));
    if (simple === plan) return;
    for (const seed of seedsAfter(plan, SIMPLE_SEEDS))
      if (yield* this.#try("seed", { ...simple, seed, leftOut: [] })) return yield* this.#fewerFaults();
  }

  /** Half of the ways to be simpler at once, then the other; then, of those that did not do, fewer at a time. */
  *#simplerOptions(): Search<void> {
    let ways = simplifications(this.#best.plan);
    for (let length = Math.ceil(ways.length / 2); length >= 1; length = length === 1 ? 0 : Math.ceil(length / 2)) {
      const left: Simplification[] = [];
      for (const some of inBlocks(ways, length))
        if (!(yield* this.#try("options", simplified(this.#best.plan, some)))) left.push(...some);
      ways = left;
    }
  }

  /** Where many faults seem to be needed: one half of them or the other, by other chance. */
  *#fewerElsewhere(): Search<void> {
    while (this.#best.plan.faults.length > FEW_FAULTS && (yield* this.#halfElsewhere())) yield* this.#fewerFaults();
  }

  *#halfElsewhere(): Search<boolean> {
    const { plan } = this.#best;
    const half = Math.ceil(plan.faults.length / 2);
    for (const seed of seedsAfter(plan, HALF_SEEDS))
      for (const faults of [plan.faults.slice(half), plan.faults.slice(0, half)])
        if (yield* this.#try("seed", { ...plan, seed, faults, leftOut: [] })) return true;
    return false;
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
    const text = JSON.stringify(plan);
    if (this.#refused.has(text) || text === JSON.stringify(this.#best.plan)) return false;
    const result = yield { stage, plan };
    const { mutant, ...without } = plan;
    const isSame = result.failed?.checker === this.checker;
    if (!isSame || (mutant !== undefined && (yield { stage, plan: without }).failed !== undefined)) {
      this.#refused.add(text);
      return false;
    }
    this.#best = result;
    return true;
  }
}

/** The plan with so much time with faults. */
function lasting(plan: RunPlan, durationMs: number): RunPlan {
  const faults = plan.faults.filter(({ atMs }) => atMs < durationMs);
  return { ...plan, faults, options: { ...plan.options, durationMs } };
}

function simplified(plan: RunPlan, ways: readonly Simplification[]): RunPlan {
  return ways.reduce((simpler, way) => way(simpler), plan);
}

/** So many other seeds. */
function seedsAfter({ seed }: RunPlan, count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => (seed + 1 + index) % SEEDS);
}

/** By which shrinking is measured, to know when it is over. */
function size({ faults, options, leftOut }: RunPlan): number {
  const left = leftOut.reduce((sum, [first, last]) => sum + last - first + 1, 0);
  return 10 * faults.length + JSON.stringify(options).length + options.durationMs - left;
}

function turnsKept({ plan, turns }: SeedResult): readonly number[] {
  const left = (turn: number): boolean => plan.leftOut.some(([first, last]) => turn >= first && turn <= last);
  return Array.from({ length: turns }, (_, index) => index + 1).filter((turn) => !left(turn));
}

function inBlocks<T>(items: readonly T[], length: number): readonly (readonly T[])[] {
  return Array.from({ length: Math.ceil(items.length / length) }, (_, block) =>
    items.slice(block * length, (block + 1) * length),
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
