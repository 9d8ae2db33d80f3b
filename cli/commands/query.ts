/** `quorate query`: accounts and transfers by what they are. */
import type { CommandModule } from "yargs";
import { type Consistency, queryFilterFlags } from "../../node/client/index.ts";
import { accountFlags, decodeAccounts, decodeTransfers, transferFlags } from "../../node/ledger/records.ts";
import { type Assets, formatTime } from "../amounts.ts";
import { assetsFor, CLUSTER_OPTIONS, type ClusterArguments, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { type Output, table } from "../output.ts";
import {
  CONSISTENCY_OPTION,
  DATA_OPTIONS,
  type FilterArguments,
  filterFrom,
  flagNames,
  LIMIT_OPTION,
  readPages,
  TIME_OPTIONS,
} from "../reading.ts";

const OPTIONS = {
  ...{ ...CLUSTER_OPTIONS, ...CONSISTENCY_OPTION, ...TIME_OPTIONS, ...DATA_OPTIONS, ...LIMIT_OPTION },
  ledger: { type: "string", describe: "only of this currency such as EUR, or this asset" },
  "newest-first": { type: "boolean", default: false, describe: "against the order of time" },
} as const;

interface QueryArguments extends FilterArguments, ClusterArguments {
  readonly limit: number;
  readonly ledger?: string | undefined;
  readonly consistency: Consistency;
  readonly "newest-first": boolean;
}

/** The query of the options, without its type. */
function filterOf(args: QueryArguments, assets: Assets): { readonly limit: number; readonly flags: number } {
  const ledger = args.ledger === undefined ? {} : { ledger: assets.ledgerOf(args.ledger) };
  const flags = args["newest-first"] ? queryFilterFlags.reversed : 0;
  return { ...filterFrom(args), ...ledger, limit: args.limit, flags };
}

/** What the options find, and the assets that it is counted in. */
async function read<T extends { readonly ledger: number }>(
  args: QueryArguments,
  type: "queryAccounts" | "queryTransfers",
  decode: (records: Uint8Array) => readonly T[],
): Promise<{ readonly page: Awaited<ReturnType<typeof readPages<T>>>; readonly assets: Assets }> {
  return await withReader(args, async (client) => {
    const query = { type, ...filterOf(args, await assetsFor(client, args.ledger ?? "")) };
    const asked = { query, reversed: args["newest-first"], fresh: args.consistency };
    const page = await readPages(client, asked, decode);
    return { page, assets: await assetsFor(client, ...page.items.map(({ ledger }) => ledger)) };
  });
}

/** Says how to go on where there is more. */
function tellNext(output: Output, next: string, reversed: boolean): void {
  if (next !== "0") output.note(`there may be more: ${reversed ? "--until" : "--since"} ${next}`);
}

const accounts: CommandModule = command({
  command: "accounts",
  describe: "accounts by ledger, code, user data and time of creation",
  builder: (yargs) =>
    yargs.options(OPTIONS).example("$0 query accounts --ledger EUR --code 7", "the first twenty such accounts"),
  handler: async (args, output) => {
    const reversed = args["newest-first"];
    const { page, assets } = await read(args, "queryAccounts", decodeAccounts);
    const rows = page.items.map((a) => [
      ...[formatTime(a.timestamp), `${a.id}`, a.code, assets.formatAmount(a.creditsPosted - a.debitsPosted, a.ledger)],
      flagNames(accountFlags, a.flags).join(" "),
    ]);
    const named = page.items.map((a) => ({ ...a, flags: flagNames(accountFlags, a.flags) }));
    const { height, timestamp, next } = page;
    const heading = ["created", "account", "code", "balance", "rules"];
    output.result({ height, timestamp, accounts: named, next }, table([heading, ...rows]));
    tellNext(output, next, reversed);
  },
});

const transfers: CommandModule = command({
  command: "transfers",
  describe: "transfers by ledger, code, user data and time",
  builder: (yargs) =>
    yargs.options(OPTIONS).example("$0 query transfers --user-data-64 2026 --newest-first", "the last twenty of them"),
  handler: async (args, output) => {
    const reversed = args["newest-first"];
    const { page, assets } = await read(args, "queryTransfers", decodeTransfers);
    const rows = page.items.map((t) => [
      ...[formatTime(t.timestamp), `${t.id}`, t.code, `${t.debitAccountId}`, `${t.creditAccountId}`],
      ...[assets.formatAmount(t.amount, t.ledger), flagNames(transferFlags, t.flags).join(" ")],
    ]);
    const named = page.items.map((t) => ({ ...t, flags: flagNames(transferFlags, t.flags) }));
    const { height, timestamp, next } = page;
    const heading = ["time", "transfer", "code", "from", "to", "amount", "flags"];
    output.result({ height, timestamp, transfers: named, next }, table([heading, ...rows]));
    tellNext(output, next, reversed);
  },
});

export const query: CommandModule = group("query", "find accounts and transfers by what they are", [
  ...[accounts, transfers],
]);
