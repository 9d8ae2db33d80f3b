/** `quorate trial-balance`: every account of a ledger at a past height; what is debited is credited. */
import type { CommandModule } from "yargs";
import { assert } from "../../node/base/assert.ts";
import { CodedError } from "../../node/base/errors.ts";
import type { Account } from "../../node/ledger/records.ts";
import { command } from "../command.ts";
import { table } from "../output.ts";
import { accountColumns } from "../reports/columns.ts";
import { accountsIn, assetsIn } from "../reports/read-state.ts";
import { PAST_OPTIONS, replayedState } from "../reports/replayed-state.ts";
import { writeTable } from "../reports/table-file.ts";

const SIDES = ["debitsPending", "debitsPosted", "creditsPending", "creditsPosted"] as const;

type Totals = Readonly<Record<(typeof SIDES)[number], bigint>>;

function totalsOf(accounts: readonly Account[]): Totals {
  const sum = (side: (typeof SIDES)[number]): bigint => accounts.reduce((total, account) => total + account[side], 0n);
  const [debitsPending, debitsPosted, creditsPending, creditsPosted] = SIDES.map(sum) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  assert(debitsPending === creditsPending && debitsPosted === creditsPosted, "debits and credits of a ledger differ");
  return { debitsPending, debitsPosted, creditsPending, creditsPosted };
}

export const trialBalance: CommandModule = command({
  command: "trial-balance <ledger>",
  describe: "debits and credits of every account of a ledger at a past height, from a node's data",
  builder: (yargs) =>
    yargs
      .positional("ledger", { type: "string", demandOption: true, describe: "currency such as EUR, or an asset" })
      .option("dir", { type: "string", demandOption: true, describe: "directory of a cluster, or of one node" })
      .options(PAST_OPTIONS)
      .option("csv", { type: "string", describe: "write the accounts to this file, too" })
      .option("parquet", { type: "string", describe: "the same as Parquet" })
      .example("$0 trial-balance EUR --dir ./cluster --height 120", "as it was after block 120")
      .example("$0 trial-balance EUR --dir ./cluster --at 2026-02-01", "as January left it")
      .epilogue("The log is executed again from the first block: this takes its time, and disturbs no running node."),
  handler: (args, output) => {
    const state = replayedState(args.dir, args, output);
    const assets = assetsIn(state);
    const ledger = assets.ledgerOf(args.ledger);
    const accounts = [...accountsIn(state, ledger)].sort((a, b) => (a.id < b.id ? -1 : 1));
    if (accounts.length === 0) throw new CodedError("not_found", `there is no account in ${args.ledger} at that time`);
    const totals = totalsOf(accounts);
    if (args.csv !== undefined) writeTable("csv", args.csv, accountColumns(assets), accounts);
    if (args.parquet !== undefined) writeTable("parquet", args.parquet, accountColumns(assets), accounts);
    const cells = (row: Totals): string[] => SIDES.map((side) => assets.formatAmount(row[side], ledger));
    const rows = [...accounts.map((account) => [`${account.id}`, ...cells(account)]), ["total", ...cells(totals)]];
    const heading = ["account", "debits held", "debits", "credits held", "credits"];
    const { height, timestamp } = state;
    output.result(
      { height, timestamp, ledger, accounts, totals },
      `${assets.nameOf(ledger)} at height ${height}\n${table([heading, ...rows])}`,
    );
  },
});
