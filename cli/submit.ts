/**
 * Submitting from a command: one transaction, its outcome for people and for programs, and its receipt as a file.
 */
import { accessSync, constants, existsSync, statSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { CodedError } from "../node/base/errors.ts";
import { batchResults, type Command, type Outcome } from "../node/client/index.ts";
import { accountStatusName, transferStatusName } from "../node/ledger/status.ts";
import { type ClusterArguments, withClient } from "./cluster-access.ts";
import type { Output } from "./output.ts";
import { formatReceiptFile } from "./receipt-file.ts";

const CREATED = "created";
const EXISTS = "exists";

/** Option of every command that submits. */
export const RECEIPT_OPTION: {
  readonly receipt: { readonly type: "string"; readonly describe: string };
} = {
  receipt: { type: "string", describe: "write the receipt to this file, for: quorate receipt verify" },
};

export interface SubmitArguments extends ClusterArguments {
  readonly receipt?: string | undefined;
}

/** Throws where a file cannot be written, so that nobody pays first and hears of it afterwards. */
function assureWritable(path: string): void {
  if (!existsSync(path)) accessSync(dirname(path), constants.W_OK);
  else if (statSync(path).isDirectory()) throw new CodedError("file_unusable", `${path} is a directory`);
  else accessSync(path, constants.W_OK);
}

/** Submits one command and keeps its receipt where asked; throws `CodedError` with the refusal's code. */
export async function submitOne(args: SubmitArguments, command: Command): Promise<Outcome> {
  if (args.receipt !== undefined) assureWritable(args.receipt);
  const outcome = await withClient(args, async (client) => await client.submit(command));
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

/** Submits what makes one record; an identical one that exists already is a success, too. */
export async function submitRecord(
  args: SubmitArguments,
  command: Command & {
    readonly kind: "createAccounts" | "createTransfers" | "issueAsset" | "burnAsset" | "reverseTransfer";
  },
  output: Output,
  id: bigint,
): Promise<void> {
  const outcome = await submitOne(args, command);
  const [event] = batchResults(outcome.result);
  const nameOf = command.kind === "createAccounts" ? accountStatusName : transferStatusName;
  const status = nameOf(event?.status ?? 0);
  if (status !== CREATED && status !== EXISTS) {
    throw new CodedError(status, `not created: ${status}; docs/errors.md says what it means`);
  }
  const timestamp = event?.timestamp ?? 0n;
  output.result({ id, status, timestamp, height: outcome.height }, `${id} ${status} at height ${outcome.height}`);
}
