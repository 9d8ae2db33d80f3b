/**
 * Sequence numbers of a session, handed out so that the oldest unanswered one and the newest never lie further apart than
 * the cluster remembers.
 */
export class SequenceWindow {
  readonly #width: number;
  readonly #open = new Set<number>();
  readonly #waiting: ((sequence: number) => void)[] = [];
  #next = 1;

  constructor(width: number) {
    this.#width = width;
  }

  /** Requests that have no answer yet. */
  get inFlight(): number {
    return this.#open.size;
  }

  /** The next sequence number, as soon as there is room for it. */
  take(): Promise<number> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#serve();
    });
  }

  /** The request has its definite answer. */
  settle(sequence: number): void {
    this.#open.delete(sequence);
    this.#serve();
  }

  #serve(): void {
    while (this.#waiting.length > 0) {
      // Numbers rise, so the first in the set is the oldest.
      const oldest = this.#open.values().next().value ?? this.#next;
      if (this.#next - oldest >= this.#width) return;
      const sequence = this.#next;
      this.#next += 1;
      this.#open.add(sequence);
      this.#waiting.shift()?.(sequence);
    }
  }
}
