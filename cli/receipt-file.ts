/**
 * Receipts as files: a signed transaction and what a node has signed about it, enough to prove the outcome without the
 * cluster.
 */
import { fromHex } from "../node/base/bytes.ts";
import { CodedError } from "../node/base/errors.ts";
import { checkCheckpoint, liesUnder } from "../node/client/checkpoints.ts";
import {
  type ClusterFile,
  decodeReceipt,
  encodeCheckpoint,
  nodeTrust,
  type Outcome,
  type Receipt,
  type SignedCheckpoint,
  sha256,
  verifyReceipt,
} from "../node/client/index.ts";
import { blockHash } from "../node/wire/block.ts";
import { toJson } from "./output.ts";

const VERSION = 1;

/** A checkpoint of a quorum, and the proof that the receipt's block lies under it. */
export interface Anchor {
  readonly checkpoint: SignedCheckpoint;
  readonly path: readonly Uint8Array[];
}

interface ReceiptFile {
  readonly transaction: Uint8Array;
  readonly receipt: Uint8Array;
  readonly anchor?: { readonly checkpoint: Uint8Array; readonly path: readonly Uint8Array[] };
}

export function formatReceiptFile(
  { transaction, receiptBytes }: Pick<Outcome, "transaction" | "receiptBytes">,
  anchor?: Anchor,
): string {
  const anchored = anchor && { checkpoint: encodeCheckpoint(anchor.checkpoint), path: anchor.path };
  return `${toJson({ version: VERSION, transaction, receipt: receiptBytes, anchor: anchored })}\n`;
}

function parse(text: string): ReceiptFile | undefined {
  try {
    const fields = JSON.parse(text) as Readonly<Record<string, unknown>> | null;
    if (fields?.["version"] !== VERSION) return undefined;
    const [transaction, receipt] = [fields["transaction"], fields["receipt"]].map(bytesOf);
    if (transaction === undefined || receipt === undefined) return undefined;
    if (fields["anchor"] === undefined) return { transaction, receipt };
    const anchor = fields["anchor"] as Readonly<Record<string, unknown>> | null;
    const checkpoint = bytesOf(anchor?.["checkpoint"]);
    const hashes = Array.isArray(anchor?.["path"]) ? anchor["path"].map(bytesOf) : [undefined];
    const path = hashes.filter((hash) => hash !== undefined);
    if (checkpoint === undefined || path.length < hashes.length) return undefined;
    return { transaction, receipt, anchor: { checkpoint, path } };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

function bytesOf(value: unknown): Uint8Array | undefined {
  return typeof value === "string" ? fromHex(value) : undefined;
}

/** What a receipt has proved. */
export interface Proof {
  readonly transaction: Uint8Array;
  readonly receipt: Receipt;
  readonly receiptBytes: Uint8Array;
  readonly blockHash: Uint8Array;
  /** The checkpoint of a quorum whose history holds the block; without one, a single node vouches. */
  readonly anchor?: SignedCheckpoint;
  readonly height: number;
  /** Log time of the block, nanoseconds. */
  readonly timestamp: bigint;
  /** State digest after the block. */
  readonly digest: Uint8Array;
}

/** Proves what a receipt file claims; throws `CodedError` `receipt_invalid`, `malformed_receipt` or `checkpoint_invalid`. */
export function proveReceipt(cluster: ClusterFile, text: string): Proof {
  const file = parse(text);
  if (file === undefined) throw new CodedError("receipt_invalid", "the file is not a receipt file");
  const receipt = decodeReceipt(file.receipt);
  const verdict = verifyReceipt(receipt, nodeTrust(cluster), file.transaction);
  if (!verdict.valid) {
    throw new CodedError("receipt_invalid", `the receipt does not hold: ${verdict.reason.replaceAll("_", " ")}`);
  }
  const { height, timestamp, digest } = verdict;
  const hashOfBlock = blockHash(sha256, receipt.blockHeader);
  const proof = { transaction: file.transaction, receipt, receiptBytes: file.receipt, blockHash: hashOfBlock };
  if (file.anchor === undefined) return { ...proof, height, timestamp, digest };
  const anchor = checkCheckpoint(cluster, file.anchor.checkpoint);
  if (!liesUnder({ height, blockHash: hashOfBlock }, anchor, file.anchor.path)) {
    throw new CodedError("receipt_invalid", "the receipt does not hold: its block is not in the checkpoint's history");
  }
  return { ...proof, anchor, height, timestamp, digest };
}
