/** Questions put to the ledger, by the token that its answer will bear. */
import type { Waiter } from "./waiters.ts";

export interface OpenQuestion {
  readonly waiter: Waiter;
  /** For an admission: the transaction it is about. */
  readonly transaction?: Uint8Array;
  /** For an admission: whether this is the second look, which sees everything acknowledged before. */
  readonly confirmed?: boolean;
}

export class OpenQuestions {
  readonly #open = new Map<number, OpenQuestion>();
  #nextToken = 1;

  get count(): number {
    return this.#open.size;
  }

  /** Registers a question and gives it its token. */
  open(question: OpenQuestion): number {
    const token = this.#nextToken++;
    this.#open.set(token, question);
    return token;
  }

  take(token: number): OpenQuestion | undefined {
    const question = this.#open.get(token);
    this.#open.delete(token);
    return question;
  }
}
