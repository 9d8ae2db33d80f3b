/**
 * Looking for a planted bug: the first seed that fails with it and not without it. A seed that fails without any is no
 * evidence for a planted bug, and is told: the product itself is broken there.
 */
import { setImmediate } from "node:timers/promises";
import { type Planted, runSeed, type SeedResult } from "../../sim/run.ts";

/** A seed that fails although nothing was planted. */
export interface Unclean {
  readonly seed: number;
  readonly checker: string;
}

export interface Found {
  readonly seed: number;
  readonly failed: SeedResult;
}

/** Whoever follows a search. */
export interface Follower {
  readonly at: (seed: number) => void;
  /** No further seed is run once this is true. */
  readonly stopped: () => boolean;
}

type RunSeed = (seed: number, options: { readonly mutant?: Planted }) => SeedResult;

export class BugSearch {
  readonly #run: RunSeed;
  /** What came of seeds without a planted bug: many bugs are found at the same few. */
  readonly #clean = new Map<number, Unclean | undefined>();

  constructor(run: RunSeed = runSeed) {
    this.#run = run;
  }

  /** The seeds that failed although nothing was planted. */
  get unclean(): readonly Unclean[] {
    return [...this.#clean.values()].filter((unclean) => unclean !== undefined);
  }

  /** Looks through the seeds from 1 on; undefined where none shows the bug, or the search was stopped. */
  async find(mutant: Planted, seedsMax: number, { at, stopped }: Follower): Promise<Found | undefined> {
    for (let seed = 1; seed <= seedsMax && !stopped(); seed++) {
      at(seed);
      const failed = this.#run(seed, { mutant });
      await setImmediate(); // a signal is heard between two seeds
      if (failed.failed !== undefined && this.#isClean(seed)) return { seed, failed };
    }
    return undefined;
  }

  #isClean(seed: number): boolean {
    if (!this.#clean.has(seed)) {
      const { failed } = this.#run(seed, {});
      this.#clean.set(seed, failed === undefined ? undefined : { seed, checker: failed.checker });
    }
    return this.#clean.get(seed) === undefined;
  }
}
