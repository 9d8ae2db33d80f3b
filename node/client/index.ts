/**
 * The client library: what a program needs to submit signed transactions to a Quorate cluster and to prove what became
 * of them.
 */

export { type ClusterFile, parseClusterFile } from "../transport/cluster-file.ts";
export type { Command } from "../wire/body.ts";
export { decodeReceipt, type Receipt, verifyReceipt } from "../wire/receipt.ts";
export { batchResults, decodeResult, type EventResult } from "../wire/results.ts";
export type { Signer } from "../wire/transaction.ts";
export { type ClientOptions, type Outcome, QuorateClient } from "./client.ts";
export { ClientError } from "./errors.ts";
export { type KeyPair, keyFromSeed, newKey, readKeyFile, writeKeyFile } from "./keys.ts";
export { verifySignature } from "./receipt-check.ts";
