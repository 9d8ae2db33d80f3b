/**
 * Looking for a planted bug: the first seed that fails with it and not without it. A seed that fails without any is no
 * evidence for a planted bug, and is told: the product itself is broken there.
 */
import type { Planted, SeedResult } from "../../sim/run.ts";
import type { RunJob } from "./pool.ts";

/** A seed that fails although nothing was planted. */
export interface Unclean {
  readonly seed: number;
  readonly checker: string;
}

export interface Found {
  readonly seed: number;
  readonly failed: SeedResult;
}

export interface Search {
  readonly seedsMax: number;
  readonly run: RunJob;
  /** Hears of each seed before it is run. */
  readonly at: (seed: number) => void;
  /** No further seed is run once this is aborted. */
  readonly stop: AbortSignal;
}

export class BugSearch {
  /** Whether nothing failed at seeds without a planted bug: many bugs are found at the same few. */
  readonly #clean = new Map<number, Promise<boolean>>();
  readonly #unclean: Unclean[] = [];

  /** The seeds that failed although nothing was planted, ascending. */
  get unclean(): readonly Unclean[] {
    return this.#unclean.toSorted((a, b) => a.seed - b.seed);
  }

  /** Looks through the seeds from 1 on; undefined where none shows the bug, or the search was stopped. */
  async find(mutant: Planted, { seedsMax, run, at, stop }: Search): Promise<Found | undefined> {
    for (let seed = 1; seed <= seedsMax && !stop.aborted; seed++) {
      at(seed);
      const failed = await run({ seed, mutant });
      if (failed.failed !== undefined && (await this.#isClean(seed, run))) return { seed, failed };
    }
    return undefined;
  }

  #isClean(seed: number, run: RunJob): Promise<boolean> {
    const clean = this.#clean.get(seed) ?? this.#runClean(seed, run);
    this.#clean.set(seed, clean);
    return clean;
  }

  async #runClean(seed: number, run: RunJob): Promise<boolean> {
    const { failed } = await run({ seed });
    if (failed !== undefined) this.#unclean.push({ seed, checker: failed.checker });
    return failed === undefined;
  }
}
