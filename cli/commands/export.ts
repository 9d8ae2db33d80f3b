/** `quorate export`: transfers, accounts or payments as files for other programs. */
import type { CommandModule } from "yargs";
import { command } from "../command.ts";
import { accountColumns, paymentColumns, transferColumns } from "../reports/columns.ts";
import { accountsIn, assetsIn, paymentsIn, transfersIn } from "../reports/read-state.ts";
import { PAST_OPTIONS, replayedState } from "../reports/replayed-state.ts";
import { FORMATS, writeTable } from "../reports/table-file.ts";

const SUBJECTS = ["transfers", "accounts", "payments"] as const;

export const exportTable: CommandModule = command({
  command: "export <what>",
  describe: "write transfers, accounts or payments of a node's data to a CSV or Parquet file",
  builder: (yargs) =>
    yargs
      .positional("what", { choices: SUBJECTS, demandOption: true, describe: "what to write" })
      .option("dir", { type: "string", demandOption: true, describe: "directory of a cluster, or of one node" })
      .options(PAST_OPTIONS)
      .option("format", { choices: FORMATS, default: "csv" as const, describe: "what kind of file" })
      .option("out", { type: "string", demandOption: true, describe: "the file; one that is there is written over" })
      .example(
        "$0 export transfers --dir ./cluster --format parquet --out transfers.parquet",
        "every transfer ever made",
      )
      .example("$0 export accounts --dir ./cluster --height 120 --out accounts.csv", "balances as after block 120")
      .epilogue("docs/reporting.md lists the columns."),
  handler: (args, output) => {
    const { what, format, out } = args;
    const state = replayedState(args.dir, args, output);
    const assets = assetsIn(state);
    const write = {
      transfers: () => writeTable(format, out, transferColumns(assets), transfersIn(state)),
      accounts: () => writeTable(format, out, accountColumns(assets), accountsIn(state)),
      payments: () => writeTable(format, out, paymentColumns(assets), paymentsIn(state)),
    };
    const rows = write[what]();
    output.result(
      { what, format, file: out, rows, height: state.height },
      `${rows} ${what} at height ${state.height}: ${out}`,
    );
  },
});
