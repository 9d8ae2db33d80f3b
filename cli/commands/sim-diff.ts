/** `quorate sim diff`: where two runs part. */
import { readFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { parseMutant, parseSeed } from "../../sim/asked.ts";
import { decodePlan } from "../../sim/plan-file.ts";
import { runPlan, runSeed, type Watch } from "../../sim/run.ts";
import { firstDifference, type TraceDifference } from "../../sim/trace-diff.ts";
import { decodeTrace, isTrace } from "../../sim/trace-file.ts";
import type { TraceRecord } from "../../sim/trace-recorder.ts";
import { command } from "../command.ts";
import { whole } from "../numbers.ts";
import { EXIT } from "../output.ts";
import { naming } from "../sim/naming.ts";

const CONTEXT_MAX = 1_000;

/** The records of a trace file, or of the run of a plan file or a seed, which may be with a planted bug. */
function recordsOf(source: string): readonly TraceRecord[] {
  const [, seed, mutant] = /^(\d+)(?::(\w+))?$/.exec(source) ?? [];
  if (seed !== undefined) {
    const planted = mutant === undefined ? {} : { mutant: parseMutant(mutant) };
    return recorded((watch) => runSeed(parseSeed(seed), { ...watch, ...planted }));
  }
  const text = readFileSync(source, "utf8");
  if (isTrace(text)) return naming(source, () => decodeTrace(text)).records;
  const plan = naming(source, () => decodePlan(text));
  return recorded((watch) => runPlan(plan, watch));
}

function recorded(run: (watch: Watch) => unknown): readonly TraceRecord[] {
  const records: TraceRecord[] = [];
  run({ record: (record) => records.push(record) });
  return records;
}

function differenceText({ at, common, left, right }: TraceDifference): string {
  const marked = (mark: string, lines: readonly string[]): string[] =>
    lines.length === 0 ? [`${mark} (the trace has ended)`] : lines.map((line) => `${mark} ${line}`);
  return [
    `the runs part at record ${at + 1}:`,
    ...common.map((line) => `  ${line}`),
    ...marked("<", left),
    ...marked(">", right),
  ].join("\n");
}

export const diff: CommandModule = command({
  command: "diff <a> <b>",
  describe: "find the first step in which two runs differ; exit code 1 when there is one",
  builder: (yargs) =>
    yargs
      .positional("a", {
        type: "string",
        demandOption: true,
        describe: "a trace file, a plan file or a seed, as SEED:BUG with a planted bug",
      })
      .positional("b", { type: "string", demandOption: true, describe: "another" })
      .option("context", {
        type: "number",
        default: 3,
        describe: "records before and after it",
        coerce: whole("context", 0, CONTEXT_MAX),
      })
      .example("$0 sim diff 6 6:readByDeposedLeader", "what a planted bug does first")
      .example("$0 sim diff before.trace after.trace", "what a change of the code did to a run"),
  handler: ({ a, b, context }, output) => {
    const [left, right] = [recordsOf(a), recordsOf(b)];
    const difference = firstDifference(left, right, context);
    output.result(
      { same: difference === undefined, records: [left.length, right.length], difference: difference ?? null },
      difference === undefined ? `the same, all ${left.length} records` : differenceText(difference),
    );
    return difference === undefined ? EXIT.done : EXIT.failed;
  },
});
