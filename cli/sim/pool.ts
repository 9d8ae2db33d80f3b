/**
 * Many runs, in this thread or in several others. Results are told in the order of the runs, so that nobody can
 * see how many workers there were.
 */
import { once } from "node:events";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { type Job, runJob, type SeedResult } from "../../sim/run.ts";

export const WORKERS_MAX = 1_024;

export type RunJob = (job: Job) => Promise<SeedResult>;

/** Runs a job in this thread. */
export async function runHere(job: Job): Promise<SeedResult> {
  await setImmediate(); // a signal is heard between two runs
  return runJob(job);
}

export interface Runs {
  readonly jobs: Iterable<Job>;
  /** Told each result, in the order of the jobs. */
  readonly done: (result: SeedResult) => void;
  /** No further one is begun once this is aborted; those that run come to their end. */
  readonly stop: AbortSignal;
}

/** Threads that run what they are given until they are ended; one is this thread itself. */
export class Pool {
  readonly #runners: readonly Runner[];

  constructor(workers: number) {
    this.#runners = Array.from({ length: workers }, () => (workers === 1 ? ownThread() : workerThread()));
  }

  /** Runs all jobs, or those that were begun when it was stopped. */
  async run({ jobs, done, stop }: Runs): Promise<void> {
    const inOrder = new InOrder(done);
    await this.each(jobs, stop, async (job, run) => {
      const place = inOrder.begin();
      inOrder.finish(place, await run(job));
    });
  }

  /** Hands out items one after the other, each to a thread that has none, with what runs jobs there; no more once `stop` is aborted. */
  async each<Item>(
    items: Iterable<Item>,
    stop: AbortSignal,
    act: (item: Item, run: RunJob) => Promise<void>,
  ): Promise<void> {
    const waiting = items[Symbol.iterator]();
    const work = async ({ run }: Runner): Promise<void> => {
      while (!stop.aborted) {
        const next = waiting.next();
        if (next.done === true) break;
        await act(next.value, run);
      }
    };
    await Promise.all(this.#runners.map(work));
  }

  async end(): Promise<void> {
    await Promise.all(this.#runners.map(({ end }) => end()));
  }
}

interface Runner {
  readonly run: RunJob;
  readonly end: () => Promise<unknown>;
}

function ownThread(): Runner {
  return { run: runHere, end: () => Promise.resolve() };
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
