/**
 * Sequence numbers of one session, handed out so that the cluster never has to refuse one: the oldest unanswered and the
 * newest lie within half of what a session remembers, and no number runs too far ahead of the last executed one.
 *
 * Numbers that were handed out and not executed (refused before the log, or nobody knows) leave gaps. Enough of them in a
 * row use a session up: then there are no more numbers, and it takes a new session.
 */
import { SESSION_WINDOW } from "../base/limits.ts";
import { ClientError } from "./errors.ts";

const WIDTH: number = SESSION_WINDOW / 2;

type Give = (sequence: number | undefined) => void;

export class SequenceWindow {
  readonly #open = new Set<number>();
  readonly #waiting = new Set<Give>();
  #next = 1;
  #highestExecuted = 0;
  #spent = false;

  /** Requests that have no answer yet. */
  get inFlight(): number {
    return this.#open.size;
  }

  /**
   * The next number, as soon as there is room for it; undefined when the session has none left. Rejects with
   * `ClientError` `timeout` when it takes longer than `waitMs`.
   */
  take(waitMs: number): Promise<number | undefined> {
    return new Promise((resolve, reject) => {
      const give: Give = (sequence) => {
        clearTimeout(timer);
        resolve(sequence);
      };
      const timer = setTimeout(() => {
        this.#waiting.delete(give);
        reject(new ClientError("timeout", "too many requests are unanswered"));
      }, waitMs);
      this.#waiting.add(give);
      this.#serve();
    });
  }

  /** The request is over; `executed` when it is certain that the cluster has executed it under its number. */
  settle(sequence: number, executed: boolean): void {
    this.#open.delete(sequence);
    if (executed) this.#highestExecuted = Math.max(this.#highestExecuted, sequence);
    this.#serve();
  }

  /** No more numbers: the cluster has forgotten the session. */
  spend(): void {
    this.#spent = true;
    this.#serve();
  }

  #serve(): void {
    for (const give of this.#waiting) {
      // Numbers rise, so the first in the set is the oldest.
      const oldest = this.#open.values().next().value ?? this.#next;
      const tooFarAhead = this.#next > this.#highestExecuted + SESSION_WINDOW;
      if (tooFarAhead && this.#open.size === 0) this.#spent = true;
      if (!this.#spent && (tooFarAhead || this.#next - oldest >= WIDTH)) return;
      this.#waiting.delete(give);
      give(this.#spent ? undefined : this.#take());
    }
  }

  #take(): number {
    const sequence = this.#next;
    this.#next += 1;
    this.#open.add(sequence);
    return sequence;
  }
}
