/** `quorate backup`: everything that a running cluster has, in files that prove themselves. */
import type { CommandModule } from "yargs";
import { takeBackup } from "../backup/take-backup.ts";
import { CLUSTER_OPTIONS, readCluster, readKey } from "../cluster-access.ts";
import { command } from "../command.ts";
import { nodeIdOf, nodeReference } from "../node-names.ts";
import { whole } from "../numbers.ts";

export const backup: CommandModule = command({
  command: "backup <dir>",
  describe: "back a running cluster up, without a pause, into a directory; for auditors, operators and admins",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("dir", {
        type: "string",
        demandOption: true,
        describe: "directory to write to: new, empty, or of a backup that was cut short, which is begun again",
      })
      .option("node", {
        type: "string",
        coerce: nodeReference("node"),
        describe: "the node to take it from, by name or id; without it one that does not lead",
      })
      .option("from-checkpoint", {
        type: "boolean",
        default: false,
        describe: "begin with a checkpoint that a quorum has signed, although the node has the whole log",
      })
      .option("wait", {
        type: "number",
        default: 30,
        coerce: whole("wait", 0, 86_400),
        describe: "seconds to wait for the signatures of a quorum, and for a node that lags",
      })
      .example("$0 backup /backups/monday", "then: quorate verify /backups/monday")
      .example("$0 backup /backups/monday --key auditor.key", "an auditor's key will do: nothing is changed"),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const manifest = await takeBackup({
      cluster,
      signer: readKey(args),
      directory: args.dir,
      node: args.node === undefined ? undefined : nodeIdOf(cluster, args.node),
      fromCheckpoint: args["from-checkpoint"],
      waitMs: args.wait * 1_000,
      onProgress: (text) => output.progress(text),
    });
    const { height, stateDigest, blockHash, node, files, checkpoint } = manifest;
    const bytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const from = checkpoint === undefined ? "the whole log" : "a checkpoint's pages and the log from there";
    output.result(
      {
        directory: args.dir,
        clusterId: cluster.clusterId,
        node,
        height,
        blockHash,
        stateDigest,
        files: files.length,
        bytes,
      },
      [
        `${args.dir} holds the cluster up to height ${height}: ${from}, ${bytes} bytes, taken from node ${node}.`,
        `state digest  ${stateDigest}`,
        `Check it with "quorate verify ${args.dir}"; a new cluster is made of it with "quorate restore".`,
      ].join("\n"),
    );
  },
});
