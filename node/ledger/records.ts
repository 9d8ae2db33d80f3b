/**
 * Accounts and transfers as flat records of 128 bytes, little-endian: the layouts of TigerBeetle, so that one signature
 * and one header can serve a batch of thousands without an object being made.
 *
 *   account  id 0 | debits_pending 16 | debits_posted 32 | credits_pending 48 | credits_posted 64 | user_data_128 80 |
 *            user_data_64 96 | user_data_32 104 | reserved 108 | ledger 112 | code 116 | flags 118 | timestamp 120
 *   transfer id 0 | debit_account_id 16 | credit_account_id 32 | amount 48 | pending_id 64 | user_data_128 80 |
 *            user_data_64 96 | user_data_32 104 | timeout 108 | ledger 112 | code 116 | flags 118 | timestamp 120
 */
import { readU128, viewOf, writeU128 } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { BATCH_RECORDS_MAX, RECORD_BYTES } from "../base/limits.ts";
import { type Bits, checkList, checkUnsigned, entriesOf, malformed } from "./fields.ts";

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

/** An account as it is asked for; what is left out is zero. `reserved` must be zero, and has a status of its own. */
export type AccountInput = Pick<Account, "id"> & Partial<Omit<Account, "id">> & { readonly reserved?: number };

/** A transfer as it is asked for; what is left out is zero. */
export type TransferInput = Pick<Transfer, "id"> & Partial<Omit<Transfer, "id">>;

export const accountFlags = {
  linked: 1,
  debitsMustNotExceedCredits: 2,
  creditsMustNotExceedDebits: 4,
  history: 8,
  imported: 16,
  closed: 32,
  /** Ours: nothing debits the account. Set and cleared by `freezeAccount`, not asked for. */
  frozen: 16_384,
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

/** Flag bits that may be asked for. */
export const ACCOUNT_FLAGS_MASK = 63;
export const TRANSFER_FLAGS_MASK = 511;

/** Why bytes are not a batch of records. */
export type BatchFault = "batch_empty" | "batch_misaligned" | "batch_too_long";

/** Checks the length of a batch for the log; undefined when it may be executed. */
export function checkBatch(batch: Uint8Array): BatchFault | undefined {
  if (batch.length === 0) return "batch_empty";
  if (batch.length % RECORD_BYTES !== 0) return "batch_misaligned";
  return batch.length > BATCH_RECORDS_MAX * RECORD_BYTES ? "batch_too_long" : undefined;
}

export function notABatch(fault: BatchFault): CodedError {
  return new CodedError(fault, "a batch is up to 8,190 records of 128 bytes each");
}

/** Where a field lies in its record, and how many bits it has. */
type Layout = Readonly<Record<string, { readonly at: number; readonly bits: Bits }>>;

/** What both layouts have from byte 80 on. */
const TAIL: Layout = {
  userData128: { at: 80, bits: 128 },
  userData64: { at: 96, bits: 64 },
  userData32: { at: 104, bits: 32 },
  ledger: { at: 112, bits: 32 },
  code: { at: 116, bits: 16 },
  flags: { at: 118, bits: 16 },
  timestamp: { at: 120, bits: 64 },
};

const ACCOUNT_FIELDS: Layout = {
  id: { at: 0, bits: 128 },
  debitsPending: { at: 16, bits: 128 },
  debitsPosted: { at: 32, bits: 128 },
  creditsPending: { at: 48, bits: 128 },
  creditsPosted: { at: 64, bits: 128 },
  reserved: { at: 108, bits: 32 },
  ...TAIL,
};

const TRANSFER_FIELDS: Layout = {
  id: { at: 0, bits: 128 },
  debitAccountId: { at: 16, bits: 128 },
  creditAccountId: { at: 32, bits: 128 },
  amount: { at: 48, bits: 128 },
  pendingId: { at: 64, bits: 128 },
  timeout: { at: 108, bits: 32 },
  ...TAIL,
};

/**
 * Accounts one after another, as records.
 *
 * @throws CodedError `malformed_argument` for what is no array, `batch_too_long`, `malformed_record`
 */
export function encodeAccounts(accounts: readonly AccountInput[]): Uint8Array {
  return encodeRecords(ACCOUNT_FIELDS, accounts);
}

/** Transfers one after another, as records; otherwise as `encodeAccounts`. */
export function encodeTransfers(transfers: readonly TransferInput[]): Uint8Array {
  return encodeRecords(TRANSFER_FIELDS, transfers);
}

function encodeRecords(layout: Layout, records: readonly object[]): Uint8Array {
  checkList("a batch that is not flat", records);
  if (records.length > BATCH_RECORDS_MAX) throw notABatch("batch_too_long");
  const bytes = new Uint8Array(records.length * RECORD_BYTES);
  const view = viewOf(bytes);
  for (const [index, record] of records.entries()) {
    for (const [name, value] of entriesOf("malformed_record", `record ${index}`, record)) {
      const what = `field ${name} of record ${index}`;
      const field = Object.hasOwn(layout, name) ? layout[name] : undefined;
      if (field === undefined) throw malformed("malformed_record", what, "does not exist");
      if (value === undefined) continue;
      checkUnsigned("malformed_record", what, value, field.bits);
      writeField(view, index * RECORD_BYTES + field.at, field.bits, value as bigint | number);
    }
  }
  return bytes;
}

function writeField(view: DataView, at: number, bits: Bits, value: bigint | number): void {
  if (bits === 128) writeU128(view, at, BigInt(value));
  else if (bits === 64) view.setBigUint64(at, BigInt(value), true);
  else if (bits === 32) view.setUint32(at, Number(value), true);
  else view.setUint16(at, Number(value), true);
}

/** The accounts in a batch of records. @throws CodedError `batch_misaligned` */
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

/** The transfers in a batch of records. @throws CodedError `batch_misaligned` */
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
  if (bytes.length % RECORD_BYTES !== 0) throw new CodedError("batch_misaligned", "records are 128 bytes each");
  return Array.from({ length: bytes.length / RECORD_BYTES }, (_, index) => index * RECORD_BYTES);
}
