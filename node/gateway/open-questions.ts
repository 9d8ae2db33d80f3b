/** Questions put to the ledger, at once or through a read, by the token that the answer will bear. */
import { QUESTIONS_OPEN_MAX, STRANGERS_QUESTIONS_MAX } from "../base/limits.ts";
import type { ConnectionId } from "../base/ports/network.ts";
import type { ClientRequest } from "./waiters.ts";

export interface OpenQuestion {
  readonly asker: ClientRequest;
  /** Whether no authority had the asker's key, as far as this node's state said. */
  readonly isStranger: boolean;
  /** For an admission: the transaction it is about. */
  readonly transaction?: Uint8Array;
}

export class OpenQuestions {
  readonly #open = new Map<number, OpenQuestion>();
  #nextToken = 1;
  #ofStrangers = 0;

  get count(): number {
    return this.#open.size;
  }

  get isFull(): boolean {
    return this.#open.size >= QUESTIONS_OPEN_MAX;
  }

  /**
   * Registers a question and gives it its token; undefined when too many have no answer. Anybody can make keys, so those of
   * strangers have few of the places.
   */
  open(question: OpenQuestion): number | undefined {
    if (this.isFull || (question.isStranger && this.#ofStrangers >= STRANGERS_QUESTIONS_MAX)) return undefined;
    const token = this.#nextToken++;
    this.#open.set(token, question);
    if (question.isStranger) this.#ofStrangers += 1;
    return token;
  }

  take(token: number): OpenQuestion | undefined {
    const question = this.#open.get(token);
    this.#open.delete(token);
    if (question?.isStranger === true) this.#ofStrangers -= 1;
    return question;
  }

  /** Forgets what a connection asked that is gone; gives the tokens. */
  dropConnection(connection: ConnectionId): readonly number[] {
    const dropped: number[] = [];
    for (const [token, { asker }] of this.#open) if (asker.connection === connection) dropped.push(token);
    for (const token of dropped) this.take(token);
    return dropped;
  }
}
