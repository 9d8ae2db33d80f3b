/**
 * Checking receipts as they come. A node signs once a block, so its signature is checked once and remembered.
 */
import { toHex } from "../base/bytes.ts";
import { type ClusterFile, votersIn } from "../transport/cluster-file.ts";
import type { NodeTrust } from "../wire/attestation.ts";
import { WireError } from "../wire/msgpack.ts";
import { decodeReceipt, type Receipt, verifyReceipt } from "../wire/receipt.ts";
import { decodeResult } from "../wire/results.ts";
import { sha256, verifySignature } from "./crypto.ts";
import { ClientError } from "./errors.ts";

const REMEMBERED = 1_024;

export interface CheckedReceipt {
  readonly receipt: Receipt;
  /** What it proves, decoded. */
  readonly result: ReturnType<typeof decodeResult>;
  readonly height: number;
  /** Log time of the block, nanoseconds. */
  readonly timestamp: bigint;
}

/** What signatures of the cluster's nodes are checked against. */
export function nodeTrust({ clusterId, nodes }: ClusterFile): NodeTrust {
  return { clusterId, nodeKeys: nodes.map(({ publicKey }) => publicKey), sha256, verify: verifySignature };
}

/** What is signed by a quorum: only voters make one. */
export function voterTrust(cluster: ClusterFile): NodeTrust {
  return nodeTrust({ ...cluster, nodes: votersIn(cluster) });
}

export class ReceiptChecker {
  readonly #trust: NodeTrust;
  readonly #good = new Set<string>();

  constructor(cluster: ClusterFile) {
    this.#trust = {
      ...nodeTrust(cluster),
      verify: (key, message, signature) => this.#verify(key, message, signature),
    };
  }

  /** The receipt of exactly this transaction; throws `ClientError` `receipt_invalid`. */
  check(encoded: Uint8Array, transaction: Uint8Array): CheckedReceipt {
    const receipt = decoded(() => decodeReceipt(encoded));
    const verdict = verifyReceipt(receipt, this.#trust, transaction);
    if (!verdict.valid) throw new ClientError("receipt_invalid", `the receipt does not hold: ${verdict.reason}`);
    // A node may sign anything.
    const result = decoded(() => decodeResult(receipt.result));
    return { receipt, result, height: verdict.height, timestamp: verdict.timestamp };
  }

  #verify(key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
    const name = `${toHex(key)}${toHex(message)}${toHex(signature)}`;
    if (this.#good.has(name)) return true;
    if (!verifySignature(key, message, signature)) return false;
    const oldest = this.#good.values().next().value;
    if (this.#good.size >= REMEMBERED && oldest !== undefined) this.#good.delete(oldest);
    this.#good.add(name);
    return true;
  }
}

function decoded<T>(decode: () => T): T {
  try {
    return decode();
  } catch (error) {
    if (error instanceof WireError) throw new ClientError("receipt_invalid", error.message, {}, error);
    throw error;
  }
}
