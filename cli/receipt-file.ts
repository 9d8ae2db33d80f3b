/**
 * Receipts as files: a signed transaction and what a node has signed about it, enough to prove the outcome without the
 * cluster.
 */
import { fromHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import {
  type ClusterFile,
  decodeReceipt,
  nodeTrust,
  type Outcome,
  type Receipt,
  verifyReceipt,
} from "../node/client/index.ts";
import { toJson } from "./output.ts";

const VERSION = 1;

interface ReceiptFile {
  readonly transaction: Uint8Array;
  readonly receipt: Uint8Array;
}

export function formatReceiptFile({
  transaction,
  receiptBytes,
}: Pick<Outcome, "transaction" | "receiptBytes">): string {
  return `${toJson({ version: VERSION, transaction, receipt: receiptBytes })}\n`;
}

function parse(text: string): ReceiptFile | undefined {
  try {
    const fields = JSON.parse(text) as { version?: unknown; transaction?: unknown; receipt?: unknown } | null;
    if (fields?.version !== VERSION) return undefined;
    const [transaction, receipt] = [fields.transaction, fields.receipt].map((value) =>
      typeof value === "string" ? fromHex(value) : undefined,
    );
    return transaction === undefined || receipt === undefined ? undefined : { transaction, receipt };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** What a receipt has proved. */
export interface Proof {
  readonly transaction: Uint8Array;
  readonly receipt: Receipt;
  readonly height: number;
  /** Log time of the block, nanoseconds. */
  readonly timestamp: bigint;
  /** State digest after the block. */
  readonly digest: Uint8Array;
}

/** Proves what a receipt file claims; throws `CodedError` `receipt_invalid` or `malformed_receipt`. */
export function proveReceipt(cluster: ClusterFile, text: string): Proof {
  const file = parse(text);
  if (file === undefined) throw new CodedError("receipt_invalid", "the file is not a receipt file");
  const receipt = decodeReceipt(file.receipt);
  const verdict = verifyReceipt(receipt, nodeTrust(cluster), file.transaction);
  if (!verdict.valid) {
    throw new CodedError("receipt_invalid", `the receipt does not hold: ${verdict.reason.replaceAll("_", " ")}`);
  }
  const { height, timestamp, digest } = verdict;
  return { transaction: file.transaction, receipt, height, timestamp, digest };
}
