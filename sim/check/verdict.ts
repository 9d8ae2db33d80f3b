/** The verdict on a run: the first rule that was seen broken, and when. */

/** When something happened in a run. */
export interface Moment {
  readonly atMs: number;
  /** Number of the event, as in the trace. */
  readonly step: number;
}

export interface Failure extends Moment {
  /** Name of the rule, as in sim/README.md. */
  readonly checker: string;
  readonly message: string;
}

export class Verdict {
  readonly #now: () => Moment;
  #failure: Failure | undefined;

  constructor(now: () => Moment) {
    this.#now = now;
  }

  /** The first failure; later ones are consequences. */
  get failure(): Failure | undefined {
    return this.#failure;
  }

  fail(checker: string, message: string): void {
    this.#failure ??= { checker, message, ...this.#now() };
  }

  /** Fails unless the condition holds; the message is made only then. */
  expect(condition: boolean, checker: string, message: () => string): void {
    if (!condition) this.fail(checker, message());
  }
}
