/**
 * How much of the protocol many runs have come to: the distinct states (`check/protocol-states.ts`), and how many each run
 * added. Runs count in the order in which they are handed in, so that sums of the same runs are the same everywhere.
 */

const NEWEST_TENTH = 10;

export interface CoverageFigures {
  /** States that at least one run came to. */
  readonly distinct: number;
  /** Those that the newest tenth of the runs added: what more runs can be expected to bring, and hardly more. */
  readonly byNewestTenth: number;
  /** How many runs that took; each adds fewer, so only campaigns of about as many can be compared. */
  readonly runs: number;
}

export class Coverage {
  readonly #met = new Set<number>();
  /** What each run added. */
  readonly #added: number[] = [];

  /** Those of some states that no run has come to. */
  unmet(states: readonly number[]): readonly number[] {
    return states.filter((state) => !this.#met.has(state));
  }

  /** Takes in the states of one more run, or those of them that may be new. */
  add(states: readonly number[]): void {
    const before = this.#met.size;
    for (const state of states) this.#met.add(state);
    this.#added.push(this.#met.size - before);
  }

  /** How many distinct states there were after each run. */
  growth(): readonly number[] {
    let distinct = 0;
    return this.#added.map((added) => {
      distinct += added;
      return distinct;
    });
  }

  read(): CoverageFigures {
    const runs = this.#added.length;
    const newest = this.#added.slice(runs - Math.ceil(runs / NEWEST_TENTH));
    return {
      distinct: this.#met.size,
      byNewestTenth: newest.reduce((sum, added) => sum + added, 0),
      runs,
    };
  }
}
