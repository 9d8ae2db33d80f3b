/**
 * Makes the plan of a failed run smaller while the same rule stays broken: first its time, its faults and its nodes, then how
 * often clients do something, what they and the network do at all, then when clients do it, and all that once more. What
 * makes runs short comes first, so that the many small steps take little time. Pure: it yields the plans to be run and is
 * handed their results, so the same failed run gives the same small plan wherever it is done.
 *
 * What is left out changes all that comes after it, so a fault may seem to be needed that is not: under another seed the run
 * may fail without it. So the simplest cluster is tried under other seeds, and half of the faults where many are left.
 *
 * A planted bug must stay the reason: a plan that fails without it, too, is not taken. That asks for a whole run, for a plan
 * that does not fail ends late, so it is looked at after many steps at once.
 */
import type { RunPlan, SeedResult, TurnRange } from "../run.ts";
import { ddmin } from "./ddmin.ts";
import { type Simplification, SMALLER_CLUSTERS, simplifications } from "./simpler-options.ts";

/** A shorter time with faults is tried in these parts of it. */
const SHORTER = [0.25, 0.5, 0.75, 0.9];
/** And these parts of the time before the first fault are left out. */
const SOONER = [1, 0.75, 0.5, 0.25];
/** Pauses of clients are made so many times as long. */
const SLOWER = [32, 16, 8, 4, 2];
/** But not longer than most runs last. */
const PAUSE_US_MAX = 10_000_000;
/** Seeds are below this. */
const SEEDS = 2 ** 32;
/** As many faults as a person can follow. */
const FEW_FAULTS = 4;
/** Other seeds that are tried at a time: with everything simple, and with either half of the faults. */
const SIMPLE_SEEDS = 24;
const HALF_SEEDS = 32;

/** A run may take so many times as many events as the best one. */
const EVENTS_TIMES = 2;

/** What is being made smaller. */
export type Stage = "faults" | "options" | "turns" | "time" | "seed" | "without the bug";

interface Candidate {
  readonly stage: Stage;
  readonly plan: RunPlan;
  /** More events of the run are not worth their time. */
  readonly eventsMax?: number;
}

type Search<Found> = Generator<Candidate, Found, SeedResult>;

/** Shrinks a run that has failed; `best` is what has been reached, at any time. */
export class Shrinking {
  readonly checker: string;
  /** The smallest run so far of which all is known that must be. */
  #sure: SeedResult;
  /** The smallest run so far; whether it is the planted bug's doing is looked at later, once for many steps. */
  #best: SeedResult;
  #isCareful = false;
  /** Plans that did not fail as they should, or not because of the planted bug: what is tried again has the same end. */
  readonly #refused = new Set<string>();
  /** Plans whose runs were given up because the best one was that short. */
  readonly #tooLong = new Set<string>();

  constructor(failed: SeedResult) {
    this.#sure = failed;
    this.#best = failed;
    this.checker = failed.failed?.checker ?? "";
  }

  /** The smallest run so far that fails as the first one did. */
  get best(): SeedResult {
    return this.#sure;
  }

  /** Candidates to be run, the result of each handed in by `next`. Ends when nothing gets smaller any more. */
  *search(): Search<void> {
    for (const stage of this.#largestParts()) yield* this.#surely(stage);
    let before: number;
    do {
      before = size(this.#best.plan);
      for (const stage of this.#allParts()) yield* this.#surely(stage);
    } while (size(this.#best.plan) < before);
  }

  /** What makes runs short comes first; other chance, which knows nothing of turns that are left out, before those. */
  #largestParts(): readonly (() => Search<void>)[] {
    return [
      () => this.#cutTime(),
      () => this.#newestFaults(),
      () => this.#simpleElsewhere(),
      () => this.#fewerNodes(),
      () => this.#slowerClients(),
      () => this.#simplerOptions(),
      () => this.#fewerFaults(),
      () => this.#fewerElsewhere(),
    ];
  }

  #allParts(): readonly (() => Search<void>)[] {
    return [
      () => this.#cutTime(),
      () => this.#fewerNodes(),
      () => this.#simplerOptions(),
      () => this.#fewerFaults(),
      () => this.#soonerFaults(),
      () => this.#fewerTurns(),
    ];
  }

  /** Does a stage, and then looks whether what it came to is the planted bug's doing; if not, does it step by step. */
  *#surely(stage: () => Search<void>): Search<void> {
    yield* stage();
    if (yield* this.#isSure()) return;
    this.#best = this.#sure;
    this.#tooLong.clear();
    this.#isCareful = true;
    yield* stage();
    this.#isCareful = false;
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

  /** What came last before the failure has the most to do with it: no fault, the last, the last two, four... */
  *#newestFaults(): Search<void> {
    const { faults } = this.#best.plan;
    for (let count = 0; 2 * count <= faults.length; count = 2 * count || 1)
      if (yield* this.#try("faults", { ...this.#best.plan, faults: faults.slice(faults.length - count) })) return;
  }

  *#fewerFaults(): Search<void> {
    const search = ddmin(this.#best.plan.faults);
    let step = search.next();
    while (step.done !== true)
      step = search.next(yield* this.#try("faults", { ...this.#best.plan, faults: step.value }));
  }

  /** Everything as simple as it gets, also by other chance: such runs take little time, so many can be tried. */
  *#simpleElsewhere(): Search<void> {
    const { plan } = this.#best;
    const simple = simplified(plan, simplifications(plan));
    if (yield* this.#try("options", simple)) return;
    for (const seed of plan.faults.length === 0 ? [] : seedsAfter(plan, SIMPLE_SEEDS))
      if (yield* this.#try("seed", { ...simple, seed, leftOut: [] })) return;
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

  /** The time before the first fault, or some of it: what clients do then is seldom needed. */
  *#soonerFaults(): Search<void> {
    const [first] = this.#best.plan.faults;
    for (const part of first === undefined ? [] : SOONER) {
      const byMs = Math.floor(part * (first?.atMs ?? 0));
      if (byMs > 0 && (yield* this.#try("time", sooner(this.#best.plan, byMs)))) return;
    }
  }

  /** Clients that pause longer have fewer turns, of which then single ones are left out. */
  *#slowerClients(): Search<void> {
    const { thinkUs } = this.#best.plan.options.workload;
    for (const times of SLOWER)
      if (times * thinkUs <= PAUSE_US_MAX && (yield* this.#try("turns", slower(this.#best.plan, times)))) return;
  }

  *#fewerTurns(): Search<void> {
    const { turns } = this.#best;
    const search = ddmin(turnsKept(this.#best));
    let step = search.next();
    while (step.done !== true)
      step = search.next(yield* this.#try("turns", { ...this.#best.plan, leftOut: allBut(step.value, turns) }));
  }

  /** Runs a plan; it becomes the best when it fails as it should. */
  *#try(stage: Stage, plan: RunPlan): Search<boolean> {
    const text = JSON.stringify(plan);
    if (this.#refused.has(text) || this.#tooLong.has(text) || text === JSON.stringify(this.#best.plan)) return false;
    const before = this.#best;
    const eventsMax = EVENTS_TIMES * before.events;
    const result = yield { stage, plan, eventsMax };
    if (result.failed?.checker === this.checker) {
      this.#best = result;
      if (!this.#isDue() || (yield* this.#isSure())) return true;
      this.#best = before;
    }
    const isCut = result.failed === undefined && result.events >= eventsMax;
    (isCut ? this.#tooLong : this.#refused).add(text);
    return false;
  }

  /** A run without the bug takes as long as one with it, so only such are looked at as are half as long as the last. */
  #isDue(): boolean {
    return this.#isCareful || 2 * this.#best.events <= this.#sure.events;
  }

  /** Whether the best run keeps all rules without the planted bug, if there is one. */
  *#isSure(): Search<boolean> {
    const { mutant, ...without } = this.#best.plan;
    const isNew = this.#best !== this.#sure;
    const stage = "without the bug";
    if (isNew && mutant !== undefined && (yield { stage, plan: without }).failed !== undefined) return false;
    this.#sure = this.#best;
    return true;
  }
}

/** The plan with so much time with faults. */
function lasting(plan: RunPlan, durationMs: number): RunPlan {
  const faults = plan.faults.filter(({ atMs }) => atMs < durationMs);
  return { ...plan, faults, options: { ...plan.options, durationMs } };
}

/** The plan with all faults by so much sooner, and its end. */
function sooner({ faults, options, ...plan }: RunPlan, byMs: number): RunPlan {
  const durationMs = options.durationMs - byMs;
  return {
    ...plan,
    options: { ...options, durationMs },
    faults: faults.map((one) => ({ ...one, atMs: one.atMs - byMs })),
  };
}

/** The plan with clients whose pauses are so many times as long. */
function slower({ options, ...plan }: RunPlan, times: number): RunPlan {
  const { workload } = options;
  return { ...plan, options: { ...options, workload: { ...workload, thinkUs: times * workload.thinkUs } } };
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
