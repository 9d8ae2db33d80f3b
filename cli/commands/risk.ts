/** `quorate risk`: the rules in force and the block list. */
import type { CommandModule } from "yargs";
import { ask } from "../../node/client/ask.ts";
import { type Assets, parseId } from "../amounts.ts";
import { assetsFor, CLUSTER_OPTIONS, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { printableLine } from "../printable.ts";
import { SUBMIT_OPTIONS, submitOne } from "../submit.ts";

type Rule = Readonly<Record<string, string | number>>;

/** The rules of a currency, a fact a line. */
function ruleText(rule: Rule, assets: Assets): string {
  const ledger = Number(rule["ledger"]);
  const amount = (name: string): string => {
    const units = BigInt(rule[name] ?? 0);
    return units === 0n ? "off" : assets.formatAmount(units, ledger);
  };
  const count = (name: string): string => (Number(rule[name]) === 0 ? "off" : `${rule[name]}`);
  const facts: readonly (readonly [string, string])[] = [
    ["review from", amount("reviewAmount")],
    ["decline from", amount("declineAmount")],
    ["window of the next three", `${rule["velocityWindowSeconds"]} s`],
    ["payments before review", count("velocityReviewCount")],
    ["payments before decline", count("velocityDeclineCount")],
    ["sum before decline", amount("velocityDeclineAmount")],
  ];
  return [`rules of ${assets.nameOf(ledger)}`, ...facts.map(([name, value]) => `  ${name.padEnd(25)} ${value}`)].join(
    "\n",
  );
}

const show: CommandModule = command({
  command: "show",
  describe: "rules in force and blocked payers; for operators and auditors",
  builder: (yargs) => yargs.options(CLUSTER_OPTIONS).example("$0 risk show", "rules of every currency"),
  handler: async (args, output) => {
    const { rules, blocked, assets } = await withReader(args, async (client) => {
      const answer = await ask(client, { type: "risk" });
      return { ...answer, assets: await assetsFor(client, ...answer.rules.map((rule) => Number(rule["ledger"]))) };
    });
    const blockedText = `${"blocked payers".padEnd(27)} ${printableLine(blocked.join(", ")) || "none"}`;
    output.result({ rules, blocked }, [...rules.map((rule) => ruleText(rule, assets)), blockedText].join("\n"));
  },
});

/** A command that puts a payer on the block list, or takes it off. */
function listing(name: string, describe: string, blocked: boolean): CommandModule {
  return command({
    command: `${name} <payer>`,
    describe,
    builder: (yargs) =>
      yargs
        .options({ ...CLUSTER_OPTIONS, ...SUBMIT_OPTIONS })
        .positional("payer", { type: "string", demandOption: true, describe: "account or card holder's reference" })
        .example(`$0 risk ${name} 7`, `${name}s payer 7`),
    handler: async (args, output) => {
      const body = { payer: parseId(args.payer), blocked };
      const outcome = await submitOne(args, output, { kind: "blockPayer", body });
      if (outcome === undefined) return;
      const { height } = outcome;
      output.result({ ...body, height }, `${body.payer} is ${blocked ? "blocked" : "not blocked"}`);
    },
  });
}

export const risk: CommandModule = group("risk", "rules in force, and the block list", [
  show,
  listing("block", "decline every payment of a payer; for operators", true),
  listing("unblock", "take a payer off the block list; for operators", false),
]);
