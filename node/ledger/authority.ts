/**
 * Authorities as the ledger knows them: a number on each account, held against the number of whoever signs.
 */
import { checkUnsigned, malformed } from "./fields.ts";

/** The authority of the state machine itself: may debit any account. */
export const SYSTEM_AUTHORITY = 0xffff_ffff;

/** Stands for every delegate: no account belongs to it, so each debit is held against the delegate's allowance. */
export const DELEGATE_AUTHORITY = 0xffff_fffe;

/** Throws `malformed_argument` unless `value` can be an authority. */
export function checkAuthority(value: unknown): void {
  checkUnsigned("malformed_argument", "the authority", value, 32);
  if (value === DELEGATE_AUTHORITY) throw malformed("malformed_argument", "the authority", "stands for delegates");
}
