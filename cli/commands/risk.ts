/** `quorate risk`: the rules in force and the block list. */
import type { CommandModule } from "yargs";
import { parseId } from "../amounts.ts";
import { ask, CLUSTER_OPTIONS, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { submitOne } from "../submit.ts";

const show: CommandModule = command({
  command: "show",
  describe: "rules in force and blocked payers; for operators and auditors",
  builder: (yargs) => yargs.options(CLUSTER_OPTIONS).example("$0 risk show", "rules of every currency"),
  handler: async (args, output) => {
    const { rules, blocked } = await withReader(args, async (client) => await ask(client, { type: "risk" }));
    const lines = rules.flatMap((rule) => Object.entries(rule).map(([name, value]) => `${name.padEnd(24)} ${value}`));
    output.result(
      { rules, blocked },
      [...lines, `${"blocked payers".padEnd(24)} ${blocked.join(", ") || "none"}`].join("\n"),
    );
  },
});

/** A command that puts a payer on the block list, or takes it off. */
function listing(name: string, describe: string, blocked: boolean): CommandModule {
  return command({
    command: `${name} <payer>`,
    describe,
    builder: (yargs) =>
      yargs
        .options(CLUSTER_OPTIONS)
        .positional("payer", { type: "string", demandOption: true, describe: "account or card holder's reference" })
        .example(`$0 risk ${name} 7`, `${name}s payer 7`),
    handler: async (args, output) => {
      const body = { payer: parseId(args.payer), blocked };
      const { height } = await submitOne(args, { kind: "blockPayer", body });
      output.result({ ...body, height }, `${body.payer} is ${blocked ? "blocked" : "not blocked"}`);
    },
  });
}

export const risk: CommandModule = group("risk", "rules in force, and the block list", [
  show,
  listing("block", "decline every payment of a payer; for operators", true),
  listing("unblock", "take a payer off the block list; for operators", false),
]);
