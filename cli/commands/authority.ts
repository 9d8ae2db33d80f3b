/** `quorate authority`: who may do what. */
import type { CommandModule } from "yargs";
import { fromHex, toHex } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { ROLES } from "../../node/wire/kinds.ts";
import { ask, CLUSTER_OPTIONS, readKey, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { submitOne } from "../submit.ts";

const KEY_BYTES = 32;

function parseKey(text: string): Uint8Array {
  const key = fromHex(text);
  if (key?.length === KEY_BYTES) return key;
  throw new CodedError(
    "usage",
    `"${text}" is not a public key: 64 hexadecimal digits, as "quorate keys show" prints them`,
  );
}

const create: CommandModule = command({
  command: "create",
  lists: ["role"],
  describe: "enter an authority: a bank, a merchant, an operator; for the admin",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .option("name", { type: "string", demandOption: true, describe: "what people call it" })
      .option("public-key", { type: "string", demandOption: true, describe: "its key, 64 hexadecimal digits" })
      .option("role", { choices: ROLES, array: true, default: ["participant"] as const, describe: "what it may do" })
      .example("$0 authority create --name bank-a --public-key 5f...", "bank-a may then create accounts and pay"),
  handler: async (args, output) => {
    const { name, role } = args;
    const body = { name, keys: [parseKey(args["public-key"])], threshold: 1, roles: role };
    const { result, height } = await submitOne(args, { kind: "createAuthority", body });
    output.result({ id: result["id"], name, height }, `authority ${String(result["id"])}: ${name}`);
  },
});

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
    const key = text === undefined ? readKey(args).publicKey : parseKey(text);
    const { authority: found } = await withReader(
      args,
      async (client) => await ask(client, { type: "authority", key }),
    );
    if (found === null)
      throw new CodedError("not_found", `no authority has the key ${toHex(key)}, or you may not see it`);
    output.result(
      found,
      `authority ${found.id}: ${found.name}\nroles: ${found.roles.join(", ")}\nkeys: ${found.keys.join(", ")}`,
    );
  },
});

export const authority: CommandModule = group("authority", "enter authorities and look at them", [create, show]);
