/**
 * Accounts and transfers as flat records of 128 bytes, little-endian: the layouts of TigerBeetle, so that one signature
 * and one header can serve a batch of thousands without an object being made.
 *
 *   account  id 0 | debits_pending 16 | debits_posted 32 | credits_pending 48 | credits_posted 64 | user_data_128 80 |
 *            user_data_64 96 | user_data_32 104 | reserved 108 | ledger 112 | code 116 | flags 118 | timestamp 120
 *   transfer id 0 | debit_account_id 16 | credit_account_id 32 | amount 48 | pending_id 64 | user_data_128 80 |
 *            user_data_64 96 | user_data_32 104 | timeout 108 | ledger 112 | code 116 | flags 118 | timestamp 120
 */
import { assert } from "../base/assert.ts";
import { readU128, viewOf, writeU128 } from "../base/bytes.ts";
import { BATCH_RECORDS_MAX, RECORD_BYTES } from "../base/limits.ts";

export interface Account {
  readonly id: bigint;
  readonly debitsPending: bigint;
  readonly debitsPosted: bigint;
  readonly creditsPending: bigint;
  readonly creditsPosted: bigint;
  readonly userData128: bigint;
  readonly userData64: bigint;
  readonly userData32: number;
  readonly ledger: number;
  readonly code: number;
  readonly flags: number;
  /** Nanoseconds of log time; 0 in a request, except for imported records. */
  readonly timestamp: bigint;
}

export interface Transfer {
  readonly id: bigint;
  readonly debitAccountId: bigint;
  readonly creditAccountId: bigint;
  readonly amount: bigint;
  readonly pendingId: bigint;
  readonly userData128: bigint;
  readonly userData64: bigint;
  readonly userData32: number;
  /** Seconds; only on pending transfers, 0 for none. */
  readonly timeout: number;
  readonly ledger: number;
  readonly code: number;
  readonly flags: number;
  readonly timestamp: bigint;
}

export const accountFlags = {
  linked: 1,
  debitsMustNotExceedCredits: 2,
  creditsMustNotExceedDebits: 4,
  history: 8,
  imported: 16,
  closed: 32,
} as const;

export const transferFlags = {
  linked: 1,
  pending: 2,
  postPendingTransfer: 4,
  voidPendingTransfer: 8,
  balancingDebit: 16,
  balancingCredit: 32,
  closingDebit: 64,
  closingCredit: 128,
  imported: 256,
} as const;

/** Flag bits that exist. */
export const ACCOUNT_FLAGS_MASK = 63;
export const TRANSFER_FLAGS_MASK = 511;

/** Why bytes are not a batch of records. */
export type BatchFault = "batch_empty" | "batch_misaligned" | "batch_too_long";

/** Checks a batch's length; undefined when it may be executed. */
export function checkBatch(batch: Uint8Array): BatchFault | undefined {
  if (batch.length === 0) return "batch_empty";
  if (batch.length % RECORD_BYTES !== 0) return "batch_misaligned";
  return batch.length > BATCH_RECORDS_MAX * RECORD_BYTES ? "batch_too_long" : undefined;
}

/** Accounts one after another, as records. */
export function encodeAccounts(accounts: readonly Account[]): Uint8Array {
  const bytes = new Uint8Array(accounts.length * RECORD_BYTES);
  const view = viewOf(bytes);
  accounts.forEach((account, index) => {
    const at = index * RECORD_BYTES;
    writeU128(view, at, account.id);
    writeU128(view, at + 16, account.debitsPending);
    writeU128(view, at + 32, account.debitsPosted);
    writeU128(view, at + 48, account.creditsPending);
    writeU128(view, at + 64, account.creditsPosted);
    writeTail(view, at, account, 0);
  });
  return bytes;
}

/** Transfers one after another, as records. */
export function encodeTransfers(transfers: readonly Transfer[]): Uint8Array {
  const bytes = new Uint8Array(transfers.length * RECORD_BYTES);
  const view = viewOf(bytes);
  transfers.forEach((transfer, index) => {
    const at = index * RECORD_BYTES;
    writeU128(view, at, transfer.id);
    writeU128(view, at + 16, transfer.debitAccountId);
    writeU128(view, at + 32, transfer.creditAccountId);
    writeU128(view, at + 48, transfer.amount);
    writeU128(view, at + 64, transfer.pendingId);
    writeTail(view, at, transfer, transfer.timeout);
  });
  return bytes;
}

/** What stands from byte 80 on in both layouts; `at108` is the timeout or the reserved field. */
function writeTail(view: DataView, at: number, record: Account | Transfer, at108: number): void {
  writeU128(view, at + 80, record.userData128);
  view.setBigUint64(at + 96, record.userData64, true);
  view.setUint32(at + 104, record.userData32, true);
  view.setUint32(at + 108, at108, true);
  view.setUint32(at + 112, record.ledger, true);
  view.setUint16(at + 116, record.code, true);
  view.setUint16(at + 118, record.flags, true);
  view.setBigUint64(at + 120, record.timestamp, true);
}

/** The accounts in a batch of records. */
export function decodeAccounts(bytes: Uint8Array): Account[] {
  const view = viewOf(bytes);
  return recordOffsets(bytes).map((at) => ({
    id: readU128(view, at),
    debitsPending: readU128(view, at + 16),
    debitsPosted: readU128(view, at + 32),
    creditsPending: readU128(view, at + 48),
    creditsPosted: readU128(view, at + 64),
    userData128: readU128(view, at + 80),
    userData64: view.getBigUint64(at + 96, true),
    userData32: view.getUint32(at + 104, true),
    ledger: view.getUint32(at + 112, true),
    code: view.getUint16(at + 116, true),
    flags: view.getUint16(at + 118, true),
    timestamp: view.getBigUint64(at + 120, true),
  }));
}

/** The transfers in a batch of records. */
export function decodeTransfers(bytes: Uint8Array): Transfer[] {
  const view = viewOf(bytes);
  return recordOffsets(bytes).map((at) => ({
    id: readU128(view, at),
    debitAccountId: readU128(view, at + 16),
    creditAccountId: readU128(view, at + 32),
    amount: readU128(view, at + 48),
    pendingId: readU128(view, at + 64),
    userData128: readU128(view, at + 80),
    userData64: view.getBigUint64(at + 96, true),
    userData32: view.getUint32(at + 104, true),
    timeout: view.getUint32(at + 108, true),
    ledger: view.getUint32(at + 112, true),
    code: view.getUint16(at + 116, true),
    flags: view.getUint16(at + 118, true),
    timestamp: view.getBigUint64(at + 120, true),
  }));
}

function recordOffsets(bytes: Uint8Array): number[] {
  assert(bytes.length % RECORD_BYTES === 0, "records are 128 bytes each");
  return Array.from({ length: bytes.length / RECORD_BYTES }, (_, index) => index * RECORD_BYTES);
}
