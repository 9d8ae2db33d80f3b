/** `quorate account`: accounts and what happened on them. */
import type { CommandModule } from "yargs";
import { QUERY_RESULTS_MAX } from "../../node/base/limits.ts";
import {
  type Account,
  accountFlags,
  decodeAccounts,
  decodeTransfers,
  encodeAccounts,
  transferFlags,
} from "../../node/ledger/records.ts";
import { formatTime, isDigital, parseId } from "../amounts.ts";
import { ask, assetsFor, assetsNamed, CLUSTER_OPTIONS, newId, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { U16_MAX, whole } from "../numbers.ts";
import { EXIT, table } from "../output.ts";
import { RECEIPT_OPTION, submitRecord } from "../submit.ts";

const FLAG_NAMES = Object.entries(accountFlags);

function flagNames(flags: number): string[] {
  return FLAG_NAMES.filter(([, bit]) => (flags & bit) !== 0).map(([name]) => name);
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
      .options({ ...CLUSTER_OPTIONS, ...RECEIPT_OPTION })
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
      .example("$0 account create --id 7 --ledger EUR --debits-must-not-exceed-credits", "a customer's account"),
  handler: async (args, output) => {
    const id = args.id === undefined ? newId(Date.now()) : parseId(args.id);
    const noOverdraft = args["debits-must-not-exceed-credits"] || isDigital(args.ledger);
    const flags =
      (noOverdraft ? accountFlags.debitsMustNotExceedCredits : 0) |
      (args["credits-must-not-exceed-debits"] ? accountFlags.creditsMustNotExceedDebits : 0);
    const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
    const userData = { userData128: 0n, userData64: 0n, userData32: 0 };
    const ledger = (await assetsNamed(args, args.ledger)).ledgerOf(args.ledger);
    const record: Account = { id, ...balances, ...userData, ledger, code: args.code, flags, timestamp: 0n };
    await submitRecord(args, { kind: "createAccounts", batch: encodeAccounts([record]) }, output, id);
  },
});

const show: CommandModule = command({
  command: "show <ids..>",
  lists: ["ids"],
  describe: "balances of accounts; exit code 1 when one is not found",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("ids", { type: "string", array: true, demandOption: true, describe: "account ids" })
      .example("$0 account show 7 8", "two accounts, read at one height"),
  handler: async (args, output) => {
    const ids = args.ids.map(parseId);
    const { records, height, assets } = await withReader(args, async (client) => {
      const answer = await ask(client, { type: "accounts", ids });
      return { ...answer, assets: await assetsFor(client, ...decodeAccounts(answer.records).map((a) => a.ledger)) };
    });
    const accounts = decodeAccounts(records).map((account) => ({ ...account, flags: flagNames(account.flags) }));
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
    output.result({ height, accounts }, table([heading, ...rows]));
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
      .options(CLUSTER_OPTIONS)
      .positional("id", { type: "string", demandOption: true, describe: "account id" })
      .option("limit", {
        type: "number",
        default: 20,
        coerce: whole("limit", 1, QUERY_RESULTS_MAX),
        describe: "how many at most",
      })
      .option("oldest-first", { type: "boolean", default: false, describe: "from the beginning" })
      .example("$0 account history 7 --limit 5", "the last five transfers of account 7"),
  handler: async (args, output) => {
    const accountId = parseId(args.id);
    const bounds = { timestampMin: 0n, timestampMax: 0n, debits: true, credits: true };
    const page = { limit: args.limit, reversed: !args["oldest-first"] };
    const query = { type: "accountTransfers", accountId, ...bounds, ...page } as const;
    const { records, height, assets } = await withReader(args, async (client) => {
      const answer = await ask(client, query);
      return { ...answer, assets: await assetsFor(client, ...decodeTransfers(answer.records).map((t) => t.ledger)) };
    });
    const transfers = decodeTransfers(records);
    const rows = transfers.map((t) => {
      const out = t.debitAccountId === accountId;
      const amount = `${out ? "-" : "+"}${assets.formatAmount(t.amount, t.ledger)}`;
      const other = out ? t.creditAccountId : t.debitAccountId;
      return [formatTime(t.timestamp), `${t.id}`, stepName(t.flags), out ? "to" : "from", `${other}`, amount];
    });
    output.result({ height, transfers }, table([["time", "transfer", "step", "", "account", "amount"], ...rows]));
  },
});

export const account: CommandModule = group("account", "create accounts and look at them", [create, show, history]);
