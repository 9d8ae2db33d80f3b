/**
 * Questions that wait for a read index. All that came in one turn share one read of the Raft core; what the core never
 * answers (a lost message, a leader that went away) is refused after a while, and the client asks again.
 */
import type { Question } from "../messages/consensus.ts";

interface Batch {
  readonly questions: readonly Question[];
  readonly deadlineTick: number;
  readonly askedAtMs: number;
}

export class ReadBatches {
  #collecting: Question[] = [];
  #nextRequest = 1;
  readonly #waiting = new Map<number, Batch>();

  get waiting(): number {
    return this.#waiting.size;
  }

  add(question: Question): void {
    this.#collecting.push(question);
  }

  /** Closes the batch that was collecting; the number to ask the Raft core with, or undefined when nobody asks. */
  seal(deadlineTick: number, askedAtMs: number): number | undefined {
    if (this.#collecting.length === 0) return undefined;
    const request = this.#nextRequest++;
    this.#waiting.set(request, { questions: this.#collecting, deadlineTick, askedAtMs });
    this.#collecting = [];
    return request;
  }

  /** Takes a batch out; undefined when it was refused before. */
  take(request: number): Batch | undefined {
    const batch = this.#waiting.get(request);
    this.#waiting.delete(request);
    return batch;
  }

  /** Takes out what has waited past its tick. */
  takeOverdue(tick: number): readonly Question[] {
    const overdue: Question[] = [];
    for (const [request, batch] of this.#waiting) {
      if (batch.deadlineTick > tick) break; // in the order they were asked
      overdue.push(...batch.questions);
      this.#waiting.delete(request);
    }
    return overdue;
  }
}
