/**
 * Transactions as files, on their way from one signer to the next.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fromHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { toJson } from "./output.ts";

const VERSION = 1;

/** Writes a new file; throws `CodedError` `file_exists`, or the system's error. */
export function writeTransactionFile(path: string, transaction: Uint8Array): void {
  if (existsSync(path)) throw new CodedError("file_exists", `${path} exists already`);
  writeFileSync(path, `${toJson({ version: VERSION, transaction })}\n`, { flag: "wx" });
}

/** The transaction in a file; throws `CodedError` `usage` or `malformed_transaction`, or the system's error. */
export function readTransactionFile(path: string): Uint8Array {
  if (!existsSync(path)) throw new CodedError("usage", `there is no file ${path}`);
  const transaction = parse(readFileSync(path, "utf8"));
  if (transaction === undefined) throw new CodedError("malformed_transaction", `${path} is no file of --to-cosign`);
  return transaction;
}

function parse(text: string): Uint8Array | undefined {
  try {
    const fields = JSON.parse(text) as { version?: unknown; transaction?: unknown } | null;
    const { transaction } = fields ?? {};
    return fields?.version === VERSION && typeof transaction === "string" ? fromHex(transaction) : undefined;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
