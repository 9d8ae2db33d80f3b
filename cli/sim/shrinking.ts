/** Driving the search for the smallest run that fails, with progress. */
import type { SeedResult } from "../../sim/run.ts";
import { Shrinking } from "../../sim/shrink/shrink.ts";
import type { Output } from "../output.ts";
import type { RunJob } from "./pool.ts";

export interface Shrinks {
  /** Runs at most. */
  readonly runsMax: number;
  readonly run: RunJob;
  readonly output: Output;
  /** Once this is aborted, what was found so far is the smallest. */
  readonly stop: AbortSignal;
}

export interface Shrunk {
  /** The smallest run that was found. */
  readonly best: SeedResult;
  /** How many were run. */
  readonly runs: number;
  /** Whether nothing more can go; false where the search came to its end before it knew. */
  readonly complete: boolean;
  /** Whether that was since somebody wanted it. */
  readonly stopped: boolean;
}

/** Shrinks a failed run. */
export async function shrink(failed: SeedResult, { runsMax, run, output, stop }: Shrinks): Promise<Shrunk> {
  const shrinking = new Shrinking(failed);
  const search = shrinking.search();
  let runs = 0;
  let step = search.next();
  for (; step.done !== true && runs < runsMax && !stop.aborted; runs++) {
    const { stage, plan, ...bound } = step.value;
    const { faults, leftOut } = shrinking.best.plan;
    output.progress(`${stage}: run ${runs + 1}; ${faults.length} faults, ${leftOut.length} gaps in the work (Ctrl-C)`);
    step = search.next(await run({ plan, ...bound }));
  }
  return { best: shrinking.best, runs, complete: step.done === true, stopped: step.done !== true && stop.aborted };
}
