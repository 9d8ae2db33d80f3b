/**
 * A campaign that novelty leads: besides fresh seeds it runs variations of plans that came to states of the protocol which
 * nobody had come to before. It goes in generations. Who is in one is settled before the first of it runs, from results
 * in the order of their runs; so the same campaign is the same runs, whoever runs them, and how many at a time.
 */
import { must } from "../../node/base/assert.ts";
import type { Random } from "../../node/base/ports/random.ts";
import { Prng } from "../../node/base/prng.ts";
import { pick } from "../draw.ts";
import type { Job, RunPlan, SeedResult } from "../run.ts";
import { varied } from "./vary.ts";

/** Runs of a generation: enough to keep the threads of a machine at work, few enough to learn from early. */
const GENERATION = 24;
/** The newest plans that added something are varied, for what was new at first is soon everyday. */
const PARENTS_MAX = 64;
/** Of so many parents, drawn by chance, the one is varied that added most. */
const RIVALS = 3;

/** Runs of one origin, and the states that they added. */
export interface Yield {
  readonly runs: number;
  readonly added: number;
}

export interface GuidedFigures {
  readonly fresh: Yield;
  readonly varied: Yield;
}

interface Parent {
  readonly plan: RunPlan;
  readonly added: number;
}

export class Guided {
  readonly #random: Random;
  #nextSeed: number;
  #left: number;
  #parents: Parent[] = [];
  #fresh: Yield = { runs: 0, added: 0 };
  #varied: Yield = { runs: 0, added: 0 };
  /** Those that run now, and whose results are still to be told. */
  #running: Job[] = [];

  /** As many runs as there are seeds from `first` to `last`; fresh ones are taken from there. */
  constructor({ first, last }: { readonly first: number; readonly last: number }) {
    this.#random = new Prng(first);
    this.#nextSeed = first;
    this.#left = last - first + 1;
  }

  /** What is to be run, a generation at a time; each result must be told before the next is asked for. */
  *generations(): Generator<readonly Job[]> {
    while (this.#left > 0) {
      const size = Math.min(GENERATION, this.#left);
      this.#left -= size;
      this.#running = Array.from({ length: size }, (_, place) => this.#draw(place));
      yield [...this.#running];
    }
  }

  /** A run of the generation is over, in the order in which they stand in it; it added so many states. */
  told({ plan, failed }: SeedResult, added: number): void {
    const isFresh = "seed" in must(this.#running.shift(), "a run that is told was drawn");
    const { runs, added: before } = isFresh ? this.#fresh : this.#varied;
    const sum = { runs: runs + 1, added: before + added };
    if (isFresh) this.#fresh = sum;
    else this.#varied = sum;
    if (added > 0 && failed === undefined) this.#parents = [...this.#parents, { plan, added }].slice(-PARENTS_MAX);
  }

  read(): GuidedFigures {
    return { fresh: this.#fresh, varied: this.#varied };
  }

  /** Every other run is a fresh seed, and so are all while there is nothing to vary. */
  #draw(place: number): Job {
    if (place % 2 === 0 || this.#parents.length === 0) return { seed: this.#nextSeed++ };
    return { plan: varied(this.#random, this.#parent().plan, pick(this.#random, this.#parents).plan) };
  }

  #parent(): Parent {
    const rivals = Array.from({ length: RIVALS }, () => pick(this.#random, this.#parents));
    return rivals.reduce((best, rival) => (rival.added > best.added ? rival : best));
  }
}
