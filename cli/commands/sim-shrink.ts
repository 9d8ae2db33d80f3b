/** `quorate sim shrink`: the smallest plan that fails as a run did. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import type { SeedResult } from "../../sim/run.ts";
import { command } from "../command.ts";
import { untilDoneOrStopped } from "../interruption.ts";
import { whole } from "../numbers.ts";
import { EXIT } from "../output.ts";
import { runHere } from "../sim/pool.ts";
import { shrink } from "../sim/shrinking.ts";
import { writePlan } from "../sim/told.ts";
import { runAgain, withWhichRun } from "../sim/which-run.ts";

const MS_PER_SECOND = 1_000;
const RUNS_MAX = 1_000_000;

export const shrinkCommand: CommandModule = command({
  command: "shrink",
  describe: "make a failing run as small as it gets while the same rule stays broken, and keep its plan",
  builder: (yargs) =>
    withWhichRun(yargs)
      .option("out", { type: "string", default: "small.plan", describe: "where the small plan goes" })
      .option("runs", {
        type: "number",
        default: 1_000,
        describe: "run so many at most; the plan of a search that is stopped can be shrunk further",
        coerce: whole("runs", 1, RUNS_MAX),
      })
      .example("$0 sim shrink --seed 1 --mutant retryExecutedTwice", "the smallest run that shows a planted bug"),
  handler: async ({ out, runs: runsMax, ...which }, output) => {
    const startedAt = performance.now();
    const { result: failed } = await runAgain(which);
    if (failed.failed === undefined)
      throw new CodedError("nothing_failed", "this run breaks no rule, so there is nothing to shrink");
    // What cannot be written is told before the search and not after it.
    writePlan(out, failed);
    const { best, runs, complete, stopped } = await untilDoneOrStopped((stop) =>
      shrink(failed, { runsMax, run: runHere, output, stop }),
    );
    writePlan(out, best);
    const seconds = Number(((performance.now() - startedAt) / MS_PER_SECOND).toFixed(1));
    const [before, after] = [sizeOf(failed), sizeOf(best)];
    output.result(
      { checker: failed.failed.checker, before, after, runs, complete, seconds, plan: out, traceHash: best.traceHash },
      [
        `${best.failed?.checker}: ${best.failed?.message}`,
        `${before.faults} faults became ${after.faults}, ${before.turns} turns ${after.turns}, ${before.nodes} nodes ${after.nodes}, ${before.durationMs} ms ${after.durationMs}`,
        ...(complete ? [] : [`stopped after ${runs} runs, and may get smaller: npx quorate sim shrink --plan ${out}`]),
        `${runs} runs in ${seconds} s; again: npx quorate sim replay --plan ${out} --trace`,
      ].join("\n"),
    );
    return stopped ? EXIT.interrupted : EXIT.done;
  },
});

interface Size {
  readonly faults: number;
  readonly turns: number;
  readonly nodes: number;
  readonly durationMs: number;
}

function sizeOf({ plan: { faults, options, leftOut }, turns }: SeedResult): Size {
  const left = leftOut.reduce((sum, [first, last]) => sum + Math.max(0, Math.min(last, turns) - first + 1), 0);
  return { faults: faults.length, turns: turns - left, nodes: options.nodes, durationMs: options.durationMs };
}
