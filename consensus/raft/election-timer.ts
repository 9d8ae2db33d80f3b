/**
 * How long a node waits for a leader before it campaigns. The wait is drawn anew whenever the timer is reset, between the
 * election timeout and twice that, so that two nodes seldom campaign together (§5.2).
 */
export class ElectionTimer {
  readonly #timeoutTicks: number;
  readonly #random: (bound: number) => number;
  #elapsed = 0;
  #patience = 0;

  constructor(timeoutTicks: number, random: (bound: number) => number) {
    this.#timeoutTicks = timeoutTicks;
    this.#random = random;
    this.reset();
  }

  /** Whether less than the shortest election timeout has passed: a leader that was heard since is taken to live. */
  get isFresh(): boolean {
    return this.#elapsed < this.#timeoutTicks;
  }

  /** Time passes; true when it is time to campaign. */
  tick(): boolean {
    this.#elapsed += 1;
    return this.#elapsed >= this.#patience;
  }

  /** The leader was heard, or a vote given: the same wait begins again. */
  restart(): void {
    this.#elapsed = 0;
  }

  /** A new wait begins. */
  reset(): void {
    this.#elapsed = 0;
    this.#patience = this.#timeoutTicks + this.#random(this.#timeoutTicks);
  }
}
