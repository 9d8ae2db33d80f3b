/** `quorate data-key`: keys with which nodes encrypt their data at rest. */
import { dirname, resolve } from "node:path";
import type { CommandModule } from "yargs";
import { parseConfig } from "../../node/host/config.ts";
import { newNodeKey, readNodeKey, readNodeKeyFile, rotateNodeKey } from "../../node/host/data-key.ts";
import { readText, writeSecret } from "../../node/host/files.ts";
import { NodeDisk } from "../../storage/node-disk.ts";
import { command, group } from "../command.ts";

const create: CommandModule = command({
  command: "new <file>",
  describe: "make a key; the file holds it in the clear, readable by you only",
  builder: (yargs) =>
    yargs
      .positional("file", { type: "string", demandOption: true, describe: "where to write it; must not exist" })
      .example("$0 data-key new data.key", 'then in the configuration: "encryption": { "keyFile": "data.key" }'),
  handler: ({ file }, output) => {
    writeSecret(file, newNodeKey());
    const { id } = readNodeKeyFile(file, "file");
    output.result({ file, id }, `${id}\nThe key with this id is in ${file}: without it nobody reads what it encrypts.`);
  },
});

const rotate: CommandModule = command({
  command: "rotate",
  describe: "let another key open a node's data; the data itself stays as it is",
  builder: (yargs) =>
    yargs
      .option("config", {
        type: "string",
        demandOption: true,
        describe: "the node's configuration, with its present key",
      })
      .option("new-key", { type: "string", demandOption: true, describe: "file of the key to take from now on" })
      .example(
        "$0 data-key rotate --config node-1/config.json --new-key node-1/new.key",
        "then name it in the configuration",
      ),
  handler: async ({ config: path, "new-key": file }, output) => {
    const config = parseConfig(readText(path, "--config"));
    const home = dirname(resolve(path));
    const next = readNodeKeyFile(file, "--new-key");
    const data = resolve(home, config.data);
    await rotateNodeKey(new NodeDisk(data), readNodeKey(config, home), next);
    output.result(
      { data, id: next.id },
      `${data} opens with the key ${next.id} only. Give the node that key before it starts again: ${file}`,
    );
  },
});

export const dataKey: CommandModule = group("data-key", "keys of nodes for their data at rest", [create, rotate]);
