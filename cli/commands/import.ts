/** `quorate import`: payments from a CSV file into a running cluster. */
import { performance } from "node:perf_hooks";
import type { CommandModule } from "yargs";
import { U32_MAX } from "../../node/base/bytes.ts";
import { CLIENT_REQUESTS_IN_FLIGHT_MAX } from "../../node/base/limits.ts";
import { assetsNamed, CLUSTER_OPTIONS, withClient } from "../cluster-access.ts";
import { command } from "../command.ts";
import { whole } from "../numbers.ts";
import { EXIT, table } from "../output.ts";
import { type ImportReport, importPayments as runImport } from "../payments/importer.ts";
import { ledgerNamedIn } from "../payments/mapping.ts";
import { readPayments } from "../payments/read-payments.ts";
import { printableLine } from "../printable.ts";

const PROGRESS_EVERY = 100;
const REFUSED_SHOWN = 10;

/** What became of the rows, for people. */
export function importText({ payments, states, existing, refused, lost, ...report }: ImportReport): string {
  const rows = [
    ...Object.entries(states),
    ["there before", existing] as const,
    ["refused", refused.length] as const,
    ["lost", lost.length] as const,
  ];
  const more = refused.length - REFUSED_SHOWN;
  return [
    table([["what became of them", "payments"], ...rows]),
    `${payments} payments in ${report.seconds.toFixed(1)} s; half within ${report.p50Ms} ms, 99 % within ${report.p99Ms} ms`,
    ...refused.slice(0, REFUSED_SHOWN).map(({ id, reason }) => `refused: payment ${id}: ${printableLine(reason)}`),
    ...(more > 0 ? [`refused: ${more} more; --json lists them`] : []),
  ].join("\n");
}

export const importPayments: CommandModule = command({
  command: "import <file>",
  describe: "submit the payments of a CSV file (also .gz); exit code 1 when one was lost or refused",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("file", { type: "string", demandOption: true, describe: "CSV file with a header" })
      .option("mapping", { type: "string", describe: "which columns mean what; docs/payments-day.md" })
      .option("limit", { type: "number", coerce: whole("limit", 1, U32_MAX), describe: "only so many payments" })
      .option("in-flight", {
        type: "number",
        default: 64,
        coerce: whole("in-flight", 1, CLIENT_REQUESTS_IN_FLIGHT_MAX),
        describe: "how many wait for their answers at a time",
      })
      .example("$0 import payments.csv", "columns id, time, payer, payee, amount and perhaps card_token")
      .epilogue("The accounts must exist. Run it again after a failure: payments that exist are not made twice."),
  handler: async (args, output) => {
    const { mapping, limit } = args;
    const assets = await assetsNamed(args, mapping === undefined ? "" : ledgerNamedIn(mapping));
    const rows = await readPayments(args.file, { mapping, limit, firstDay: false, assets });
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
    const { lost, refused, ...figures } = report;
    const result = { ...figures, refused: refused.length, refusals: refused, lost: lost.length, lostIds: lost };
    output.result(result, importText(report));
    return lost.length + refused.length === 0 ? EXIT.done : EXIT.failed;
  },
});
