/**
 * Questions that wait for a read index. All that came in one turn share one read of the Raft core, those that a leader's
 * lease may answer another; what the core never answers (a lost message, a leader that went away) is refused after a while, and the client asks again.
 */
import type { Question } from "../messages/consensus.ts";

/** How long a question may wait for its read index, and as long again for the state, as a multiple of the election timeout. */
export const READ_PATIENCE = 3;

interface Batch {
  readonly questions: readonly Question[];
  /** Whether a lease will do. */
  readonly lease: boolean;
  readonly deadlineTick: number;
  readonly askedAtMs: number;
}

/** What the core is to be asked with. */
interface SealedBatch {
  readonly request: number;
  readonly lease: boolean;
}

export class ReadBatches {
  readonly #collecting: { readonly lease: boolean; questions: Question[] }[] = [
    { lease: false, questions: [] },
    { lease: true, questions: [] },
  ];
  #nextRequest = 1;
  readonly #waiting = new Map<number, Batch>();

  get waiting(): number {
    return this.#waiting.size;
  }

  add(question: Question, lease = false): void {
    this.#collecting[lease ? 1 : 0]?.questions.push(question);
  }

  /** Closes the batches that were collecting; the numbers to ask the Raft core with. */
  seal(deadlineTick: number, askedAtMs: number): readonly SealedBatch[] {
    const sealed: SealedBatch[] = [];
    for (const batch of this.#collecting) {
      const { lease, questions } = batch;
      if (questions.length === 0) continue;
      batch.questions = [];
      const request = this.#nextRequest++;
      this.#waiting.set(request, { questions, lease, deadlineTick, askedAtMs });
      sealed.push({ request, lease });
    }
    return sealed;
  }

  /** Takes a batch out; undefined when it was refused before. */
  take(request: number): Batch | undefined {
    const batch = this.#waiting.get(request);
    this.#waiting.delete(request);
    return batch;
  }

  /** Nobody waits for these any more. What the core was asked it answers all the same: it tells how fresh the state is. */
  forget(tokens: ReadonlySet<number>): void {
    const left = (questions: readonly Question[]): Question[] => questions.filter(({ token }) => !tokens.has(token));
    for (const batch of this.#collecting) batch.questions = left(batch.questions);
    for (const [request, batch] of this.#waiting) {
      this.#waiting.set(request, { ...batch, questions: left(batch.questions) });
    }
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
