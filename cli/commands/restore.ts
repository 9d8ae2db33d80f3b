/** `quorate restore`: a new cluster out of a backup. */
import type { CommandModule } from "yargs";
import { toHex } from "../../node/base/bytes.ts";
import { restoreCluster } from "../backup/restore.ts";
import { command } from "../command.ts";
import { addressesOf, CLUSTER_SHAPE, namesOf } from "./init.ts";

export const restore: CommandModule = command({
  command: "restore <backup>",
  describe: "make a new cluster, with an id and nodes of its own, that goes on from a backup",
  builder: (yargs) =>
    yargs
      .positional("backup", {
        type: "string",
        demandOption: true,
        describe: 'directory that "quorate backup" has written',
      })
      .option("to", {
        type: "string",
        demandOption: true,
        describe: "directory of the new cluster; must be empty or new",
      })
      .options(CLUSTER_SHAPE)
      .example("$0 restore /backups/monday --to ./restored", "checks everything first; the old cluster must not go on")
      .example(
        "$0 restore /backups/monday --to ./trial --nodes 1",
        "to look at it: without --card-endpoint it charges no card",
      ),
  handler: async (args, output) => {
    const card = args["card-endpoint"];
    const { clusterFile, configs, origin, state } = await restoreCluster({
      backup: args.backup,
      directory: args.to,
      addresses: addressesOf(args),
      names: namesOf(args),
      endpoints: card === undefined ? {} : { card },
      encrypt: args.encrypt,
      nowMs: Date.now(),
      onProgress: (text) => output.progress(text),
    });
    const { height, clusterId, digest } = origin;
    output.result(
      {
        ...{ clusterFile, configs, height, stateDigest: digest, startDigest: state.digest },
        ...{ origin: clusterId, openIntents: state.openIntents().length },
      },
      [
        `A new cluster in ${args.to}, which goes on from height ${height} of cluster ${toHex(clusterId)}. Start each node with:`,
        ...configs.map((config) => `  npx quorate start --config ${config}`),
        `Keys of authorities, the admin's too, are those of the backup. ${state.openIntents().length} questions to the card network`,
        "are open, and are asked again under the keys that they were asked under. Stop the old cluster for good first.",
      ].join("\n"),
    );
  },
});
