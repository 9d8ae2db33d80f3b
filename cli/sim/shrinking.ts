/** Driving the search for the smallest run that fails, with progress and an ear for Ctrl-C. */
import type { SeedResult } from "../../sim/run.ts";
import { Shrinking } from "../../sim/shrink/shrink.ts";
import type { Output } from "../output.ts";
import { type RunJob, runHere } from "./pool.ts";

export interface Shrunk {
  /** The smallest run that was found. */
  readonly best: SeedResult;
  /** How many were run. */
  readonly runs: number;
  /** Whether nothing more can go; false where the search was stopped before it knew. */
  readonly complete: boolean;
}

/** Shrinks a failed run within so many runs, or until the user has had enough. */
export async function shrink(
  failed: SeedResult,
  runsMax: number,
  output: Output,
  run: RunJob = runHere,
): Promise<Shrunk> {
  const shrinking = new Shrinking(failed);
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  process.once("SIGINT", stop);
  const search = shrinking.search();
  let runs = 0;
  let step = search.next();
  for (; step.done !== true && runs < runsMax && !stopped; runs++) {
    const { stage, plan, ...bound } = step.value;
    const { faults, leftOut } = shrinking.best.plan;
    output.progress(`${stage}: run ${runs + 1}; ${faults.length} faults, ${leftOut.length} gaps in the work (Ctrl-C)`);
    step = search.next(await run({ plan, ...bound }));
  }
  process.removeListener("SIGINT", stop);
  return { best: shrinking.best, runs, complete: step.done === true };
}
