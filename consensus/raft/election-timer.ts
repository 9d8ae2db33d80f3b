/**
 * How long a node waits for a leader before it campaigns. The wait is drawn anew whenever the timer is reset, between the
 * election timeout and twice that, so that two nodes seldom campaign together (§5.2). And how long it is since a leader
 * was heard, for as long as that is less than an election timeout: nobody deposes such a leader, and its lease may rest
 * on that, whatever has become of this node's term since.
 */
export class ElectionTimer {
  readonly #timeoutTicks: number;
  readonly #random: (bound: number) => number;
  #elapsed = 0;
  #patience = 0;
  /** Until the wait begins again it is over at this time, if that is earlier. */
  #hurry = Number.POSITIVE_INFINITY;
  #sinceLeader: number;
  /** Ticks for which a leader may have been heard in an earlier life. */
  #uncertain: number;

  /** `mayHaveHeard`: this node lived before, and nobody knows what it heard then. */
  constructor(timeoutTicks: number, random: (bound: number) => number, mayHaveHeard: boolean) {
    this.#timeoutTicks = timeoutTicks;
    this.#random = random;
    this.#sinceLeader = timeoutTicks;
    this.#uncertain = mayHaveHeard ? timeoutTicks : 0;
    this.reset();
  }

  /** Whether a leader may have been heard within the shortest election timeout. */
  get hasHeardLeader(): boolean {
    return this.#sinceLeader < this.#timeoutTicks || this.#uncertain > 0;
  }

  /** Time passes; true when it is time to campaign. */
  tick(): boolean {
    this.#elapsed += 1;
    this.#sinceLeader += 1;
    this.#uncertain = Math.max(0, this.#uncertain - 1);
    return this.#elapsed >= Math.min(this.#patience, this.#hurry);
  }

  /** A vote was given: the same wait begins again. */
  restart(): void {
    this.#elapsed = 0;
    this.#hurry = Number.POSITIVE_INFINITY;
  }

  /** A leader was heard: the same wait begins again. */
  leaderHeard(): void {
    this.restart();
    this.#sinceLeader = 0;
  }

  /** The leader that was heard is gone: the wait is over in so many ticks, or earlier. */
  leaderLost(withinTicks: number): void {
    this.#sinceLeader = this.#timeoutTicks;
    this.#hurry = this.#elapsed + withinTicks;
  }

  /** This node has become the leader: there is no other that it could have heard. */
  leads(): void {
    this.#sinceLeader = this.#timeoutTicks;
    this.#uncertain = 0;
  }

  /** A new wait begins. */
  reset(): void {
    this.restart();
    this.#patience = this.#timeoutTicks + this.#random(this.#timeoutTicks);
  }
}
