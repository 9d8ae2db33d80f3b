/**
 * Running many seeds, in this thread or in several others. Results are told in the order of the seeds, so that nobody can
 * see how many workers there were.
 */
import { once } from "node:events";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { runSeed, type SeedResult } from "../../sim/run.ts";

export interface SeedRuns {
  readonly seeds: Iterable<number>;
  readonly workers: number;
  /** Told each result, in the order of the seeds. */
  readonly done: (result: SeedResult) => void;
  /** No further seed is begun once this is true; those that run come to their end. */
  readonly stopped: () => boolean;
}

/** Runs all seeds, or those that were begun when it was stopped. */
export async function runSeeds({ seeds, workers, done, stopped }: SeedRuns): Promise<void> {
  const waiting = seeds[Symbol.iterator]();
  const inOrder = new InOrder(done);
  const runners = Array.from({ length: workers }, () => (workers === 1 ? ownThread() : workerThread()));
  const work = async ({ run, end }: Runner): Promise<void> => {
    while (!stopped()) {
      const next = waiting.next();
      if (next.done === true) break;
      const place = inOrder.begin();
      inOrder.finish(place, await run(next.value));
    }
    await end();
  };
  await Promise.all(runners.map(work));
}

interface Runner {
  readonly run: (seed: number) => Promise<SeedResult>;
  readonly end: () => Promise<unknown>;
}

function ownThread(): Runner {
  const run = async (seed: number): Promise<SeedResult> => {
    await setImmediate(); // a signal is heard between two seeds
    return runSeed(seed);
  };
  return { run, end: () => Promise.resolve() };
}

function workerThread(): Runner {
  const worker = new Worker(join(import.meta.dirname, "worker.js"));
  const run = async (seed: number): Promise<SeedResult> => {
    worker.postMessage(seed);
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
