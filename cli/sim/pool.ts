/**
 * Many runs, in this thread or in several others. Results are told in the order of the runs, so that nobody can
 * see how many workers there were.
 */
import { once } from "node:events";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type RunPlan, runPlan, runSeed, type SeedResult } from "../../sim/run.ts";

/** A seed's own run, perhaps one in which the last copy is given up, or that of a plan. */
export type Job = number | { readonly seed: number; readonly giveUpLastCopy: true } | RunPlan;

export function runJob(job: Job): SeedResult {
  if (typeof job === "number") return runSeed(job);
  return "faults" in job ? runPlan(job) : runSeed(job.seed, job);
}

export interface Runs {
  readonly jobs: Iterable<Job>;
  /** Told each result, in the order of the jobs. */
  readonly done: (result: SeedResult) => void;
  /** No further one is begun once this is true; those that run come to their end. */
  readonly stopped: () => boolean;
}

/** Threads that run what they are given until they are ended; one is this thread itself. */
export class Pool {
  readonly #runners: readonly Runner[];

  constructor(workers: number) {
    this.#runners = Array.from({ length: workers }, () => (workers === 1 ? ownThread() : workerThread()));
  }

  /** Runs all jobs, or those that were begun when it was stopped. */
  async run({ jobs, done, stopped }: Runs): Promise<void> {
    const waiting = jobs[Symbol.iterator]();
    const inOrder = new InOrder(done);
    const work = async ({ run }: Runner): Promise<void> => {
      while (!stopped()) {
        const next = waiting.next();
        if (next.done === true) break;
        const place = inOrder.begin();
        inOrder.finish(place, await run(next.value));
      }
    };
    await Promise.all(this.#runners.map(work));
  }

  async end(): Promise<void> {
    await Promise.all(this.#runners.map(({ end }) => end()));
  }
}

interface Runner {
  readonly run: (job: Job) => Promise<SeedResult>;
  readonly end: () => Promise<unknown>;
}

function ownThread(): Runner {
  const run = async (job: Job): Promise<SeedResult> => {
    await setImmediate(); // a signal is heard between two runs
    return runJob(job);
  };
  return { run, end: () => Promise.resolve() };
}

function workerThread(): Runner {
  const worker = new Worker(join(import.meta.dirname, "worker.js"));
  const run = async (job: Job): Promise<SeedResult> => {
    worker.postMessage(job);
    const [result] = (await once(worker, "message")) as [SeedResult];
    return result;
  };
  return { run, end: () => worker.terminate() };
}

/** Hands on results in the order in which they were begun. */
class InOrder {
  readonly #done: (result: SeedResult) => void;
  readonly #early = new Map<number, SeedResult>();
  #begun = 0;
  #told = 0;

  constructor(done: (result: SeedResult) => void) {
    this.#done = done;
  }

  /** Something begins; returns its place. */
  begin(): number {
    return this.#begun++;
  }

  finish(place: number, result: SeedResult): void {
    this.#early.set(place, result);
    for (let next = this.#early.get(this.#told); next !== undefined; next = this.#early.get(this.#told)) {
      this.#early.delete(this.#told);
      this.#told += 1;
      this.#done(next);
    }
  }
}
