/**
 * Signature checks in batches: what came in one turn is checked together, off this thread where the host can, and comes
 * back in order as one message.
 */
import { must } from "../base/assert.ts";
import type { Crypto, VerifyJob } from "../base/ports/crypto.ts";

export class SignatureChecks<T> {
  readonly #crypto: Crypto;
  #jobs: VerifyJob[] = [];
  #subjects: T[] = [];
  #nextBatch = 1;
  readonly #checking = new Map<number, readonly T[]>();

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  add(job: VerifyJob, subject: T): void {
    this.#jobs.push(job);
    this.#subjects.push(subject);
  }

  /** Sends off what has been collected; `done` is told the batch's number and one verdict a check. */
  start(done: (batch: number, valid: readonly boolean[]) => void): void {
    if (this.#jobs.length === 0) return;
    const batch = this.#nextBatch++;
    this.#checking.set(batch, this.#subjects);
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#subjects = [];
    this.#crypto.verify(jobs, (valid) => done(batch, valid));
  }

  /** The subjects of a batch that has come back, in order. */
  finish(batch: number): readonly T[] {
    const subjects = must(this.#checking.get(batch), `signature batch ${batch} came back twice`);
    this.#checking.delete(batch);
    return subjects;
  }
}
