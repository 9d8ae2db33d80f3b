/** `quorate receipt`: what a client keeps, checked without the cluster. */
import { readFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { equalBytes } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { decodeResult, fetchCheckpoint, fetchInclusion } from "../../node/client/index.ts";
import { replaceText } from "../../node/host/files.ts";
import { kindName } from "../../node/wire/kinds.ts";
import { decodeTransaction } from "../../node/wire/transaction.ts";
import { formatTime } from "../amounts.ts";
import { CLUSTER_OPTIONS, readCluster, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { toJson } from "../output.ts";
import { formatReceiptFile, proveReceipt } from "../receipt-file.ts";

const verify: CommandModule = command({
  command: "verify <file>",
  describe: "check a receipt offline: nothing but the file and the cluster file is needed",
  builder: (yargs) =>
    yargs
      .options({ cluster: CLUSTER_OPTIONS.cluster })
      .positional("file", { type: "string", demandOption: true, describe: "receipt file that --receipt wrote" })
      .example("$0 receipt verify payment.receipt", "says what was executed, where, and with which result"),
  handler: ({ cluster: path, file }, output) => {
    const cluster = readCluster(path);
    const proof = proveReceipt(cluster, readFileSync(file, "utf8"));
    const { receipt: proved, height, timestamp, digest } = proof;
    const kind = kindName(decodeTransaction(proof.transaction).kind) ?? "unknown";
    const node = cluster.nodes.find(({ publicKey }) => equalBytes(publicKey, proved.nodeKey))?.id;
    const result = decodeResult(proved.result);
    const { transactionHash } = proved;
    const { anchor } = proof;
    const anchored = anchor === undefined ? {} : { anchoredAt: anchor.height };
    output.result(
      { valid: true, kind, height, timestamp, node, transactionHash, stateDigest: digest, result, ...anchored },
      [
        "The receipt holds.",
        `${kind} was executed in block ${height} at ${formatTime(timestamp)}; node ${node} vouches for place and result.`,
        ...(anchor === undefined
          ? []
          : [`A quorum vouches for its place: the block is part of the history signed at height ${anchor.height}.`]),
        `result ${toJson(result)}`,
      ].join("\n"),
    );
  },
});

const anchor: CommandModule = command({
  command: "anchor <file>",
  describe: "prove that the receipt's block lies under the newest checkpoint that a quorum has signed",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("file", { type: "string", demandOption: true, describe: "receipt file that --receipt wrote" })
      .option("out", { type: "string", describe: "file to write; without it the receipt file is replaced" })
      .example("$0 receipt anchor payment.receipt", "from then on a quorum vouches for where the transaction stands"),
  handler: async (args, output) => {
    const cluster = readCluster(args.cluster);
    const proof = proveReceipt(cluster, readFileSync(args.file, "utf8"));
    const { checkpoint, path } = await withReader(args, async (client) => {
      const newest = await fetchCheckpoint(client, cluster);
      if (newest.height < proof.height) {
        const reason = `a quorum has signed height ${newest.height}, the receipt is of height ${proof.height}; try again after the next payments`;
        throw new CodedError("checkpoint_unavailable", reason);
      }
      return { checkpoint: newest, path: await fetchInclusion(client, proof, newest) };
    });
    replaceText(args.out ?? args.file, formatReceiptFile(proof, { checkpoint, path }));
    const { height } = checkpoint;
    output.result(
      { height: proof.height, anchoredAt: height },
      `Block ${proof.height} is anchored at height ${height}.`,
    );
  },
});

export const receipt: CommandModule = group("receipt", "check what a client keeps", [verify, anchor]);
