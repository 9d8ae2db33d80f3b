/** `quorate day`: the main job, on a cluster of its own. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { U32_MAX } from "../../node/base/bytes.ts";
import { command } from "../command.ts";
import { type DayResult, dayResult, dayText, problemsOf } from "../day/report.ts";
import { runDay, withCards } from "../day/run-day.ts";
import { interruption } from "../interruption.ts";
import { whole } from "../numbers.ts";
import { EXIT, type Output, toJson } from "../output.ts";
import { generateDay } from "../payments/generate-day.ts";
import type { PaymentRow } from "../payments/payment-row.ts";
import { readPayments } from "../payments/read-payments.ts";
import { LocalCluster } from "../processes.ts";
import { tellOfExits } from "../start-local.ts";
import { parseNodeCount } from "./init.ts";

interface DayArguments {
  readonly input?: string | undefined;
  readonly mapping?: string | undefined;
  readonly limit?: number | undefined;
  readonly seed: number;
}

interface Payments {
  readonly rows: readonly PaymentRow[];
  readonly source: string;
}

async function paymentsOf({ input, mapping, limit, seed }: DayArguments): Promise<Payments> {
  if (input === undefined) {
    const rows = generateDay(seed);
    return { rows: withCards(rows.slice(0, limit ?? rows.length)), source: `our generator, seed ${seed}` };
  }
  const rows = await readPayments(input, { mapping, limit, firstDay: limit === undefined });
  return { rows: withCards(rows), source: basename(input) };
}

/** Runs the day and prints the page for people: to standard error where a program reads the result. */
async function runAndTell(
  local: LocalCluster,
  { rows, source }: Payments,
  output: Output,
  signal: AbortSignal,
): Promise<DayResult> {
  const facts = await runDay({ local, rows, source, output, signal });
  const result = dayResult(facts);
  const page = `\n${dayText(facts, result)}\n`;
  if (output.json) output.note(page);
  else output.print(page);
  return result;
}

/** What to do with the cluster that stays up. */
function stayingText(local: LocalCluster): string {
  return [
    "The cluster stays up. In another terminal:",
    `  export QUORATE_CLUSTER=${resolve(local.clusterFile)}`,
    "  npx quorate status",
    "Ctrl-C stops it.",
  ].join("\n");
}

export const day: CommandModule = command({
  command: "day",
  describe: "run a day of payments through a new local cluster, kill its leader in the middle, reckon up, stay up",
  builder: (yargs) =>
    yargs
      .option("input", {
        type: "string",
        describe: "CSV file of payments (also .gz), sorted by time; its first day is taken",
      })
      .option("mapping", { type: "string", describe: "which columns mean what; docs/payments-day.md" })
      .option("limit", {
        type: "number",
        coerce: whole("limit", 1, U32_MAX),
        describe: "so many payments instead of the first day",
      })
      .option("seed", {
        type: "number",
        default: 1,
        coerce: whole("seed", 0, U32_MAX),
        describe: "of the generated day, without --input",
      })
      .option("nodes", { type: "number", default: 3, coerce: parseNodeCount, describe: "how many nodes" })
      .option("dir", { type: "string", describe: "where its files go; without it a new temporary directory" })
      .option("once", { type: "boolean", default: false, describe: "end afterwards instead of staying up" })
      .example("$0 day --once --json", "prints one JSON object as its last line")
      .example("$0 day --input payments.csv.gz --mapping mapping.json", "your own data"),
  handler: async (args, output) => {
    const payments = await paymentsOf(args);
    const directory = args.dir ?? mkdtempSync(join(tmpdir(), "quorate-day-"));
    const local = await LocalCluster.init({ directory, nodes: args.nodes, nowMs: Date.now() });
    output.note(`A cluster of ${args.nodes} nodes and a sandbox card acquirer, in ${directory}`);
    const { signal, stopped, end } = interruption();
    let result: DayResult | undefined;
    let sound = false;
    try {
      result = (await Promise.race([runAndTell(local, payments, output, signal), stopped])) ?? undefined;
      sound = result !== undefined && problemsOf(result).length === 0;
      if (result !== undefined && !args.once) {
        output.note(stayingText(local));
        if (output.json) output.print(toJson(result));
        tellOfExits(local, output, signal);
        await stopped;
      }
    } finally {
      if (signal.aborted) output.note("Stopping the cluster ...");
      end(); // whoever would start a killed node again must not
      await local.stopAll();
      if (args.dir === undefined && args.once && sound) rmSync(directory, { recursive: true });
      else output.note(`The data stays in ${directory}; "npx quorate verify ${directory}" checks it.`);
    }
    if (result !== undefined && args.once && output.json) output.print(toJson(result));
    return sound ? EXIT.done : EXIT.failed;
  },
});
