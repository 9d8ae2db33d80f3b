/**
 * Where the fields of a record lie, counted in 32-bit words: as they come in a batch, and as the ledger keeps them.
 */
import { RECORD_BYTES } from "../base/limits.ts";

export const RECORD_WORDS: number = RECORD_BYTES / 4;

/** Fields that accounts and transfers have in the same place. */
export const USER_DATA = 20;
/** user_data_128, _64 and _32 together. */
export const USER_DATA_WORDS = 7;
export const USER_DATA_64 = 24;
export const USER_DATA_32 = 26;
export const LEDGER = 28;
/** `code` in the lower half, `flags` in the upper. */
export const CODE_FLAGS = 29;
export const TIMESTAMP = 30;

/** Of an account, which is kept as it comes; the reserved field holds its authority. */
export const DEBITS_PENDING = 4;
export const DEBITS_POSTED = 8;
export const CREDITS_PENDING = 12;
export const CREDITS_POSTED = 16;
export const BALANCE_WORDS = 16;
export const RESERVED = 27;
export const AUTHORITY = 27;

/** Of a transfer as it comes. */
export const DEBIT_ACCOUNT_ID = 4;
export const CREDIT_ACCOUNT_ID = 8;
export const AMOUNT = 12;
export const PENDING_ID = 16;
export const TIMEOUT = 27;

/** Shift of the flags within `CODE_FLAGS`. */
export const FLAGS_SHIFT = 16;
export const CODE_MASK = 0xffff;

/**
 * A transfer as it is kept: slots in place of the ids of accounts and of the pending transfer, and who made it.
 */
export const ROW = {
  id: 0,
  debit: 4,
  credit: 5,
  amount: 6,
  /** Slot + 1 of the pending transfer that this one posts or voids; 0 for none. */
  pending: 10,
  userData128: 11,
  userData64: 15,
  userData32: 17,
  timeout: 18,
  ledger: 19,
  codeFlags: 20,
  timestamp: 21,
  /** Authority that made it. */
  maker: 23,
} as const;
export const ROW_WORDS = 24;
