/**
 * Where the fields of a record lie, counted in 32-bit words.
 */
import { RECORD_BYTES } from "../base/limits.ts";

export const RECORD_WORDS: number = RECORD_BYTES / 4;

/** Fields that accounts and transfers have in the same place. */
export const ID = 0;
export const USER_DATA = 20;
/** user_data_128, _64 and _32 together. */
export const USER_DATA_WORDS = 7;
export const USER_DATA_64 = 24;
export const USER_DATA_32 = 26;
export const LEDGER = 28;
/** `code` in the lower half, `flags` in the upper. */
export const CODE_FLAGS = 29;
export const TIMESTAMP = 30;

/** Of an account: debits_pending, debits_posted, credits_pending, credits_posted, four words each. */
export const BALANCES = 4;
export const BALANCE_WORDS = 16;
export const RESERVED = 27;

/** Of a transfer. */
export const DEBIT_ACCOUNT_ID = 4;
export const CREDIT_ACCOUNT_ID = 8;
export const AMOUNT = 12;
export const PENDING_ID = 16;
export const TIMEOUT = 27;

/** Offsets of the four balances within an account's balances. */
export const DEBITS_PENDING = 0;
export const DEBITS_POSTED = 4;
export const CREDITS_PENDING = 8;
export const CREDITS_POSTED = 12;

/** Shift of the flags within `CODE_FLAGS`. */
export const FLAGS_SHIFT = 16;
export const CODE_MASK = 0xffff;
