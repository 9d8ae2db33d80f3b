/** `quorate account`: accounts and what happened on them. */
import type { CommandModule } from "yargs";
import { ask } from "../../node/client/ask.ts";
import { accountFilterFlags, decodeBalances } from "../../node/client/index.ts";
import type { AccountFilter } from "../../node/ledger/filters.ts";
import {
  type Account,
  accountFlags,
  decodeAccounts,
  decodeTransfers,
  encodeAccounts,
  transferFlags,
} from "../../node/ledger/records.ts";
import { formatTime, isDigital, parseId } from "../amounts.ts";
import { assetsFor, assetsNamed, CLUSTER_OPTIONS, newId, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { U16_MAX, whole } from "../numbers.ts";
import { EXIT, table } from "../output.ts";
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
import { SUBMIT_OPTIONS, submitOne, submitRecord } from "../submit.ts";

const HISTORY_OPTIONS = {
  ...{ ...CLUSTER_OPTIONS, ...CONSISTENCY_OPTION, ...TIME_OPTIONS, ...DATA_OPTIONS, ...LIMIT_OPTION },
  "oldest-first": { type: "boolean", default: false, describe: "from the beginning" },
} as const;

interface HistoryArguments extends FilterArguments {
  readonly limit: number;
  readonly "oldest-first": boolean;
}

function historyFilter(args: HistoryArguments, accountId: bigint): AccountFilter {
  const { debits, credits, reversed } = accountFilterFlags;
  const flags = debits | credits | (args["oldest-first"] ? 0 : reversed);
  return { ...filterFrom(args), accountId, limit: args.limit, flags };
}

/** Which step of a two-phase transfer a transfer is. */
function stepName(flags: number): string {
  if ((flags & transferFlags.pending) !== 0) return "held";
  if ((flags & transferFlags.postPendingTransfer) !== 0) return "posted";
  return (flags & transferFlags.voidPendingTransfer) === 0 ? "" : "voided";
}

const create: CommandModule = command({
  command: "create",
  describe: "create an account that belongs to the signer's authority",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .option("id", { type: "string", describe: "its id; without it a new one" })
      .option("ledger", { type: "string", demandOption: true, describe: "currency such as EUR, or an asset" })
      .option("code", {
        type: "number",
        default: 1,
        coerce: whole("code", 1, U16_MAX),
        describe: "what kind of account it is, 1 to 65535: your own numbers",
      })
      .option("debits-must-not-exceed-credits", {
        type: "boolean",
        default: false,
        describe: "its owner cannot overdraw it; of a digital asset nobody can",
      })
      .option("credits-must-not-exceed-debits", { type: "boolean", default: false, describe: "the mirror, for assets" })
      .option("history", { type: "boolean", default: false, describe: "keep its balances after each transfer" })
      .example("$0 account create --id 7 --ledger EUR --debits-must-not-exceed-credits", "a customer's account"),
  handler: async (args, output) => {
    const id = args.id === undefined ? newId(Date.now()) : parseId(args.id);
    const noOverdraft = args["debits-must-not-exceed-credits"] || isDigital(args.ledger);
    const flags =
      (noOverdraft ? accountFlags.debitsMustNotExceedCredits : 0) |
      (args["credits-must-not-exceed-debits"] ? accountFlags.creditsMustNotExceedDebits : 0) |
      (args.history ? accountFlags.history : 0);
    const nothing = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
    const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
    const ledger = (await assetsNamed(args, args.ledger)).ledgerOf(args.ledger);
    const record: Account = { id, ...nothing, ...userData, ledger, code: args.code, flags, timestamp: 0n };
    await submitRecord(args, { kind: "createAccounts", batch: encodeAccounts([record]) }, output, id);
  },
});

const show: CommandModule = command({
  command: "show <ids..>",
  lists: ["ids"],
  describe: "balances of accounts; exit code 1 when one is not found",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...CONSISTENCY_OPTION })
      .positional("ids", { type: "string", array: true, demandOption: true, describe: "account ids" })
      .example("$0 account show 7 8", "two accounts, read at one height"),
  handler: async (args, output) => {
    const ids = args.ids.map(parseId);
    const { height, timestamp, found, assets } = await withReader(args, async (client) => {
      const answer = await ask(client, { type: "accounts", ids }, args.consistency);
      const all = decodeAccounts(answer.records);
      return { ...answer, found: all, assets: await assetsFor(client, ...all.map((a) => a.ledger)) };
    });
    const accounts = found.map((account) => ({ ...account, flags: flagNames(accountFlags, account.flags) }));
    const rows = accounts.map((a) => {
      const amounts = [
        a.debitsPending,
        a.debitsPosted,
        a.creditsPending,
        a.creditsPosted,
        a.creditsPosted - a.debitsPosted,
      ];
      return [`${a.id}`, ...amounts.map((amount) => assets.formatAmount(amount, a.ledger)), a.flags.join(" ")];
    });
    const heading = ["account", "debits held", "debits", "credits held", "credits", "balance", "rules"];
    output.result({ height, timestamp, accounts }, table([heading, ...rows]));
    const missing = ids.filter((id) => !accounts.some((account) => account.id === id));
    if (missing.length > 0) output.note(`not found, or not yours to see: ${missing.join(", ")}`);
    return missing.length === 0 ? EXIT.done : EXIT.failed;
  },
});

const history: CommandModule = command({
  command: "history <id>",
  describe: "transfers of an account, newest first",
  builder: (yargs) =>
    yargs
      .options(HISTORY_OPTIONS)
      .positional("id", { type: "string", demandOption: true, describe: "account id" })
      .example("$0 account history 7 --limit 5", "the last five transfers of account 7"),
  handler: async (args, output) => {
    const accountId = parseId(args.id);
    const query = { type: "accountTransfers", ...historyFilter(args, accountId) } as const;
    const asked = { query, reversed: !args["oldest-first"], fresh: args.consistency };
    const [page, assets] = await withReader(args, async (client) => {
      const read = await readPages(client, asked, decodeTransfers);
      return [read, await assetsFor(client, ...read.items.map((t) => t.ledger))] as const;
    });
    const { height, timestamp, items: transfers, next } = page;
    const rows = transfers.map((t) => {
      const out = t.debitAccountId === accountId;
      const amount = `${out ? "-" : "+"}${assets.formatAmount(t.amount, t.ledger)}`;
      const other = out ? t.creditAccountId : t.debitAccountId;
      return [formatTime(t.timestamp), `${t.id}`, stepName(t.flags), out ? "to" : "from", `${other}`, amount];
    });
    output.result(
      { height, timestamp, transfers, next },
      table([["time", "transfer", "step", "", "account", "amount"], ...rows]),
    );
  },
});

const balances: CommandModule = command({
  command: "balances <id>",
  describe: "how an account with the history flag stood after each of its transfers, newest first",
  builder: (yargs) =>
    yargs
      .options(HISTORY_OPTIONS)
      .positional("id", { type: "string", demandOption: true, describe: "account id" })
      .example("$0 account balances 7 --since 2026-01-01", "how account 7 stood since the new year"),
  handler: async (args, output) => {
    const accountId = parseId(args.id);
    const query = { type: "accountBalances", ...historyFilter(args, accountId) } as const;
    const asked = { query, reversed: !args["oldest-first"], fresh: args.consistency };
    const [page, ledger, assets] = await withReader(args, async (client) => {
      const own = await ask(client, { type: "accounts", ids: [accountId] }, args.consistency);
      const of = decodeAccounts(own.records)[0]?.ledger ?? 0;
      return [await readPages(client, asked, decodeBalances), of, await assetsFor(client, of)] as const;
    });
    const { height, timestamp, items, next } = page;
    const rows = items.map((b) => {
      const amounts = [b.debitsPending, b.debitsPosted, b.creditsPending, b.creditsPosted];
      const all = [...amounts, b.creditsPosted - b.debitsPosted];
      return [formatTime(b.timestamp), ...all.map((amount) => assets.formatAmount(amount, ledger))];
    });
    const heading = ["time", "debits held", "debits", "credits held", "credits", "balance"];
    output.result({ height, timestamp, balances: items, next }, table([heading, ...rows]));
  },
});

/** A command that freezes an account, or thaws it. */
function freezing(name: string, describe: string, frozen: boolean): CommandModule {
  return command({
    command: `${name} <id>`,
    describe,
    builder: (yargs) =>
      yargs
        .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
        .positional("id", { type: "string", demandOption: true, describe: "account id" })
        .example(`$0 account ${name} 7`, `${frozen ? "nothing debits" : "its owner may debit"} account 7 from now on`),
    handler: async (args, output) => {
      const body = { account: parseId(args.id), frozen };
      const outcome = await submitOne(args, output, { kind: "freezeAccount", body });
      if (outcome === undefined) return;
      const { height } = outcome;
      output.result({ ...body, height }, `account ${body.account} is ${frozen ? "frozen" : "not frozen"}`);
    },
  });
}

export const account: CommandModule = group("account", "create, show, freeze accounts", [
  ...[create, show, history, balances],
  freezing("freeze", "refuse all debits of an account, also of what it holds; for operators", true),
  freezing("unfreeze", "let an account be debited again; for operators", false),
]);
