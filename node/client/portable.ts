/**
 * What of the client library needs nothing of Node and runs in a browser as well: keys, records, signing, and proving
 * receipts; reading and printing amounts.
 */

export { type Currency, currencyOfCode, currencyOfNumber } from "../assets/iso-4217.ts";
export { type KnownAsset, KnownAssets } from "../assets/known-assets.ts";
export { accountFilterFlags, queryFilterFlags } from "../ledger/filters.ts";
export type { AccountBalance } from "../ledger/history.ts";
export {
  type Account,
  accountFlags,
  decodeAccounts,
  decodeTransfers,
  encodeAccounts,
  encodeTransfers,
  type Transfer,
  transferFlags,
} from "../ledger/records.ts";
export { AccountStatus, accountStatusName, TransferStatus, transferStatusName } from "../ledger/status.ts";
export { decodeBalances, decodeChanges, type SeenChangeEvent } from "../state/flat-answers.ts";
export { decodeAnswer, encodeQuery, type Query, type QueryAnswer } from "../state/queries.ts";
export { type ClusterFile, type ClusterNode, parseClusterFile, votersIn } from "../transport/cluster-file.ts";
export {
  type Attested,
  checkpointSigners,
  decodeCheckpoint,
  encodeCheckpoint,
  type NodeTrust,
  type SignedCheckpoint,
} from "../wire/attestation.ts";
export type { Command } from "../wire/body.ts";
export type { Consistency } from "../wire/client-frames.ts";
export { verifyConsistency, verifyInclusion } from "../wire/history.ts";
export { decodeReceipt, type Receipt, type ReceiptVerdict, verifyReceipt } from "../wire/receipt.ts";
export {
  type BatchRuns,
  batchResults,
  batchRuns,
  decodeResult,
  type EventResult,
  type EventRun,
} from "../wire/results.ts";
export { cosignTransaction, type Placement, type Signer, signTransaction } from "../wire/transaction.ts";
export { randomBytes, sha256, verifySignature } from "./crypto.ts";
export { ClientError } from "./errors.ts";
export { type KeyPair, keyFromSeed, newKey } from "./keys.ts";
export { nodeTrust } from "./receipt-check.ts";
