/** `quorate receipt`: what a client keeps, checked without the cluster. */
import { readFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { CodedError } from "../../node/base/errors.ts";
import { decodeReceipt, decodeResult, verifyReceipt, verifySignature } from "../../node/client/index.ts";
import { sha256 } from "../../node/transport/cluster-file.ts";
import { kindName } from "../../node/wire/kinds.ts";
import { decodeTransaction } from "../../node/wire/transaction.ts";
import { formatTime } from "../amounts.ts";
import { CLUSTER_OPTIONS, readCluster } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { toJson } from "../output.ts";
import { parseReceiptFile } from "../submit.ts";

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
    const { transaction, receipt: encoded } = parseReceiptFile(readFileSync(file, "utf8"));
    const receipt = decodeReceipt(encoded);
    const trust = {
      clusterId: cluster.clusterId,
      nodeKeys: cluster.nodes.map(({ publicKey }) => publicKey),
      sha256,
      verify: verifySignature,
    };
    const verdict = verifyReceipt(receipt, trust, transaction);
    if (!verdict.valid)
      throw new CodedError("receipt_invalid", `the receipt does not hold: ${verdict.reason.replaceAll("_", " ")}`);
    const kind = kindName(decodeTransaction(transaction).kind) ?? "unknown";
    const node = cluster.nodes.find(({ publicKey }) => Buffer.compare(publicKey, receipt.nodeKey) === 0)?.id;
    const result = decodeResult(receipt.result);
    const { height, timestamp, digest } = verdict;
    const { transactionHash } = receipt;
    output.result(
      { valid: true, kind, height, timestamp, node, transactionHash, stateDigest: digest, result },
      [
        "The receipt holds.",
        `${kind} was executed in block ${height} at ${formatTime(timestamp)}; node ${node} signed for it.`,
        `result ${toJson(result)}`,
      ].join("\n"),
    );
  },
});

export const receipt: CommandModule = group("receipt", "check what a client keeps", [verify]);
