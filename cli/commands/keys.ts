/** `quorate keys`: key pairs of clients. */
import type { CommandModule } from "yargs";
import { toHex } from "../../node/base/bytes.ts";
import { newKey, readKeyFile, writeKeyFile } from "../../node/client/index.ts";
import { command, group } from "../command.ts";

const create: CommandModule = command({
  command: "new [file]",
  describe: "make a key pair; the file holds the secret in the clear, readable by you only",
  builder: (yargs) =>
    yargs
      .positional("file", { type: "string", default: "quorate.key", describe: "where to write it; must not exist" })
      .example("$0 keys new alice.key", "writes alice.key and prints its public key"),
  handler: ({ file }, output) => {
    const key = newKey();
    writeKeyFile(file, key);
    const publicKey = toHex(key.publicKey);
    output.result({ file, publicKey }, `${publicKey}\nThe secret is in ${file}: keep it safe, nobody can restore it.`);
  },
});

const show: CommandModule = command({
  command: "show <file>",
  describe: "print the public key of a key file",
  builder: (yargs) =>
    yargs
      .positional("file", { type: "string", demandOption: true, describe: "key file" })
      .example("$0 keys show alice.key", "what to give the admin, for: quorate authority create --public-key"),
  handler: ({ file }, output) => {
    const publicKey = toHex(readKeyFile(file).publicKey);
    output.result({ file, publicKey }, publicKey);
  },
});

export const keys: CommandModule = group("keys", "make and show client keys", [create, show]);
