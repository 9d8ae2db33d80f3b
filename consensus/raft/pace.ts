/**
 * How fast a follower that is far behind is sent what it lacks, so that those who go on working keep the machine and the
 * links: a bucket of bytes that each tick fills (a token bucket). Only entries that are committed are charged to it: for
 * these nobody waits, unless nothing can be committed without the follower. It is overdrawn by one append at most, and what
 * it was overdrawn by is earned before the next.
 */
export class Pace {
  readonly #bytesPerTick: number;
  #bytes: number;

  constructor(bytesPerTick: number) {
    this.#bytesPerTick = bytesPerTick;
    this.#bytes = bytesPerTick;
  }

  /** Whether more may be sent before the next tick. */
  get isOpen(): boolean {
    return this.#bytes > 0;
  }

  spend(bytes: number): void {
    this.#bytes -= bytes;
  }

  /**
   * A tick passes, in which the log has grown by `grownBytes`: twice as much is sent at least, or a follower would never
   * come as far as a log that grows fast. True when this opens what was closed.
   */
  tick(grownBytes: number): boolean {
    return this.#earn(Math.max(this.#bytesPerTick, 2 * grownBytes));
  }

  /** A tick passes in which the follower may be the one that all wait for: there is no bound until the next. */
  lift(): boolean {
    return this.#earn(Number.POSITIVE_INFINITY);
  }

  #earn(bytes: number): boolean {
    const wasOpen = this.isOpen;
    this.#bytes = Math.min(this.#bytes + bytes, bytes);
    return !wasOpen && this.isOpen;
  }
}
