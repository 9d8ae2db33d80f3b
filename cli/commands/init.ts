/** `quorate init`: the files of a new cluster. */
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { NODES_MAX } from "../../node/base/limits.ts";
import { newKey, writeKeyFile } from "../../node/client/index.ts";
import { initCluster } from "../../node/host/init.ts";
import { command } from "../command.ts";

/** A port number with room for `count` ports from it on. */
function parsePort(value: number, count: number): number {
  if (!Number.isInteger(value) || value < 1 || value + count - 1 > 65_535) {
    throw new CodedError("usage", `--base-port: ${value} leaves no room for ${count} ports below 65536`);
  }
  return value;
}

/** A number of nodes that a cluster can have. */
export function parseNodeCount(value: number): number {
  if (Number.isInteger(value) && value >= 1 && value <= NODES_MAX) return value;
  throw new CodedError("usage", `--nodes: a cluster has 1 to ${NODES_MAX} nodes, best 3 or 5`);
}

export const init: CommandModule = command({
  command: "init",
  describe: "write the files of a new cluster: identities, configurations, cluster file, admin key",
  builder: (yargs) =>
    yargs
      .option("nodes", { type: "number", default: 3, coerce: parseNodeCount, describe: "how many nodes" })
      .option("dir", { type: "string", demandOption: true, describe: "directory to write to; must be empty or new" })
      .option("host", {
        type: "string",
        default: "127.0.0.1",
        describe: "address of every node; edit cluster.json for others",
      })
      .option("base-port", { type: "number", default: 7_400, describe: "port of node 1; the others follow" })
      .option("encrypt", {
        type: "boolean",
        default: false,
        describe: "give each node a key with which it encrypts its data at rest",
      })
      .option("card-endpoint", { type: "string", describe: "base URL of the card acquirer" })
      .example("$0 init --nodes 3 --dir ./cluster", "then: quorate start --config ./cluster/node-1/config.json"),
  handler: (args, output) => {
    const count = args.nodes;
    const basePort = parsePort(args["base-port"], count);
    const addresses = Array.from({ length: count }, (_, index) => ({ host: args.host, port: basePort + index }));
    const card = args["card-endpoint"];
    const admin = newKey();
    const { clusterFile, configs } = initCluster({
      directory: args.dir,
      adminKey: admin.publicKey,
      addresses,
      endpoints: card === undefined ? {} : { card },
      encrypt: args.encrypt,
      nowMs: Date.now(),
    });
    const adminKey = join(args.dir, "admin.key");
    writeKeyFile(adminKey, admin);
    output.result(
      { clusterFile, adminKey, configs },
      [
        `A cluster of ${count} in ${args.dir}. Start each node with:`,
        ...configs.map((config) => `  npx quorate start --config ${config}`),
        ...(args.encrypt
          ? [
              "Each node's data.key opens its data: keep a copy of it elsewhere, and not the key itself beside the data.",
            ]
          : []),
        `Then ask: npx quorate status --cluster ${clusterFile}`,
      ].join("\n"),
    );
  },
});
