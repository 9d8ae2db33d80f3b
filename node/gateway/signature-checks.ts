/**
 * Signature checks in batches: what came in one turn is checked together, off this thread where the host can, and comes
 * back in order as one message. A subject may bear several signatures; it is good when all are.
 */
import { must } from "../base/assert.ts";
import type { Crypto, VerifyJob } from "../base/ports/crypto.ts";

interface Check<T> {
  readonly subject: T;
  readonly signatures: number;
}

export class SignatureChecks<T> {
  readonly #crypto: Crypto;
  #jobs: VerifyJob[] = [];
  #checks: Check<T>[] = [];
  #nextBatch = 1;
  readonly #checking = new Map<number, readonly Check<T>[]>();

  constructor(crypto: Crypto) {
    this.#crypto = crypto;
  }

  add(jobs: readonly VerifyJob[], subject: T): void {
    this.#jobs.push(...jobs);
    this.#checks.push({ subject, signatures: jobs.length });
  }

  /** Sends off what has been collected; `done` is told the batch's number and one verdict a signature. */
  start(done: (batch: number, valid: readonly boolean[]) => void): void {
    if (this.#jobs.length === 0) return;
    const batch = this.#nextBatch++;
    this.#checking.set(batch, this.#checks);
    const jobs = this.#jobs;
    this.#jobs = [];
    this.#checks = [];
    this.#crypto.verify(jobs, (valid) => done(batch, valid));
  }

  /** The subjects of a batch that has come back, in order, and whether all signatures of each are good. */
  finish(batch: number, valid: readonly boolean[]): readonly { readonly subject: T; readonly good: boolean }[] {
    const checks = must(this.#checking.get(batch), `signature batch ${batch} came back twice`);
    this.#checking.delete(batch);
    let at = 0;
    return checks.map(({ subject, signatures }) => {
      const from = at;
      at += signatures;
      let good = true;
      for (let i = from; i < at; i++) good &&= valid[i] === true;
      return { subject, good };
    });
  }
}
