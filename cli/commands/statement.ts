/** `quorate statement`: what happened on an account in a period, and how it stood before and after. */
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { QUERY_RESULTS_MAX } from "../../node/base/limits.ts";
import { ask } from "../../node/client/ask.ts";
import { accountFilterFlags, type QuorateClient } from "../../node/client/index.ts";
import { type Account, decodeAccounts, decodeTransfers, type Transfer } from "../../node/ledger/records.ts";
import { Statement, type StatementBalances, type StatementLine } from "../../node/ledger/statement.ts";
import { type Assets, formatTime, parseId, parseTime } from "../amounts.ts";
import { assetsFor, CLUSTER_OPTIONS, withReader } from "../cluster-access.ts";
import { command } from "../command.ts";
import { type Output, table } from "../output.ts";
import { otherAccount, statementColumns } from "../reports/columns.ts";
import { accountTransfersIn, assetsIn } from "../reports/read-state.ts";
import { replayedState } from "../reports/replayed-state.ts";
import { writeTable } from "../reports/table-file.ts";

/** An account with all its transfers up to a log time. */
interface Source {
  readonly account: Account;
  readonly transfers: AsyncIterable<Transfer> | Iterable<Transfer>;
  /** Log time up to which the transfers are there. */
  readonly now: () => bigint;
  readonly assets: Assets;
}

interface Made {
  readonly account: Account;
  readonly assets: Assets;
  readonly from: bigint;
  readonly to: bigint;
  readonly opening: StatementBalances;
  readonly closing: StatementBalances;
  readonly lines: readonly StatementLine[];
}

function notFound(id: bigint): CodedError {
  return new CodedError("not_found", `there is no account ${id} that you may see`);
}

async function onlineSource(client: QuorateClient, id: bigint): Promise<Source> {
  const [account] = decodeAccounts((await ask(client, { type: "accounts", ids: [id] })).records);
  if (account === undefined) throw notFound(id);
  let now = 0n;
  async function* transfers(): AsyncGenerator<Transfer> {
    const filter = {
      accountId: id,
      limit: QUERY_RESULTS_MAX,
      flags: accountFilterFlags.debits | accountFilterFlags.credits,
    };
    for (let timestampMin = 0n; ; ) {
      const answer = await ask(client, { type: "accountTransfers", timestampMin, ...filter });
      yield* decodeTransfers(answer.records);
      now = BigInt(answer.timestamp);
      if (answer.next === "0") return;
      timestampMin = BigInt(answer.next);
    }
  }
  return { account, transfers: transfers(), now: () => now, assets: await assetsFor(client, account.ledger) };
}

function offlineSource(directory: string, id: bigint, output: Output): Source {
  const state = replayedState(directory, {}, output);
  const account = state.ledger.lookupAccount(id);
  if (account === undefined) throw notFound(id);
  return { account, transfers: accountTransfersIn(state, id), now: () => state.timestamp, assets: assetsIn(state) };
}

async function make({ account, transfers, now, assets }: Source, from: bigint, to: bigint | undefined): Promise<Made> {
  const end = to ?? 2n ** 63n;
  const statement = new Statement(account.id, from, end);
  const lines: StatementLine[] = [];
  for await (const transfer of transfers) {
    lines.push(...statement.add(transfer));
    if (transfer.timestamp >= end) break;
  }
  const known = now();
  lines.push(...statement.end(known > 0n ? known : end));
  const { opening, closing } = statement;
  return { account, assets, from, to: to ?? known + 1n, opening, closing, lines };
}

function statementText({ account, assets, opening, closing, lines }: Made): string {
  const amount = (units: bigint): string => assets.formatAmount(units, account.ledger);
  const balance = (b: StatementBalances): string => amount(b.creditsPosted - b.debitsPosted);
  const held = (b: StatementBalances): string => {
    return `held of it ${amount(b.debitsPending)}, held for it ${amount(b.creditsPending)}`;
  };
  const rows = lines.map((line) => [
    ...[formatTime(line.timestamp), `${line.transfer.id}`, line.step, line.debit ? "to" : "from"],
    ...[`${otherAccount(line)}`, `${signOf(line)}${amount(line.transfer.amount)}`, balance(line.balances)],
  ]);
  const heading = ["time", "transfer", "step", "", "account", "amount", "balance"];
  return [
    `account ${account.id}`,
    `before: ${balance(opening)}, ${held(opening)}`,
    ...(rows.length === 0 ? ["nothing happened"] : [table([heading, ...rows])]),
    `after: ${balance(closing)}, ${held(closing)}`,
  ].join("\n");
}

/** Nothing is added or taken while money is only held. */
function signOf({ step, debit }: StatementLine): string {
  if (step !== "moved" && step !== "posted") return "";
  return debit ? "-" : "+";
}

function writeFiles({ lines, assets }: Made, csv: string | undefined, parquet: string | undefined): void {
  const columns = statementColumns(assets);
  if (csv !== undefined) writeTable("csv", csv, columns, lines);
  if (parquet !== undefined) writeTable("parquet", parquet, columns, lines);
}

export const statement: CommandModule = command({
  command: "statement <account>",
  describe: "what happened on an account in a period, with running balances",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("account", { type: "string", demandOption: true, describe: "account id" })
      .option("from", {
        type: "string",
        describe: "from this log time on, such as 2026-01-01; else from the beginning",
      })
      .option("to", { type: "string", describe: "before this log time; else until now" })
      .option("dir", { type: "string", describe: "read a node's data directory instead of asking the cluster" })
      .option("csv", { type: "string", describe: "write the lines to this file, too" })
      .option("parquet", { type: "string", describe: "the same as Parquet" })
      .example("$0 statement 7 --from 2026-01-01 --to 2026-02-01", "account 7 in January, by UTC")
      .example("$0 statement 7 --csv 7.csv", "everything that ever happened on account 7, as a file"),
  handler: async (args, output) => {
    const id = parseId(args.account);
    const from = args.from === undefined ? 0n : parseTime(args.from);
    const to = args.to === undefined ? undefined : parseTime(args.to);
    if (to !== undefined && to <= from) throw new CodedError("usage", "--to must be later than --from");
    const made =
      args.dir === undefined
        ? await withReader(args, async (client) => await make(await onlineSource(client, id), from, to))
        : await make(offlineSource(args.dir, id, output), from, to);
    writeFiles(made, args.csv, args.parquet);
    const { account, opening, closing, lines } = made;
    output.result(
      { account: id, ledger: account.ledger, from, to: made.to, opening, closing, lines },
      statementText(made),
    );
  },
});
