/** `quorate configure`: what operators set up in the replicated state. */
import type { CommandModule } from "yargs";
import { U32_MAX } from "../../node/base/bytes.ts";
import { parseId } from "../amounts.ts";
import { assetsNamed, CLUSTER_OPTIONS } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { whole } from "../numbers.ts";
import { SUBMIT_OPTIONS, submitOne } from "../submit.ts";

/** A year. */
const SECONDS_MAX = 31_536_000;

const LEDGER = { type: "string", demandOption: true, describe: "currency such as EUR, or an asset" } as const;

const settlement: CommandModule = command({
  command: "settlement",
  describe: "open settlement in a currency",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS, ledger: LEDGER })
      .option("hub-account", { type: "string", demandOption: true, describe: "account that net payments go through" })
      .option("window-seconds", {
        type: "number",
        default: 86_400,
        coerce: whole("window-seconds", 1, SECONDS_MAX),
        describe: "length of a window, from its first payment",
      })
      .example("$0 configure settlement --ledger EUR --hub-account 2", "windows of a day, netted through account 2"),
  handler: async (args, output) => {
    const assets = await assetsNamed(args, args.ledger);
    const ledger = assets.ledgerOf(args.ledger);
    const body = { ledger, hubAccount: parseId(args["hub-account"]), windowSeconds: args["window-seconds"] };
    const outcome = await submitOne(args, output, { kind: "configureSettlement", body });
    if (outcome === undefined) return;
    const { height } = outcome;
    output.result({ ...body, height }, `settlement in ${assets.nameOf(ledger)} is open`);
  },
});

const participant: CommandModule = command({
  command: "participant",
  describe: "name the account through which an authority settles in a currency",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS, ledger: LEDGER })
      .option("authority", {
        type: "number",
        demandOption: true,
        coerce: whole("authority", 1, U32_MAX),
        describe: "the authority's number",
      })
      .option("account", { type: "string", demandOption: true, describe: "its settlement account" })
      .example("$0 configure participant --ledger EUR --authority 3 --account 103", "authority 3 settles through 103"),
  handler: async (args, output) => {
    const assets = await assetsNamed(args, args.ledger);
    const ledger = assets.ledgerOf(args.ledger);
    const body = { authority: args.authority, ledger, settlementAccount: parseId(args.account) };
    const outcome = await submitOne(args, output, { kind: "configureParticipant", body });
    if (outcome === undefined) return;
    const { height } = outcome;
    output.result(
      { ...body, height },
      `authority ${body.authority} settles in ${assets.nameOf(ledger)} through ${body.settlementAccount}`,
    );
  },
});

const card: CommandModule = command({
  command: "card",
  describe: "open the card channel in a currency",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS, ledger: LEDGER })
      .option("clearing-account", {
        type: "string",
        demandOption: true,
        describe: "where the network's money comes from",
      })
      .option("hold-seconds", {
        type: "number",
        default: 604_800,
        coerce: whole("hold-seconds", 1, SECONDS_MAX),
        describe: "how long an authorisation may wait for its capture",
      })
      .example("$0 configure card --ledger EUR --clearing-account 3", "what the network pays comes out of account 3"),
  handler: async (args, output) => {
    const assets = await assetsNamed(args, args.ledger);
    const ledger = assets.ledgerOf(args.ledger);
    const body = { ledger, clearingAccount: parseId(args["clearing-account"]), holdSeconds: args["hold-seconds"] };
    const outcome = await submitOne(args, output, { kind: "configureCard", body });
    if (outcome === undefined) return;
    const { height } = outcome;
    output.result({ ...body, height }, `cards are taken in ${assets.nameOf(ledger)}`);
  },
});

const risk: CommandModule = command({
  command: "risk",
  describe: "set the risk rules of a currency; a rule left at 0 is off",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS, ledger: LEDGER })
      .option("review-amount", {
        type: "string",
        default: "0",
        describe: "payments from this amount wait for a reviewer",
      })
      .option("decline-amount", { type: "string", default: "0", describe: "payments from this amount are declined" })
      .option("window-seconds", {
        type: "number",
        default: 86_400,
        coerce: whole("window-seconds", 1, SECONDS_MAX),
        describe: "window of the velocity rules",
      })
      .option("review-count", {
        type: "number",
        default: 0,
        coerce: whole("review-count", 0, U32_MAX),
        describe: "payments of a payer in a window before review",
      })
      .option("decline-count", {
        type: "number",
        default: 0,
        coerce: whole("decline-count", 0, U32_MAX),
        describe: "payments of a payer in a window before decline",
      })
      .option("decline-sum", { type: "string", default: "0", describe: "sum of a payer in a window before decline" })
      .example("$0 configure risk --ledger EUR --review-amount 220 --decline-amount 600", "rules by amount only"),
  handler: async (args, output) => {
    const assets = await assetsNamed(args, args.ledger);
    const ledger = assets.ledgerOf(args.ledger);
    const body = {
      ledger,
      reviewAmount: assets.parseAmount(args["review-amount"], ledger),
      declineAmount: assets.parseAmount(args["decline-amount"], ledger),
      velocityWindowSeconds: args["window-seconds"],
      velocityReviewCount: args["review-count"],
      velocityDeclineCount: args["decline-count"],
      velocityDeclineAmount: assets.parseAmount(args["decline-sum"], ledger),
    };
    const outcome = await submitOne(args, output, { kind: "configureRisk", body });
    if (outcome === undefined) return;
    const { height } = outcome;
    output.result({ ...body, height }, `risk rules of ${assets.nameOf(ledger)} are set`);
  },
});

export const configure: CommandModule = group("configure", "set up settlement, cards and risk; for operators", [
  ...[settlement, participant, card, risk],
]);
