/** `quorate tx`: transactions that need several signatures, as files that go from one signer to the next. */
import type { CommandModule } from "yargs";
import { toHex } from "../../node/base/bytes.ts";
import { cosignTransaction, sha256 } from "../../node/client/index.ts";
import { decodeBody } from "../../node/wire/body.ts";
import { decodeTransaction } from "../../node/wire/transaction.ts";
import { formatTime } from "../amounts.ts";
import { CLUSTER_OPTIONS, readCluster, readKey, withReader } from "../cluster-access.ts";
import { command, group } from "../command.ts";
import { createdRecords, keepingReceipt, makesRecords, SUBMIT_OPTIONS } from "../submit.ts";
import { readTransactionFile, writeTransactionFile } from "../transaction-file.ts";
import { commandText, contentOf } from "../transaction-text.ts";

const FILE = { type: "string", demandOption: true, describe: "file that --to-cosign wrote" } as const;

/** A transaction for whoever is to sign it. */
function view(encoded: Uint8Array): { readonly fields: object; readonly text: string } {
  const transaction = decodeTransaction(encoded);
  const asked = decodeBody(transaction.kind, transaction.body);
  const signers = [transaction, ...transaction.cosignatures].map(({ publicKey }) => toHex(publicKey));
  const { expiry } = transaction;
  return {
    fields: { kind: asked.kind, content: contentOf(asked), signers, expiry },
    text: [commandText(asked), `signed by ${signers.join(", ")}`, `good until ${formatTime(expiry)}`].join("\n"),
  };
}

const show: CommandModule = command({
  command: "show <file>",
  describe: "what a transaction file asks for, and whose signatures it has; they are checked when it is submitted",
  builder: (yargs) => yargs.positional("file", FILE).example("$0 tx show payment.tx", "read before you sign"),
  handler: ({ file }, output) => {
    const { fields, text } = view(readTransactionFile(file));
    output.result({ file, ...fields }, text);
  },
});

const cosign: CommandModule = command({
  command: "cosign <file>",
  describe: "write a transaction file once more, with your signature added; no node is asked",
  builder: (yargs) =>
    yargs
      .options(CLUSTER_OPTIONS)
      .positional("file", FILE)
      .option("out", { type: "string", demandOption: true, describe: "the new file; the old one stays as it is" })
      .example("$0 tx cosign payment.tx --out payment-2.tx --key second.key", "signs what payment.tx asks for, too"),
  handler: (args, output) => {
    const { file, out } = args;
    const { clusterId } = readCluster(args.cluster);
    const signed = cosignTransaction(sha256, readKey(args), clusterId, readTransactionFile(file));
    writeTransactionFile(out, signed);
    const { fields, text } = view(signed);
    output.result({ file: out, ...fields }, text);
  },
});

const submit: CommandModule = command({
  command: "submit <file>",
  describe: "submit a transaction file; again it is answered, not executed twice",
  builder: (yargs) =>
    yargs
      .options({ ...CLUSTER_OPTIONS, receipt: SUBMIT_OPTIONS.receipt })
      .positional("file", FILE)
      .example("$0 tx submit payment.tx", "within ten minutes of the first signature"),
  handler: async (args, output) => {
    const transaction = readTransactionFile(args.file);
    const { kind, body } = decodeTransaction(transaction);
    const asked = decodeBody(kind, body);
    const send = async () => await withReader(args, async (client) => await client.submitSigned(transaction));
    const outcome = await keepingReceipt(args, send);
    const { result, height } = outcome;
    if (makesRecords(asked.kind)) {
      const records = createdRecords(asked.kind, outcome);
      output.result({ kind: asked.kind, records, height }, `${asked.kind}: all created at height ${height}`);
    } else output.result({ kind: asked.kind, ...result, height }, `${asked.kind} is done at height ${height}`);
  },
});

export const tx: CommandModule = group("tx", "transactions that need several signatures", [show, cosign, submit]);
