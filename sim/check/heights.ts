/**
 * Linearizability of the state as a whole: its height only grows, every receipt names one, and every answer to a
 * linearizable question tells one. What a client was told before a question was asked, the answer may not fall short of.
 */
import type { LogIndex } from "../../node/base/ids.ts";
import type { Times } from "../workload/sim-client.ts";
import type { Verdict } from "./verdict.ts";

interface Known {
  readonly atUs: number;
  /** The greatest height that some client was told of by then. */
  readonly height: LogIndex;
}

export class Heights {
  readonly #verdict: Verdict;
  /** True time, in microseconds, that passes in a millisecond of the slowest node's clock. */
  readonly #usPerMsMax: number;
  /** By rising time and rising height. */
  readonly #known: Known[] = [];

  constructor(verdict: Verdict, usPerMsMax: number) {
    this.#verdict = verdict;
    this.#usPerMsMax = usPerMsMax;
  }

  /** A client hears that the state has come this far. Called in the order of time. */
  told(height: LogIndex, atUs: number): void {
    const newest = this.#known.at(-1);
    if (newest === undefined || height > newest.height) this.#known.push({ atUs, height });
  }

  /**
   * A question was answered from a state that may be so old, by the clock of the node that answered: the slowest of all
   * makes most of a millisecond. It asks about moments, so the millisecond that a clock rounds off counts, too.
   */
  readStale(height: LogIndex, { lastUs }: Times, maxStalenessMs: number): void {
    const oldestUs = lastUs - (maxStalenessMs + 1) * this.#usPerMsMax;
    const before = this.#known.findLast(({ atUs }) => atUs < oldestUs);
    this.#verdict.expect(
      before === undefined || height >= before.height,
      "staleness",
      () =>
        `a question within ${maxStalenessMs} ms, asked at ${lastUs} us, was answered from height ${height}, and height ${before?.height} was known at ${before?.atUs} us`,
    );
  }

  /** A question was answered from a state of this height. */
  read(height: LogIndex, { lastUs, answeredUs }: Times): void {
    const before = this.#known.findLast(({ atUs }) => atUs < lastUs);
    this.#verdict.expect(
      before === undefined || height >= before.height,
      "linearizability",
      () =>
        `a question asked at ${lastUs} us was answered from height ${height}, and height ${before?.height} was known at ${before?.atUs} us`,
    );
    this.told(height, answeredUs);
  }
}
