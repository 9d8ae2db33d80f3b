/** `quorate sim run`: many seeds, each a cluster with faults of its own. */
import { performance } from "node:perf_hooks";
import { setImmediate } from "node:timers/promises";
import type { CommandModule } from "yargs";
import { runSeed } from "../../sim/run.ts";
import { failureRateBound } from "../../sim/statistics.ts";
import { Summary } from "../../sim/summary.ts";
import { command } from "../command.ts";
import { EXIT, type Output } from "../output.ts";
import { parseSeeds, type SeedRange } from "../sim/seeds.ts";
import { countsText, failureText, writePlan } from "../sim/told.ts";

const MS_PER_SECOND = 1_000;
/** Exit code of a run that the user has stopped, as shells have it. */
const INTERRUPTED = 130;

/** Runs the seeds of a range, one after the other, until all are done or the user has had enough. */
async function runRange(
  { first, last }: SeedRange,
  output: Output,
  planFile: string | undefined,
): Promise<{ summary: Summary; stopped: boolean }> {
  const summary = new Summary();
  const count = last - first + 1;
  let stopped = false;
  const stop = (): void => {
    stopped = true;
  };
  // The second time, the signal does what it always does.
  process.once("SIGINT", stop);
  for (let seed = first; seed <= last && !stopped; seed++) {
    const result = runSeed(seed);
    if (result.failed !== undefined) {
      output.note(failureText(result));
      if (planFile !== undefined && summary.read().failed.length === 0) writePlan(planFile, result.plan);
    }
    summary.add(result);
    const failures = summary.read().failed.length;
    output.progress(`seed ${seed}, ${seed - first + 1} of ${count}; ${failures} failed (Ctrl-C stops and sums up)`);
    await setImmediate(); // a signal is heard between two seeds
  }
  process.removeListener("SIGINT", stop);
  return { summary, stopped };
}

/** What so many clean seeds say of those that were not run. */
function boundText(seeds: number): string {
  return `with 95 % confidence, at most ${(100 * failureRateBound(seeds)).toPrecision(2)} % of all seeds fail`;
}

export const run: CommandModule = command({
  command: "run",
  describe: "run seeds through partitions, crashes and disk faults; exit code 1 when a rule is broken",
  builder: (yargs) =>
    yargs
      .option("seeds", { type: "string", default: "1..200", describe: "A..B, both included" })
      .option("write-plan", { type: "string", describe: "write the plan of the first seed that fails" })
      .example("$0 sim run --seeds 1..1000", "a thousand clusters, each with its own faults"),
  handler: async (args, output) => {
    const range = parseSeeds(args.seeds);
    const startedAt = performance.now();
    const { summary, stopped } = await runRange(range, output, args.writePlan);
    const { seeds, failed, simulatedMs, transactions, faults, reached } = summary.read();
    const simulatedSeconds = Math.round(simulatedMs / MS_PER_SECOND);
    const wallSeconds = Number(((performance.now() - startedAt) / MS_PER_SECOND).toFixed(1));
    const speed = (simulatedSeconds / Math.max(wallSeconds, 0.1)).toFixed(0);
    if (stopped) output.note(`stopped after seed ${range.first + seeds - 1}`);
    output.result(
      { seeds, failed, simulatedSeconds, wallSeconds, faults, reached, transactions },
      [
        `${seeds} seeds, ${failed.length} failed; ${transactions} transactions`,
        ...(failed.length > 0 ? [] : [boundText(seeds)]),
        `${simulatedSeconds} simulated seconds in ${wallSeconds} s, ${speed} for one`,
        `faults: ${countsText(faults)}`,
        `reached: ${countsText(reached)}`,
      ].join("\n"),
    );
    if (failed.length > 0) return EXIT.failed;
    return stopped ? INTERRUPTED : EXIT.done;
  },
});
