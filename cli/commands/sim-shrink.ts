/** `quorate sim shrink`: the smallest plan that fails as a run did. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { GIVE_UP_LAST_COPY, parseMutant, parseSeed } from "../../sim/asked.ts";
import { runPlan, runSeed, type SeedResult } from "../../sim/run.ts";
import { command } from "../command.ts";
import { whole } from "../numbers.ts";
import { EXIT } from "../output.ts";
import { shrink } from "../sim/shrinking.ts";
import { readPlan, writePlan } from "../sim/told.ts";

const MS_PER_SECOND = 1_000;
const RUNS_MAX = 1_000_000;

interface Which {
  readonly seed: string | undefined;
  readonly plan: string | undefined;
  readonly mutant: string | undefined;
  readonly giveUpLastCopy: boolean;
}

function firstRun({ seed, plan, mutant, giveUpLastCopy }: Which): SeedResult {
  const planted = mutant === undefined ? {} : { mutant: parseMutant(mutant) };
  if (seed !== undefined && plan === undefined) return runSeed(parseSeed(seed), { ...planted, giveUpLastCopy });
  const isPlain = mutant === undefined && !giveUpLastCopy;
  if (plan !== undefined && seed === undefined && isPlain) return runPlan(readPlan(plan));
  throw new CodedError("usage", "say which run: --seed N, with --mutant NAME where a bug is planted, or --plan FILE");
}

export const shrinkCommand: CommandModule = command({
  command: "shrink",
  describe: "make a failing run as small as it gets while the same rule stays broken, and keep its plan",
  builder: (yargs) =>
    yargs
      .option("seed", { type: "string", describe: "a seed that fails" })
      .option("plan", { type: "string", describe: "a plan file that fails, instead of a seed" })
      .option("mutant", { type: "string", describe: "with a planted bug; see `sim mutants`" })
      .option("give-up-last-copy", { type: "boolean", default: false, describe: GIVE_UP_LAST_COPY })
      .option("out", { type: "string", default: "small.plan", describe: "where the small plan goes" })
      .option("runs", {
        type: "number",
        default: 1_000,
        describe: "run so many at most; the plan of a search that is stopped can be shrunk further",
        coerce: whole("runs", 1, RUNS_MAX),
      })
      .example("$0 sim shrink --seed 1 --mutant retryExecutedTwice", "the smallest run that shows a planted bug"),
  handler: async ({ seed, plan, mutant, giveUpLastCopy, out, runs: runsMax }, output) => {
    const startedAt = performance.now();
    const failed = firstRun({ seed, plan, mutant, giveUpLastCopy });
    if (failed.failed === undefined)
      throw new CodedError("nothing_failed", "this run breaks no rule, so there is nothing to shrink");
    const { best, runs, complete } = await shrink(failed, runsMax, output);
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
    return EXIT.done;
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
