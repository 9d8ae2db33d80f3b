/**
 * Questions that are ahead of the state: each waits until the state has come as far, but not beyond its deadline. A state
 * may stand still for as long as a disk is full or hangs, and whoever asks may ask another node.
 */
import type { LogIndex } from "../base/ids.ts";
import type { Question } from "../messages/consensus.ts";

interface WaitingQuestion {
  readonly question: Question;
  readonly height: LogIndex;
  readonly deadlineMs: number;
}

export class WaitingQuestions {
  /** In the order they came, which is that of their deadlines, and nearly that of their heights. */
  #waiting: WaitingQuestion[] = [];

  get count(): number {
    return this.#waiting.length;
  }

  /** When the first is overdue; undefined where none waits. */
  get deadlineMs(): number | undefined {
    return this.#waiting[0]?.deadlineMs;
  }

  /** Deadlines never fall from one question to the next. */
  add(question: Question, height: LogIndex, deadlineMs: number): void {
    this.#waiting.push({ question, height, deadlineMs });
  }

  /** Takes out what a state of this height can answer. */
  takeReached(height: LogIndex): readonly Question[] {
    return this.#take((waiting) => waiting.height <= height);
  }

  /** Takes out what has waited too long. */
  takeOverdue(nowMs: number): readonly Question[] {
    return this.#take((waiting) => waiting.deadlineMs <= nowMs);
  }

  /** Nobody waits for these any more. */
  forget(tokens: ReadonlySet<number>): void {
    this.#take(({ question }) => tokens.has(question.token));
  }

  #take(isTaken: (waiting: WaitingQuestion) => boolean): readonly Question[] {
    const taken = this.#waiting.filter(isTaken);
    if (taken.length > 0) this.#waiting = this.#waiting.filter((waiting) => !isTaken(waiting));
    return taken.map(({ question }) => question);
  }
}
