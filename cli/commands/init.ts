/** `quorate init`: the files of a new cluster. */
import { join } from "node:path";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { NODES_MAX } from "../../node/base/limits.ts";
import { newKey, writeKeyFile } from "../../node/client/index.ts";
import { type InitOptions, initCluster } from "../../node/host/init.ts";
import { command } from "../command.ts";
import { chosenName } from "../node-names.ts";

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

/** What the nodes of a new cluster are to be. */
export const CLUSTER_SHAPE: {
  readonly nodes: {
    readonly type: "number";
    readonly default: number;
    readonly coerce: (value: number) => number;
    readonly describe: string;
  };
  readonly host: { readonly type: "string"; readonly default: string; readonly describe: string };
  readonly "base-port": { readonly type: "number"; readonly default: number; readonly describe: string };
  readonly names: { readonly type: "string"; readonly describe: string };
  readonly encrypt: { readonly type: "boolean"; readonly default: boolean; readonly describe: string };
  readonly "card-endpoint": { readonly type: "string"; readonly describe: string };
} = {
  nodes: { type: "number", default: 3, coerce: parseNodeCount, describe: "how many nodes" },
  host: { type: "string", default: "127.0.0.1", describe: "address of every node; edit cluster.json for others" },
  "base-port": { type: "number", default: 7_400, describe: "port of the first node; the others follow" },
  names: { type: "string", describe: 'names of the nodes, with commas between; without it "node-" and the id' },
  encrypt: {
    type: "boolean",
    default: false,
    describe: "give each node a key with which it encrypts its data at rest",
  },
  "card-endpoint": { type: "string", describe: "base URL of the card acquirer" },
};

/** Where the nodes are to listen. */
export function addressesOf(args: {
  readonly nodes: number;
  readonly host: string;
  readonly "base-port": number;
}): InitOptions["addresses"] {
  const basePort = parsePort(args["base-port"], args.nodes);
  return Array.from({ length: args.nodes }, (_, index) => ({ host: args.host, port: basePort + index }));
}

/** What the nodes are to be called; undefined where they have the names that go without saying. */
export function namesOf(args: { readonly nodes: number; readonly names: string | undefined }): InitOptions["names"] {
  const names = args.names?.split(",").map(chosenName("names"));
  if (names === undefined) return undefined;
  if (names.length !== args.nodes) {
    throw new CodedError("usage", `--names: ${names.length} given for ${args.nodes} nodes`);
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) throw new CodedError("usage", `--names: ${twice} stands twice`);
  return names;
}

export const init: CommandModule = command({
  command: "init",
  describe: "write the files of a new cluster: identities, configurations, cluster file, admin key",
  builder: (yargs) =>
    yargs
      .option("dir", { type: "string", demandOption: true, describe: "directory to write to; must be empty or new" })
      .options(CLUSTER_SHAPE)
      .example("$0 init --nodes 3 --dir ./cluster", "then: quorate start --config ./cluster/node-1/config.json")
      .example("$0 init --names north,south,west --dir ./cluster", "a node keeps its name when it loses its disk"),
  handler: (args, output) => {
    const card = args["card-endpoint"];
    const admin = newKey();
    const { clusterFile, configs } = initCluster({
      directory: args.dir,
      adminKey: admin.publicKey,
      addresses: addressesOf(args),
      names: namesOf(args),
      endpoints: card === undefined ? {} : { card },
      encrypt: args.encrypt,
      nowMs: Date.now(),
    });
    const adminKey = join(args.dir, "admin.key");
    writeKeyFile(adminKey, admin);
    output.result(
      { clusterFile, adminKey, configs },
      [
        `A cluster of ${args.nodes} in ${args.dir}. Start each node with:`,
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
