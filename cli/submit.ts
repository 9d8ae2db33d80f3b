/**
 * Submitting from a command: one transaction, its outcome for people and for programs, and its receipt as a file.
 */
import { accessSync, constants, existsSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CodedError } from "../node/base/errors.ts";
import { batchResults, type Command, type Outcome } from "../node/client/index.ts";
import { accountStatusName, transferStatusName } from "../node/ledger/status.ts";
import { decodeTransaction } from "../node/wire/transaction.ts";
import { formatTime } from "./amounts.ts";
import { type ClusterArguments, withClient, withReader } from "./cluster-access.ts";
import type { Output } from "./output.ts";
import { formatReceiptFile } from "./receipt-file.ts";
import { writeTransactionFile } from "./transaction-file.ts";

const CREATED = "created";
const EXISTS = "exists";

/** Options of every command that submits. */
export const SUBMIT_OPTIONS: {
  readonly [name in "receipt" | "to-cosign"]: { readonly type: "string"; readonly describe: string };
} = {
  receipt: { type: "string", describe: "write the receipt to this file, for: quorate receipt verify" },
  "to-cosign": {
    type: "string",
    describe: "only sign, and write the transaction to this file for others to sign, too: quorate tx",
  },
};

export interface SubmitArguments extends ClusterArguments {
  readonly receipt?: string | undefined;
  readonly "to-cosign"?: string | undefined;
}

/** Throws where a file cannot be written, so that nobody pays first and hears of it afterwards. */
function assureWritable(path: string): void {
  if (!existsSync(path)) accessSync(dirname(path), constants.W_OK);
  else if (statSync(path).isDirectory()) throw new CodedError("file_unusable", `${path} is a directory`);
  else accessSync(path, constants.W_OK);
}

/**
 * Submits one command and keeps its receipt where asked; throws `CodedError` with the refusal's code. Undefined where the
 * transaction is only to be signed: then it is written to its file, and the user told.
 */
export async function submitOne(args: SubmitArguments, output: Output, command: Command): Promise<Outcome | undefined> {
  const file = args["to-cosign"];
  if (file === undefined) {
    return await keepingReceipt(
      args,
      async () => await withClient(args, async (client) => await client.submit(command)),
    );
  }
  if (args.receipt !== undefined) throw new CodedError("usage", "--receipt goes with: quorate tx submit");
  if (existsSync(file)) throw new CodedError("file_exists", `${file} exists already`);
  assureWritable(file);
  const transaction = await withReader(args, async (client) => await client.prepare(command));
  writeTransactionFile(file, transaction);
  const { expiry } = decodeTransaction(transaction);
  output.result({ file, kind: command.kind, expiry }, `${file} is signed, and good until ${formatTime(expiry)}`);
  return undefined;
}

/** Submits, keeps the receipt where asked, and throws `CodedError` with the code of a refusal. */
export async function keepingReceipt(
  args: Pick<SubmitArguments, "receipt">,
  submit: () => Promise<Outcome>,
): Promise<Outcome> {
  if (args.receipt !== undefined) assureWritable(args.receipt);
  const outcome = await submit();
  if (args.receipt !== undefined) writeFileSync(args.receipt, formatReceiptFile(outcome));
  const { status, what } = outcome.result;
  if (status !== "ok") {
    const about = typeof what === "string" ? ` (${what})` : "";
    throw new CodedError(
      status,
      `the ledger refused: ${status.replaceAll("_", " ")}${about}; executed at height ${outcome.height}`,
    );
  }
  return outcome;
}

/** Kinds that answer with what became of each record. */
const RECORD_KINDS = ["createAccounts", "createTransfers", "issueAsset", "burnAsset", "reverseTransfer"] as const;
type RecordKind = (typeof RECORD_KINDS)[number];

export function makesRecords(kind: Command["kind"]): kind is RecordKind {
  return (RECORD_KINDS as readonly string[]).includes(kind);
}

/** Submits what makes one record; an identical one that exists already is a success, too. */
export async function submitRecord(
  args: SubmitArguments,
  command: Command & { readonly kind: RecordKind },
  output: Output,
  id: bigint,
): Promise<void> {
  const outcome = await submitOne(args, output, command);
  if (outcome === undefined) return;
  const [event] = createdRecords(command.kind, outcome);
  const status = event?.status ?? "";
  const timestamp = event?.timestamp ?? 0n;
  output.result({ id, status, timestamp, height: outcome.height }, `${id} ${status} at height ${outcome.height}`);
}

/** What became of each record of a batch; throws `CodedError` with the first status of one that is not there now. */
export function createdRecords(
  kind: RecordKind,
  outcome: Outcome,
): readonly { readonly status: string; readonly timestamp: bigint }[] {
  const nameOf = kind === "createAccounts" ? accountStatusName : transferStatusName;
  return batchResults(outcome.result).map(({ status: number, timestamp }) => {
    const status = nameOf(number);
    if (status === CREATED || status === EXISTS) return { status, timestamp };
    throw new CodedError(status, `not created: ${status}; docs/errors.md says what it means`);
  });
}
