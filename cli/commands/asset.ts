/** `quorate asset`: digital assets, their supply and who may change it. */
import type { CommandModule } from "yargs";
import { DECIMALS_MAX } from "../../node/assets/amount.ts";
import { U32_MAX } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { ISO_LEDGER_MAX } from "../../node/base/limits.ts";
import { ask } from "../../node/client/ask.ts";
import type { AssetView } from "../../node/state/queries.ts";
import { Assets, parseId } from "../amounts.ts";
import { assetsNamed, CLUSTER_OPTIONS, newId, readKey, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { whole } from "../numbers.ts";
import { factLines } from "../output.ts";
import { SUBMIT_OPTIONS, submitOne, submitRecord } from "../submit.ts";

const create: CommandModule = command({
  command: "create",
  describe: "bind a ledger number to a digital asset; for its issuer, or the admin",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
      .option("ledger", {
        type: "number",
        demandOption: true,
        coerce: whole("ledger", ISO_LEDGER_MAX + 1, U32_MAX),
        describe: "its ledger number, from 1000 on",
      })
      .option("code", { type: "string", demandOption: true, describe: "what people call it, such as GOLD" })
      .option("decimals", {
        type: "number",
        demandOption: true,
        coerce: whole("decimals", 0, DECIMALS_MAX),
        describe: "decimals of an amount, 0 to 18",
      })
      .option("issuer", {
        type: "number",
        coerce: whole("issuer", 1, U32_MAX),
        describe: "authority that issues and burns it; without it the signer's own",
      })
      .option("cap", { type: "string", default: "0", describe: "the most that may be in circulation; 0 for no limit" })
      .example(
        "$0 asset create --ledger 1000 --code GOLD --decimals 6 --cap 21000000",
        "at most 21 million, in millionths",
      ),
  handler: async (args, output) => {
    const { ledger, code, decimals } = args;
    const cap = new Assets([{ ledger, code, decimals }]).parseAmount(args.cap, ledger);
    const issuer = args.issuer ?? (await ownAuthority(args));
    const body = { ledger, code, decimals, issuer, cap };
    const outcome = await submitOne(args, output, { kind: "createAsset", body });
    if (outcome === undefined) return;
    const { height } = outcome;
    output.result({ ...body, height }, `${code} is ledger ${ledger}, issued by authority ${issuer}`);
  },
});

async function ownAuthority(args: Parameters<typeof withReader>[0]): Promise<number> {
  const key = readKey(args).publicKey;
  const { authority } = await withReader(args, async (client) => await ask(client, { type: "authority", key }));
  if (authority === null) throw new CodedError("unknown_key", "no authority has this key");
  return authority.id;
}

/** A command that moves an asset's supply. */
function moving(name: "issue" | "burn", describe: string, where: string): CommandModule {
  return command({
    command: name,
    describe,
    builder: (yargs) =>
      yargs
        .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
        .option("id", { type: "string", describe: "id of the transfer; give the same again and nothing happens twice" })
        .option("ledger", { type: "string", demandOption: true, describe: "the asset: its code or ledger number" })
        .option("account", { type: "string", demandOption: true, describe: where })
        .option("amount", { type: "string", demandOption: true, describe: "such as 12.345678" })
        .example(`$0 asset ${name} --ledger GOLD --account 7 --amount 12.345678`, `${name}s so much`),
    handler: async (args, output) => {
      const assets = await assetsNamed(args, args.ledger);
      const id = args.id === undefined ? newId(Date.now()) : parseId(args.id);
      const ledger = assets.ledgerOf(args.ledger);
      const amount = assets.parseAmount(args.amount, ledger);
      const body = { id, ledger, account: parseId(args.account), amount };
      const kind = name === "issue" ? "issueAsset" : "burnAsset";
      await submitRecord(args, { kind, body }, output, id);
    },
  });
}

/** An asset, a fact a line. */
function assetText(a: AssetView): string {
  const assets = new Assets([a]);
  const amount = (units: string): string => assets.formatAmount(BigInt(units), a.ledger);
  const facts: readonly (readonly [string, string])[] = [
    ["asset", `${a.code}, ledger ${a.ledger}, ${a.decimals} decimals`],
    ["issuer", `authority ${a.issuer}: ${a.issuerName}`],
    ["cap", a.cap === "0" ? "none" : amount(a.cap)],
    ["issued", amount(a.issued)],
    ["burned", amount(a.burned)],
    ["in circulation", amount(a.supply)],
    ["issuance account", a.issuanceAccount],
  ];
  return factLines(facts);
}

const show: CommandModule = command({
  command: "show [asset]",
  describe: "a digital asset with its supply, or all of them",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("asset", { type: "string", describe: "code or ledger number" })
      .example("$0 asset show GOLD", "who issues it, its cap, and how much is in circulation"),
  handler: async (args, output) => {
    const { asset } = args;
    const answer = await withReader(args, async (client) => await ask(client, { type: "assets" }));
    const ledger = asset === undefined ? undefined : new Assets(answer.assets).ledgerOf(asset);
    const assets = answer.assets.filter((each) => ledger === undefined || each.ledger === ledger);
    if (ledger !== undefined && assets.length === 0) {
      throw new CodedError("not_found", `${asset} is a currency of ISO 4217, not an asset of this cluster`);
    }
    const text = assets.map(assetText).join("\n\n");
    output.result({ height: answer.height, assets }, text === "" ? "there are no digital assets" : text);
  },
});

export const asset: CommandModule = group("asset", "create, issue and burn digital assets, and look at them", [
  create,
  moving("issue", "bring an amount into circulation; for the asset's issuer", "account that gets it"),
  moving("burn", "take an amount out of circulation; for the asset's issuer", "an account of the issuer's own"),
  show,
]);
