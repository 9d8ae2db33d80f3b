/** `quorate authority`: who may do what. */
import type { CommandModule } from "yargs";
import { fromHex, toHex, U32_MAX } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { AUTHORITY_KEYS_MAX } from "../../node/base/limits.ts";
import { ask } from "../../node/client/ask.ts";
import type { AuthorityView } from "../../node/state/queries.ts";
import { ROLES } from "../../node/wire/kinds.ts";
import { type Assets, formatTime, parseId } from "../amounts.ts";
import { assetsNamed, CLUSTER_OPTIONS, type ClusterArguments, readKey, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { whole } from "../numbers.ts";
import { printableLine } from "../printable.ts";
import { SUBMIT_OPTIONS, submitOne } from "../submit.ts";

const KEY_BYTES = 32;
const NS_PER_SECOND = 1_000_000_000n;
const SECONDS_PER_DAY = 86_400n;
const DAYS_MAX = 36_500;

function parseKey(text: string): Uint8Array {
  const key = fromHex(text);
  if (key?.length === KEY_BYTES) return key;
  throw new CodedError(
    "usage",
    `"${text}" is not a public key: 64 hexadecimal digits, as "quorate keys show" prints them`,
  );
}

/** Options that describe a key set. */
const KEY_OPTIONS = {
  "public-key": {
    type: "string",
    array: true,
    demandOption: true,
    describe: "a key of 64 hexadecimal digits; several for several signers",
  },
  threshold: {
    type: "number",
    default: 1,
    coerce: whole("threshold", 1, AUTHORITY_KEYS_MAX),
    describe: "how many of the keys must sign",
  },
} as const;

const create: CommandModule = command({
  command: "create",
  lists: ["role", "public-key", "publicKey"],
  describe: "enter an authority: a bank, a merchant, an operator; for the admin",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS, ...KEY_OPTIONS })
      .option("name", { type: "string", demandOption: true, describe: "what people call it" })
      .option("role", { choices: ROLES, array: true, default: ["participant"] as const, describe: "what it may do" })
      .example("$0 authority create --name bank-a --public-key 5f...", "bank-a may then create accounts and pay"),
  handler: async (args, output) => {
    const { name, role, threshold } = args;
    const body = { name, keys: args["public-key"].map(parseKey), threshold, roles: role };
    const outcome = await submitOne(args, output, { kind: "createAuthority", body });
    if (outcome === undefined) return;
    const { result, height } = outcome;
    output.result({ id: result["id"], name, height }, `authority ${String(result["id"])}: ${name}`);
  },
});

/** The authority of a key, as its own key or the admin may see it. */
async function find(args: ClusterArguments, key: Uint8Array): Promise<AuthorityView> {
  const { authority } = await withReader(args, async (client) => await ask(client, { type: "authority", key }));
  if (authority !== null) return authority;
  throw new CodedError("not_found", `no authority has the key ${toHex(key)}, or you may not see it`);
}

function delegateText({ key, ledger, account, ...row }: AuthorityView["delegates"][number], assets: Assets): string {
  const whose = account === "0" ? "any account" : `account ${account}`;
  const limit = `${assets.formatAmount(BigInt(row.dailyLimit), ledger)} a day`;
  const spent = assets.formatAmount(BigInt(row.spentToday), ledger);
  const until = formatTime(BigInt(row.expiresAt) * NS_PER_SECOND);
  return `delegate ${key}: ${limit} from ${whose} until ${until}; today ${spent}`;
}

const show: CommandModule = command({
  command: "show [public-key]",
  describe: "the authority of a key; without one, of your own",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("public-key", { type: "string", describe: "64 hexadecimal digits" })
      .example("$0 authority show --key bank-a.key", "whom bank-a's key speaks for"),
  handler: async (args, output) => {
    const text = args["public-key"];
    const found = await find(args, text === undefined ? readKey(args).publicKey : parseKey(text));
    const ledgers = found.delegates.map(({ ledger }) => ledger);
    const assets = await assetsNamed(args, ...ledgers.map(String));
    const lines = [
      `authority ${found.id}: ${printableLine(found.name)}`,
      `roles: ${found.roles.join(", ")}`,
      `keys: ${found.keys.join(", ")}`,
      ...(found.threshold > 1 ? [`signatures needed: ${found.threshold}`] : []),
      ...found.delegates.map((row) => delegateText(row, assets)),
    ];
    output.result(found, lines.join("\n"));
  },
});

const rotate: CommandModule = command({
  command: "rotate",
  lists: ["public-key", "publicKey"],
  describe: "replace an authority's keys and threshold; keys it loses are revoked for good",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS, ...KEY_OPTIONS })
      .option("authority", {
        type: "number",
        coerce: whole("authority", 1, U32_MAX),
        describe: "its number, for the admin; without it your own",
      })
      .example("$0 authority rotate --public-key 5f... --public-key a1... --threshold 2", "from now on both must sign"),
  handler: async (args, output) => {
    const { threshold } = args;
    const keys = args["public-key"].map(parseKey);
    const authority = args.authority ?? (await find(args, readKey(args).publicKey)).id;
    const outcome = await submitOne(args, output, { kind: "replaceKeys", body: { authority, keys, threshold } });
    if (outcome === undefined) return;
    output.result(
      { id: authority, keys, threshold, height: outcome.height },
      `authority ${authority}: ${threshold} of ${keys.length} keys sign from height ${outcome.height} on`,
    );
  },
});

const delegate: CommandModule = command({
  command: "delegate",
  describe: "let another key debit your accounts up to a limit a day, and do nothing else; again to change the terms",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .option("public-key", { type: "string", demandOption: true, describe: "the delegate's key" })
      .option("ledger", { type: "string", demandOption: true, describe: "currency such as EUR, or an asset" })
      .option("daily-limit", { type: "string", demandOption: true, describe: "such as 500.00, each UTC day" })
      .option("account", { type: "string", describe: "the only account that it may debit; without it all of yours" })
      .option("days", {
        type: "number",
        default: 365,
        coerce: whole("days", 1, DAYS_MAX),
        describe: "how long it holds, counted from now",
      })
      .example(
        "$0 authority delegate --public-key 5f... --ledger EUR --daily-limit 500 --account 7",
        "that key may take 500 euros a day from account 7",
      ),
  handler: async (args, output) => {
    const assets = await assetsNamed(args, args.ledger);
    const ledger = assets.ledgerOf(args.ledger);
    const body = {
      key: parseKey(args["public-key"]),
      ledger,
      account: args.account === undefined ? 0n : parseId(args.account),
      dailyLimit: assets.parseAmount(args["daily-limit"], ledger),
      expiresAt: BigInt(Math.floor(Date.now() / 1_000)) + BigInt(args.days) * SECONDS_PER_DAY,
    };
    const outcome = await submitOne(args, output, { kind: "grantDelegate", body });
    if (outcome === undefined) return;
    const limit = assets.formatAmount(body.dailyLimit, ledger);
    output.result(
      { ...body, height: outcome.height },
      `${toHex(body.key)} may debit up to ${limit} a day until ${formatTime(body.expiresAt * NS_PER_SECOND)}`,
    );
  },
});

const undelegate: CommandModule = command({
  command: "undelegate <public-key>",
  describe: "take all that was delegated from a key, for good; for whoever delegated, or the admin",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .positional("public-key", { type: "string", demandOption: true, describe: "the delegate's key" })
      .example("$0 authority undelegate 5f...", "that key may do nothing any more"),
  handler: async (args, output) => {
    const key = parseKey(args["public-key"]);
    const outcome = await submitOne(args, output, { kind: "revokeDelegate", body: { key } });
    if (outcome === undefined) return;
    output.result({ key, height: outcome.height }, `${toHex(key)} is no delegate any more`);
  },
});

export const authority: CommandModule = group("authority", "enter authorities, change their keys, delegate", [
  ...[create, show, rotate, delegate, undelegate],
]);
