/**
 * Submitting from a command: one transaction, its outcome for people and for programs, and its receipt as a file.
 */
import { writeFileSync } from "node:fs";
import { fromHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { batchResults, type Command, type Outcome } from "../node/client/index.ts";
import { accountStatusName, transferStatusName } from "../node/ledger/status.ts";
import { type ClusterArguments, withClient } from "./cluster-access.ts";
import { type Output, toJson } from "./output.ts";

const RECEIPT_VERSION = 1;
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

/** What is kept of a receipt: enough to prove it without the cluster. */
export interface ReceiptFile {
  readonly transaction: Uint8Array;
  readonly receipt: Uint8Array;
}

export function formatReceiptFile({ transaction, receiptBytes }: Outcome): string {
  return `${toJson({ version: RECEIPT_VERSION, transaction, receipt: receiptBytes })}\n`;
}

/** Parses a receipt file; throws `CodedError` `receipt_invalid`. */
export function parseReceiptFile(text: string): ReceiptFile {
  try {
    const fields = JSON.parse(text) as { version?: unknown; transaction?: unknown; receipt?: unknown };
    const { version, transaction, receipt } = fields;
    if (version === RECEIPT_VERSION && typeof transaction === "string" && typeof receipt === "string") {
      const bytes = { transaction: fromHex(transaction), receipt: fromHex(receipt) };
      if (bytes.transaction !== undefined && bytes.receipt !== undefined) return bytes as ReceiptFile;
    }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  throw new CodedError("receipt_invalid", "the file is not a receipt file");
}

/** Submits one command and keeps its receipt where asked; throws `CodedError` with the refusal's code. */
export async function submitOne(args: SubmitArguments, command: Command): Promise<Outcome> {
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

/** Submits a batch of one record; an identical one that exists already is a success, too. */
export async function submitRecord(
  args: SubmitArguments,
  command: Command & { readonly kind: "createAccounts" | "createTransfers" },
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
