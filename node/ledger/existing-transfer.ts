/**
 * A transfer whose id is there already: is it the same one again? The comparison follows TigerBeetle's code: a retry with
 * the same meaning is `exists`, also where it left fields to be inherited or clamped.
 */
import * as layout from "./layout.ts";
import { transferFlags } from "./records.ts";
import { TransferStatus } from "./status.ts";
import type { TransferStore } from "./transfer-store.ts";
import { compare, equal, isMax, isZero } from "./words.ts";

const RESOLVES: number = transferFlags.postPendingTransfer | transferFlags.voidPendingTransfer;
const BALANCES: number = transferFlags.balancingDebit | transferFlags.balancingCredit;

/** Holds a new record against the stored one of the same id; returns `exists` or how they differ. */
export function compareExisting(transfers: TransferStore, words: Uint32Array, at: number, slot: number): number {
  const theirs = transfers.words(slot);
  const t = transfers.at(slot);
  const flags = (words[at + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
  if (flags !== transfers.flags(slot)) return TransferStatus.existsWithDifferentFlags;
  if (!equal(words, at + layout.PENDING_ID, theirs, t + layout.PENDING_ID)) {
    return TransferStatus.existsWithDifferentPendingId;
  }
  if (words[at + layout.TIMEOUT] !== theirs[t + layout.TIMEOUT]) return TransferStatus.existsWithDifferentTimeout;
  if ((flags & RESOLVES) !== 0) return compareResolution(transfers, words, at, slot, flags);
  const debit = layout.DEBIT_ACCOUNT_ID;
  if (!equal(words, at + debit, theirs, t + debit)) return TransferStatus.existsWithDifferentDebitAccountId;
  const credit = layout.CREDIT_ACCOUNT_ID;
  if (!equal(words, at + credit, theirs, t + credit)) return TransferStatus.existsWithDifferentCreditAccountId;
  const asked = compare(words, at + layout.AMOUNT, theirs, t + layout.AMOUNT);
  // A balancing transfer stored what there was room for, which may be less than is asked.
  if ((flags & BALANCES) !== 0 ? asked < 0 : asked !== 0) return TransferStatus.existsWithDifferentAmount;
  if (!equal(words, at + layout.USER_DATA, theirs, t + layout.USER_DATA)) {
    return TransferStatus.existsWithDifferentUserData128;
  }
  if (!sameU64(words, at + layout.USER_DATA_64, theirs, t + layout.USER_DATA_64)) {
    return TransferStatus.existsWithDifferentUserData64;
  }
  if (words[at + layout.USER_DATA_32] !== theirs[t + layout.USER_DATA_32]) {
    return TransferStatus.existsWithDifferentUserData32;
  }
  if (words[at + layout.LEDGER] !== theirs[t + layout.LEDGER]) return TransferStatus.existsWithDifferentLedger;
  const same = words[at + layout.CODE_FLAGS] === theirs[t + layout.CODE_FLAGS];
  return same ? TransferStatus.exists : TransferStatus.existsWithDifferentCode;
}

/** A post or a void: zero means what the pending transfer has. */
function compareResolution(
  transfers: TransferStore,
  words: Uint32Array,
  at: number,
  slot: number,
  flags: number,
): number {
  const e = transfers.words(slot);
  const t = transfers.at(slot);
  const pendingSlot = transfers.index.find(e, t + layout.PENDING_ID);
  const p = transfers.words(pendingSlot);
  const q = transfers.at(pendingSlot);
  const debit = at + layout.DEBIT_ACCOUNT_ID;
  if (!isZero(words, debit) && !equal(words, debit, e, t + layout.DEBIT_ACCOUNT_ID)) {
    return TransferStatus.existsWithDifferentDebitAccountId;
  }
  const credit = at + layout.CREDIT_ACCOUNT_ID;
  if (!isZero(words, credit) && !equal(words, credit, e, t + layout.CREDIT_ACCOUNT_ID)) {
    return TransferStatus.existsWithDifferentCreditAccountId;
  }
  const amount = at + layout.AMOUNT;
  const voids = (flags & transferFlags.voidPendingTransfer) !== 0;
  const all = voids ? isZero(words, amount) : isMax(words, amount);
  const expected = all ? p : words;
  if (!equal(expected, all ? q + layout.AMOUNT : amount, e, t + layout.AMOUNT)) {
    return TransferStatus.existsWithDifferentAmount;
  }
  const data128 = layout.USER_DATA;
  const inherits128 = isZero(words, at + data128);
  if (!equal(inherits128 ? p : words, (inherits128 ? q : at) + data128, e, t + data128)) {
    return TransferStatus.existsWithDifferentUserData128;
  }
  const data64 = layout.USER_DATA_64;
  const inherits64 = words[at + data64] === 0 && words[at + data64 + 1] === 0;
  if (!sameU64(inherits64 ? p : words, (inherits64 ? q : at) + data64, e, t + data64)) {
    return TransferStatus.existsWithDifferentUserData64;
  }
  const data32 = words[at + layout.USER_DATA_32];
  if ((data32 === 0 ? p[q + layout.USER_DATA_32] : data32) !== e[t + layout.USER_DATA_32]) {
    return TransferStatus.existsWithDifferentUserData32;
  }
  const ledger = words[at + layout.LEDGER];
  if (ledger !== 0 && ledger !== e[t + layout.LEDGER]) return TransferStatus.existsWithDifferentLedger;
  const code = (words[at + layout.CODE_FLAGS] as number) & layout.CODE_MASK;
  const stored = (e[t + layout.CODE_FLAGS] as number) & layout.CODE_MASK;
  return code !== 0 && code !== stored ? TransferStatus.existsWithDifferentCode : TransferStatus.exists;
}

function sameU64(a: Uint32Array, i: number, b: Uint32Array, j: number): boolean {
  return a[i] === b[j] && a[i + 1] === b[j + 1];
}
