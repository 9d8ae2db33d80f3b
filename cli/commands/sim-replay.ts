/** `quorate sim replay`: one run again, out of its seed, a scenario or a plan file. */
import type { CommandModule } from "yargs";
import { historyLines, type Operations } from "../../sim/check/history-file.ts";
import type { Watch } from "../../sim/run.ts";
import { unavoidableText } from "../../sim/unavoidable.ts";
import { command } from "../command.ts";
import { EXIT } from "../output.ts";
import { failureText, TraceWriter, writeLines, writePlan } from "../sim/told.ts";
import { namedRun, runAgain, withWhichRun } from "../sim/which-run.ts";

export const replay: CommandModule = command({
  command: "replay",
  describe: "run one seed or plan again, event for event",
  builder: (yargs) =>
    withWhichRun(yargs)
      .option("trace", { type: "boolean", default: false, describe: "print what happens, a line an event" })
      .option("trace-file", { type: "string", describe: "write everything that happens as JSON Lines" })
      .option("history", {
        type: "string",
        describe: "write what clients asked and were told as JSON Lines, for other checkers",
      })
      .option("write-plan", { type: "string", describe: "write the plan of this run" })
      .example("$0 sim replay --seed 42 --trace | less", "what happened under seed 42")
      .example(
        "$0 sim replay --scenario noon.yaml --seed 1 --trace-file noon.trace",
        "a scenario's run, for `sim view`",
      )
      .example("$0 sim replay --plan smaller.plan --trace-file smaller.trace", "a plan's run, for `sim view`"),
  handler: async ({ trace, traceFile, history, writePlan: planFile, ...which }, output) => {
    const writer = traceFile === undefined ? undefined : new TraceWriter(traceFile);
    let operations: Operations | undefined;
    const watch: Watch = {
      ...(trace ? { trace: (line: string) => output.print(line) } : {}),
      ...(writer === undefined ? {} : { record: writer.record }),
      history: (seen) => {
        operations = seen;
      },
    };
    const { result, strange } = await runAgain(which, watch);
    for (const why of strange) output.note(`${which.plan}: ${why}`);
    writer?.finish(result.plan);
    // Not while it runs: that a file cannot be written breaks no rule.
    if (history !== undefined && operations !== undefined) writeLines(history, historyLines(operations));
    if (planFile !== undefined) writePlan(planFile, result);
    const { seed, traceHash, failed, simulatedMs, transactions, faults, skipped, reached, plan } = result;
    const { unavoidableLoss, unavoidableHalt } = result;
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
          : failureText(result, namedRun(which)),
        `trace hash ${traceHash}; ${simulatedMs} simulated ms, ${transactions} transactions`,
      ].join("\n"),
    );
    return failed === undefined ? EXIT.done : EXIT.failed;
  },
});
