/**
 * What became of an event of a batch: TigerBeetle's statuses with its wire numbers. The order here is the precedence:
 * an event with several faults gets the first of them.
 */

/** Results of `createAccounts`. */
export const AccountStatus = {
  linkedEventFailed: 1,
  linkedEventChainOpen: 2,
  importedEventExpected: 22,
  importedEventNotExpected: 23,
  timestampMustBeZero: 3,
  importedEventTimestampOutOfRange: 24,
  importedEventTimestampMustNotAdvance: 25,
  reservedField: 4,
  reservedFlag: 5,
  idMustNotBeZero: 6,
  idMustNotBeIntMax: 7,
  existsWithDifferentFlags: 15,
  existsWithDifferentUserData128: 16,
  existsWithDifferentUserData64: 17,
  existsWithDifferentUserData32: 18,
  existsWithDifferentLedger: 19,
  existsWithDifferentCode: 20,
  exists: 21,
  flagsAreMutuallyExclusive: 8,
  debitsPendingMustBeZero: 9,
  debitsPostedMustBeZero: 10,
  creditsPendingMustBeZero: 11,
  creditsPostedMustBeZero: 12,
  ledgerMustNotBeZero: 13,
  codeMustNotBeZero: 14,
  importedEventTimestampMustNotRegress: 26,
  created: 0xffff_ffff,
} as const;
export type AccountStatus = (typeof AccountStatus)[keyof typeof AccountStatus];

/**
 * Results of `createTransfers`. Those from 1,001 on are ours. `debitAccountNotAuthorized`: the signer has no authority over
 * the debit account, or did not make the pending transfer that it wants to resolve.
 */
export const TransferStatus = {
  linkedEventFailed: 1,
  linkedEventChainOpen: 2,
  importedEventExpected: 56,
  importedEventNotExpected: 57,
  timestampMustBeZero: 3,
  importedEventTimestampOutOfRange: 58,
  importedEventTimestampMustNotAdvance: 59,
  reservedFlag: 4,
  idMustNotBeZero: 5,
  idMustNotBeIntMax: 6,
  existsWithDifferentFlags: 36,
  existsWithDifferentPendingId: 40,
  existsWithDifferentTimeout: 44,
  existsWithDifferentDebitAccountId: 37,
  existsWithDifferentCreditAccountId: 38,
  existsWithDifferentAmount: 39,
  existsWithDifferentUserData128: 41,
  existsWithDifferentUserData64: 42,
  existsWithDifferentUserData32: 43,
  existsWithDifferentLedger: 67,
  existsWithDifferentCode: 45,
  exists: 46,
  idAlreadyFailed: 68,
  flagsAreMutuallyExclusive: 7,
  debitAccountIdMustNotBeZero: 8,
  debitAccountIdMustNotBeIntMax: 9,
  creditAccountIdMustNotBeZero: 10,
  creditAccountIdMustNotBeIntMax: 11,
  accountsMustBeDifferent: 12,
  pendingIdMustBeZero: 13,
  pendingIdMustNotBeZero: 14,
  pendingIdMustNotBeIntMax: 15,
  pendingIdMustBeDifferent: 16,
  timeoutReservedForPendingTransfer: 17,
  closingTransferMustBePending: 64,
  ledgerMustNotBeZero: 19,
  codeMustNotBeZero: 20,
  debitAccountNotFound: 21,
  creditAccountNotFound: 22,
  debitAccountNotAuthorized: 1_001,
  creditAccountNotAuthorized: 1_005,
  flagsNotDelegated: 1_003,
  exceedsDelegatedLimit: 1_004,
  accountsMustHaveTheSameLedger: 23,
  transferMustHaveTheSameLedgerAsAccounts: 24,
  pendingTransferNotFound: 25,
  pendingTransferNotPending: 26,
  pendingTransferHasDifferentDebitAccountId: 27,
  pendingTransferHasDifferentCreditAccountId: 28,
  pendingTransferHasDifferentLedger: 29,
  pendingTransferHasDifferentCode: 30,
  exceedsPendingTransferAmount: 31,
  pendingTransferHasDifferentAmount: 32,
  pendingTransferAlreadyPosted: 33,
  pendingTransferAlreadyVoided: 34,
  pendingTransferExpired: 35,
  importedEventTimestampMustNotRegress: 60,
  importedEventTimestampMustPostdateDebitAccount: 61,
  importedEventTimestampMustPostdateCreditAccount: 62,
  importedEventTimeoutMustBeZero: 63,
  debitAccountFrozen: 1_002,
  debitAccountAlreadyClosed: 65,
  creditAccountAlreadyClosed: 66,
  overflowsDebitsPending: 47,
  overflowsCreditsPending: 48,
  overflowsDebitsPosted: 49,
  overflowsCreditsPosted: 50,
  overflowsDebits: 51,
  overflowsCredits: 52,
  overflowsTimeout: 53,
  exceedsCredits: 54,
  exceedsDebits: 55,
  created: 0xffff_ffff,
} as const;
export type TransferStatus = (typeof TransferStatus)[keyof typeof TransferStatus];

/** Failures that may pass, and so burn the transfer's id: a late duplicate must not succeed where the first failed. */
export const TRANSIENT_STATUSES: ReadonlySet<number> = new Set([
  TransferStatus.debitAccountNotFound,
  TransferStatus.creditAccountNotFound,
  TransferStatus.pendingTransferNotFound,
  TransferStatus.exceedsDelegatedLimit,
  TransferStatus.debitAccountFrozen,
  TransferStatus.debitAccountAlreadyClosed,
  TransferStatus.creditAccountAlreadyClosed,
  TransferStatus.exceedsCredits,
  TransferStatus.exceedsDebits,
]);

const accountNames = new Map<number, string>(Object.entries(AccountStatus).map(([name, n]) => [n, snakeCase(name)]));
const transferNames = new Map<number, string>(Object.entries(TransferStatus).map(([name, n]) => [n, snakeCase(name)]));

/** `exceedsCredits` as `exceeds_credits`: the way codes are written everywhere outside the source. */
function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]|(?<!\d)\d/g, (character) => `_${character.toLowerCase()}`);
}

/** The code of an account status, such as `exists`. */
export function accountStatusName(status: number): string {
  return accountNames.get(status) ?? `status ${status}`;
}

/** The code of a transfer status, such as `exceeds_credits`. */
export function transferStatusName(status: number): string {
  return transferNames.get(status) ?? `status ${status}`;
}
