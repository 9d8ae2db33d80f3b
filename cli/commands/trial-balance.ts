/** `quorate trial-balance`: what is debited is credited, of a running cluster now, or of every account at a past height. */
import type { CommandModule } from "yargs";
import { assert } from "../../node/base/assert.ts";
import { CodedError } from "../../node/base/errors.ts";
import { ask } from "../../node/client/ask.ts";
import type { Account } from "../../node/ledger/records.ts";
import type { LedgerTotals } from "../../node/ledger/totals.ts";
import type { Assets } from "../amounts.ts";
import { assetsFor, assetsNamed, CLUSTER_OPTIONS, type ClusterArguments, withReader } from "../cluster-access.ts";
import { command } from "../command.ts";
import { EXIT, type Output, table } from "../output.ts";
import { accountColumns } from "../reports/columns.ts";
import { accountsIn, assetsIn } from "../reports/read-state.ts";
import { PAST_OPTIONS, type PastArguments, replayedState } from "../reports/replayed-state.ts";
import { writeTable } from "../reports/table-file.ts";

const SIDES = ["debitsPending", "debitsPosted", "creditsPending", "creditsPosted"] as const;
const HEADING = ["debits held", "debits", "credits held", "credits"];

type Totals = Readonly<Record<(typeof SIDES)[number], bigint>>;

interface PastReport extends PastArguments {
  readonly csv?: string | undefined;
  readonly parquet?: string | undefined;
}

function totalsOf(accounts: readonly Account[]): Totals {
  const sum = (side: (typeof SIDES)[number]): bigint => accounts.reduce((total, account) => total + account[side], 0n);
  const [debitsPending, debitsPosted, creditsPending, creditsPosted] = SIDES.map(sum) as [
    bigint,
    bigint,
    bigint,
    bigint,
  ];
  const totals = { debitsPending, debitsPosted, creditsPending, creditsPosted };
  assert(isBalanced(totals), "debits and credits of a ledger differ");
  return totals;
}

function isBalanced({ debitsPending, debitsPosted, creditsPending, creditsPosted }: Totals): boolean {
  return debitsPending === creditsPending && debitsPosted === creditsPosted;
}

function cells(totals: Totals, ledger: number, assets: Assets): string[] {
  return SIDES.map((side) => assets.formatAmount(totals[side], ledger));
}

/** Totals of all ledgers or of one, as a running cluster has them; whether they balance. */
async function online(args: ClusterArguments, name: string | undefined, output: Output): Promise<boolean> {
  const ledger = name === undefined ? undefined : (await assetsNamed(args, name)).ledgerOf(name);
  const { height, timestamp, totals, assets } = await withReader(args, async (client) => {
    const summary = await ask(client, { type: "summary" });
    const own = summary.totals.filter((row) => ledger === undefined || row.ledger === ledger);
    return { ...summary, totals: own, assets: await assetsFor(client, ...own.map((row) => row.ledger)) };
  });
  if (totals.length === 0)
    throw new CodedError("not_found", `there is no account${name === undefined ? "" : ` in ${name}`}`);
  const rows = totals.map((row): LedgerTotals & { readonly balanced: boolean } => {
    const [debitsPending, debitsPosted] = [BigInt(row.debitsPending), BigInt(row.debitsPosted)];
    const [creditsPending, creditsPosted] = [BigInt(row.creditsPending), BigInt(row.creditsPosted)];
    const sums = { debitsPending, debitsPosted, creditsPending, creditsPosted };
    return { ledger: row.ledger, ...sums, balanced: isBalanced(sums) };
  });
  const lines = rows.map((row) => [assets.nameOf(row.ledger), ...cells(row, row.ledger, assets)]);
  output.result(
    { height, timestamp, totals: rows },
    `at height ${height}\n${table([["ledger", ...HEADING], ...lines])}`,
  );
  const wrong = rows.filter(({ balanced }) => !balanced).map((row) => assets.nameOf(row.ledger));
  if (wrong.length > 0) output.note(`debits and credits differ in ${wrong.join(", ")}: "quorate audit" finds where`);
  return wrong.length === 0;
}

/** Every account of a ledger out of a node's data. */
function offline(directory: string, name: string, args: PastReport, output: Output): void {
  const state = replayedState(directory, args, output);
  const assets = assetsIn(state);
  const ledger = assets.ledgerOf(name);
  const accounts = [...accountsIn(state, ledger)].sort((a, b) => (a.id < b.id ? -1 : 1));
  if (accounts.length === 0) throw new CodedError("not_found", `there is no account in ${name} at that time`);
  const totals = totalsOf(accounts);
  if (args.csv !== undefined) writeTable("csv", args.csv, accountColumns(assets), accounts);
  if (args.parquet !== undefined) writeTable("parquet", args.parquet, accountColumns(assets), accounts);
  const rows = [
    ...accounts.map((account) => [`${account.id}`, ...cells(account, ledger, assets)]),
    ["total", ...cells(totals, ledger, assets)],
  ];
  const { height, timestamp } = state;
  output.result(
    { height, timestamp, ledger, accounts, totals },
    `${assets.nameOf(ledger)} at height ${height}\n${table([["account", ...HEADING], ...rows])}`,
  );
}

export const trialBalance: CommandModule = command({
  command: "trial-balance [ledger]",
  describe: "debits and credits: the totals of a running cluster, or every account of a ledger out of a node's data",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("ledger", { type: "string", describe: "currency such as EUR, or an asset; without it all" })
      .option("dir", { type: "string", describe: "read a directory, of a cluster or one node, and not the cluster" })
      .options(PAST_OPTIONS)
      .option("csv", { type: "string", describe: "write the accounts to this file, too" })
      .option("parquet", { type: "string", describe: "the same as Parquet" })
      .example("$0 trial-balance", "totals of each ledger as they are now; exit code 1 where they differ")
      .example("$0 trial-balance EUR --dir ./cluster --height 120", "each account as it was after block 120")
      .example("$0 trial-balance EUR --dir ./cluster --at 2026-02-01", "as January left it")
      .epilogue(
        "With --dir the log is executed again from the first block: this takes its time, and disturbs no running node.",
      ),
  handler: async (args, output) => {
    const { dir, ledger, height, at, csv, parquet } = args;
    if (dir === undefined) {
      const past = Object.entries({ height, at, csv, parquet }).find(([, value]) => value !== undefined);
      if (past !== undefined) throw new CodedError("usage", `--${past[0]} is about every account: it needs --dir`);
      return (await online(args, ledger, output)) ? EXIT.done : EXIT.failed;
    }
    if (ledger === undefined) throw new CodedError("usage", "with --dir a ledger must be named, such as EUR");
    offline(dir, ledger, args, output);
    return EXIT.done;
  },
});
