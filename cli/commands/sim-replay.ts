/** `quorate sim replay`: one run again, out of its seed or a plan file. */
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { GIVE_UP_LAST_COPY, parseMutant, parseSeed } from "../../sim/asked.ts";
import { historyLines, type Operations } from "../../sim/check/history-file.ts";
import { runPlan, runSeed, type SeedResult, type Watch } from "../../sim/run.ts";
import { unavoidableText } from "../../sim/unavoidable.ts";
import { command } from "../command.ts";
import { EXIT } from "../output.ts";
import { failureText, readPlanFile, strangeness, TraceWriter, writeLines, writePlan } from "../sim/told.ts";

interface Which {
  readonly seed: string | undefined;
  readonly plan: string | undefined;
  readonly mutant: string | undefined;
  readonly giveUpLastCopy: boolean;
}

interface Again {
  readonly result: SeedResult;
  /** Why it need not be the run that the plan was written of. */
  readonly strange: readonly string[];
}

function runAgain({ seed, plan, mutant, giveUpLastCopy }: Which, watch: Watch): Again {
  if (seed !== undefined && plan === undefined) {
    const planted = mutant === undefined ? {} : { mutant: parseMutant(mutant) };
    return { result: runSeed(parseSeed(seed), { ...watch, ...planted, giveUpLastCopy }), strange: [] };
  }
  if (plan !== undefined && seed === undefined && mutant === undefined && !giveUpLastCopy) {
    const file = readPlanFile(plan);
    const result = runPlan(file.plan, watch);
    return { result, strange: strangeness(file, result) };
  }
  throw new CodedError("usage", "say which run: --seed N, with --mutant NAME where a bug is planted, or --plan FILE");
}

export const replay: CommandModule = command({
  command: "replay",
  describe: "run one seed or plan again, event for event",
  builder: (yargs) =>
    yargs
      .option("seed", { type: "string", describe: "the seed" })
      .option("plan", { type: "string", describe: "a plan file instead of a seed" })
      .option("mutant", { type: "string", describe: "with a planted bug; see `sim mutants`" })
      .option("give-up-last-copy", { type: "boolean", default: false, describe: GIVE_UP_LAST_COPY })
      .option("trace", { type: "boolean", default: false, describe: "print what happens, a line an event" })
      .option("trace-file", { type: "string", describe: "write everything that happens as JSON Lines" })
      .option("history", {
        type: "string",
        describe: "write what clients asked and were told as JSON Lines, for other checkers",
      })
      .option("write-plan", { type: "string", describe: "write the plan of this run" })
      .example("$0 sim replay --seed 42 --trace | less", "what happened under seed 42")
      .example("$0 sim replay --plan smaller.plan --trace-file smaller.trace", "a plan's run, for `sim view`"),
  handler: (
    { seed: asked, plan: file, mutant, giveUpLastCopy, trace, traceFile, history, writePlan: planFile },
    output,
  ) => {
    const writer = traceFile === undefined ? undefined : new TraceWriter(traceFile);
    const watch = {
      ...(trace ? { trace: (line: string) => output.print(line) } : {}),
      ...(writer === undefined ? {} : { record: writer.record }),
      ...(history === undefined ? {} : { history: (seen: Operations) => writeLines(history, historyLines(seen)) }),
    };
    const { result, strange } = runAgain({ seed: asked, plan: file, mutant, giveUpLastCopy }, watch);
    for (const why of strange) output.note(`${file}: ${why}`);
    writer?.finish(result.plan);
    if (planFile !== undefined) writePlan(planFile, result);
    const { seed, traceHash, failed, simulatedMs, transactions, faults, skipped, reached, plan } = result;
    const { unavoidableLoss, unavoidableHalt } = result;
    const planted = mutant === undefined ? "" : ` --mutant ${mutant}`;
    const given = `--seed ${seed}${planted}${giveUpLastCopy ? " --give-up-last-copy" : ""}`;
    output.result(
      {
        ...{ seed, traceHash, failed: failed ?? false, simulatedMs, transactions, faults, skipped, reached },
        ...(unavoidableLoss === undefined ? {} : { unavoidableLoss }),
        ...(unavoidableHalt === undefined ? {} : { unavoidableHalt }),
        options: plan.options,
      },
      [
        failed === undefined
          ? [`seed ${seed}: all rules held`, unavoidableText(result)].filter(Boolean).join("\n")
          : failureText(result, file === undefined ? given : `--plan ${file}`),
        `trace hash ${traceHash}; ${simulatedMs} simulated ms, ${transactions} transactions`,
      ].join("\n"),
    );
    return failed === undefined ? EXIT.done : EXIT.failed;
  },
});
