/** Driving the search for the smallest run that fails, with progress and an ear for Ctrl-C. */
import { setImmediate } from "node:timers/promises";
import { runPlan, type SeedResult } from "../../sim/run.ts";
import { Shrinking } from "../../sim/shrink/shrink.ts";
import type { Output } from "../output.ts";

/** Shrinks a failed run within so many runs, or until the user has had enough; the smallest, and how many were run. */
export async function shrink(
  failed: SeedResult,
  runsMax: number,
  output: Output,
): Promise<{ readonly best: SeedResult; readonly runs: number }> {
  const shrinking = new Shrinking(failed);
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  process.once("SIGINT", stop);
  const search = shrinking.search();
  let runs = 0;
  for (let step = search.next(); step.done !== true && runs < runsMax && !stopped; runs++) {
    const { stage, plan } = step.value;
    const { faults, leftOut } = shrinking.best.plan;
    output.progress(`${stage}: run ${runs + 1}; ${faults.length} faults, ${leftOut.length} gaps in the work (Ctrl-C)`);
    step = search.next(runPlan(plan));
    await setImmediate(); // a signal is heard between two runs
  }
  process.removeListener("SIGINT", stop);
  return { best: shrinking.best, runs };
}
