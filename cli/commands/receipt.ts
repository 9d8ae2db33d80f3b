/** `quorate receipt`: what a client keeps, checked without the cluster. */
import { readFileSync } from "node:fs";
import type { CommandModule } from "yargs";
import { equalBytes } from "../../node/base/bytes.ts";
import { decodeResult } from "../../node/client/index.ts";
import { kindName } from "../../node/wire/kinds.ts";
import { decodeTransaction } from "../../node/wire/transaction.ts";
import { formatTime } from "../amounts.ts";
import { CLUSTER_OPTIONS, readCluster } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { toJson } from "../output.ts";
import { proveReceipt } from "../receipt-file.ts";

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
