/** `quorate import`: payments from a CSV file into a running cluster. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { CLUSTER_OPTIONS, withClient } from "../cluster-access.ts";
import { command } from "../command.ts";
import { EXIT, table } from "../output.ts";
import { importPayments as runImport } from "../payments/importer.ts";
import { readPayments } from "../payments/read-payments.ts";

const PROGRESS_EVERY = 100;

export const importPayments: CommandModule = command({
  command: "import <file>",
  describe: "submit the payments of a CSV file (also .gz); exit code 1 when one was lost",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("file", { type: "string", demandOption: true, describe: "CSV file with a header" })
      .option("mapping", { type: "string", describe: "which columns mean what; docs/payments-day.md" })
      .option("limit", { type: "number", describe: "only so many payments" })
      .option("in-flight", { type: "number", default: 64, describe: "how many wait for their answers at a time" })
      .example("$0 import payments.csv", "columns id, time, payer, payee, amount and perhaps card_token")
      .epilogue("The accounts must exist. Run it again after a failure: payments that exist are not made twice."),
  handler: async (args, output) => {
    const rows = await readPayments(args.file, { mapping: args.mapping, limit: args.limit, firstDay: false });
    const startedAt = performance.now();
    const report = await withClient(
      args,
      async (client) =>
        await runImport(rows, {
          clientFor: () => client,
          inFlightMax: args["in-flight"],
          onAnswer: (_, answered) => {
            if (answered % PROGRESS_EVERY !== 0) return;
            const rate = answered / ((performance.now() - startedAt) / 1_000);
            output.progress(`${answered} of ${rows.length} payments, ${rate.toFixed(0)} a second`);
          },
        }),
    );
    const states = Object.entries(report.states).map(([state, count]) => [state, count]);
    output.result(
      { ...report, lost: report.lost.length, lostIds: report.lost },
      [
        table([["state", "payments"], ...states]),
        `${report.payments} payments in ${report.seconds.toFixed(1)} s; median ${report.p50Ms} ms, 99 % below ${report.p99Ms} ms`,
        `lost ${report.lost.length}`,
      ].join("\n"),
    );
    return report.lost.length === 0 ? EXIT.done : EXIT.failed;
  },
});
