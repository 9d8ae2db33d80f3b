/** `quorate checkpoint`: what a quorum of nodes has signed of the whole history. */
import { readFileSync, writeFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { equalBytes, toHex } from "../../node/base/bytes.ts";
import { fetchCheckpoint, fetchConsistency } from "../../node/client/checkpoints.ts";
import type { ClusterFile, SignedCheckpoint } from "../../node/client/index.ts";
import { assertExtends, formatCheckpointFile, parseCheckpointFile } from "../checkpoint-file.ts";
import { CLUSTER_OPTIONS, readCluster, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";

function signersOf(cluster: ClusterFile, { signatures }: SignedCheckpoint): number[] {
  const signed = ({ publicKey }: { readonly publicKey: Uint8Array }): boolean =>
    signatures.some(({ nodeKey }) => equalBytes(nodeKey, publicKey));
  return cluster.nodes.filter(signed).map(({ id }) => id);
}

function view(cluster: ClusterFile, checkpoint: SignedCheckpoint, since: SignedCheckpoint | undefined) {
  const { height, blockHash, digest, historyRoot } = checkpoint;
  const signers = signersOf(cluster, checkpoint);
  const extendsHeight = since?.height;
  return {
    height,
    blockHash,
    stateDigest: digest,
    historyRoot,
    signers,
    ...(since === undefined ? {} : { extendsHeight }),
  };
}

function text({
  height,
  blockHash,
  stateDigest,
  historyRoot,
  signers,
  extendsHeight,
}: ReturnType<typeof view>): string {
  const rows = [
    `Nodes ${signers.join(", ")} have signed the same state at height ${height}.`,
    ...(extendsHeight === undefined ? [] : [`Its history extends the one at height ${extendsHeight}.`]),
    `block hash    ${toHex(blockHash)}`,
    `state digest  ${toHex(stateDigest)}`,
    `history root  ${toHex(historyRoot)}`,
  ];
  return rows.join("\n");
}

const fetch: CommandModule = command({
  command: "fetch",
  describe: "the newest checkpoint that a quorum has signed; with --since, and a proof that it extends an earlier one",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .option("out", { type: "string", describe: "file to write it to" })
      .option("since", { type: "string", describe: "file of an earlier checkpoint that this one must extend" })
      .example("$0 checkpoint fetch --out monday.checkpoint", "what the cluster vouches for now")
      .example(
        "$0 checkpoint fetch --since monday.checkpoint --out friday.checkpoint",
        "nothing of monday was changed",
      ),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const since =
      args.since === undefined ? undefined : parseCheckpointFile(cluster, readFileSync(args.since, "utf8")).checkpoint;
    const fetched = await withReader(args, async (client) => {
      const checkpoint = await fetchCheckpoint(client, cluster);
      if (since === undefined) return { checkpoint };
      return {
        checkpoint,
        extension: { since: since.height, path: await fetchConsistency(client, since, checkpoint) },
      };
    });
    if (args.out !== undefined) writeFileSync(args.out, formatCheckpointFile(fetched));
    const found = view(cluster, fetched.checkpoint, since);
    output.result(found, text(found));
  },
});

const verify: CommandModule = command({
  command: "verify <file>",
  describe: "check a checkpoint offline: a quorum's signatures and, with --since, that it extends an earlier one",
  builder: (yargs) =>
    yargs
      .options({ cluster: CLUSTER_OPTIONS.cluster })
      .positional("file", { type: "string", demandOption: true, describe: "what checkpoint fetch --out wrote" })
      .option("since", { type: "string", describe: "file of the earlier checkpoint" })
      .example("$0 checkpoint verify friday.checkpoint --since monday.checkpoint", "nothing but the files is needed"),
  handler: ({ cluster: path, file, since: earlier }, output) => {
    const cluster = readCluster(path);
    const fetched = parseCheckpointFile(cluster, readFileSync(file, "utf8"));
    const since =
      earlier === undefined ? undefined : parseCheckpointFile(cluster, readFileSync(earlier, "utf8")).checkpoint;
    if (since !== undefined) assertExtends(fetched, since);
    const found = view(cluster, fetched.checkpoint, since);
    output.result({ valid: true, ...found }, text(found));
  },
});

export const checkpoint: CommandModule = group("checkpoint", "what a quorum of nodes has signed of the history", [
  fetch,
  verify,
]);
