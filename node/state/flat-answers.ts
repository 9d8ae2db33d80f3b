/**
 * Balances and change events as they travel, little-endian; accounts and transfers in them are records of 128 bytes.
 *
 *     balance  debits_pending 0 | debits_posted 16 | credits_pending 32 | credits_posted 48 | timestamp 64 | zeros 72
 *     head     cursor 0 | timestamp 8 | type 16 | hidden 17 | zeros 18
 *
 * Balances have 128 bytes as in TigerBeetle, heads 24: one a change, beside its transfer and both its accounts.
 */
import { readU128, viewOf, writeU128 } from "../base/bytes.ts";
import { RECORD_BYTES } from "../base/limits.ts";
import { CHANGE_TYPES, type ChangeEvent } from "../ledger/change-events.ts";
import type { AccountBalance } from "../ledger/history.ts";
import {
  type Account,
  type AccountInput,
  decodeAccounts,
  decodeTransfers,
  encodeAccounts,
  encodeTransfers,
} from "../ledger/records.ts";
import { WireError } from "../wire/msgpack.ts";

const HEAD_BYTES = 24;
const DEBIT_HIDDEN = 1;
const CREDIT_HIDDEN = 2;
const HIDDEN: AccountInput = { id: 0n };

/** Changes as columns, all of one length. */
export interface FlatChanges {
  readonly heads: Uint8Array;
  readonly transfers: Uint8Array;
  /** Of an account that the reader may not see there are zeros. */
  readonly debitAccounts: Uint8Array;
  readonly creditAccounts: Uint8Array;
}

/** A change as its reader may see it: an account that is not the reader's is left out; the transfer has its id. */
export interface SeenChangeEvent extends Omit<ChangeEvent, "debitAccount" | "creditAccount"> {
  readonly debitAccount?: Account;
  readonly creditAccount?: Account;
}

export function encodeBalances(balances: readonly AccountBalance[]): Uint8Array {
  const bytes = new Uint8Array(balances.length * RECORD_BYTES);
  const view = viewOf(bytes);
  balances.forEach((balance, index) => {
    const at = index * RECORD_BYTES;
    writeU128(view, at, balance.debitsPending);
    writeU128(view, at + 16, balance.debitsPosted);
    writeU128(view, at + 32, balance.creditsPending);
    writeU128(view, at + 48, balance.creditsPosted);
    view.setBigUint64(at + 64, balance.timestamp, true);
  });
  return bytes;
}

/** The balances in an answer; throws `WireError`. */
export function decodeBalances(bytes: Uint8Array): AccountBalance[] {
  const view = viewOf(bytes);
  return Array.from({ length: countOf(bytes, RECORD_BYTES) }, (_, index) => {
    const at = index * RECORD_BYTES;
    return {
      debitsPending: readU128(view, at),
      debitsPosted: readU128(view, at + 16),
      creditsPending: readU128(view, at + 32),
      creditsPosted: readU128(view, at + 48),
      timestamp: view.getBigUint64(at + 64, true),
    };
  });
}

/** `shows` says whether the reader may see an account. */
export function encodeChanges(events: readonly ChangeEvent[], shows: (id: bigint) => boolean): FlatChanges {
  const heads = new Uint8Array(events.length * HEAD_BYTES);
  const view = viewOf(heads);
  const debits: AccountInput[] = [];
  const credits: AccountInput[] = [];
  events.forEach(({ cursor, timestamp, type, debitAccount, creditAccount }, index) => {
    const at = index * HEAD_BYTES;
    const showsDebit = shows(debitAccount.id);
    const showsCredit = shows(creditAccount.id);
    view.setBigUint64(at, cursor, true);
    view.setBigUint64(at + 8, timestamp, true);
    view.setUint8(at + 16, CHANGE_TYPES.indexOf(type));
    view.setUint8(at + 17, (showsDebit ? 0 : DEBIT_HIDDEN) | (showsCredit ? 0 : CREDIT_HIDDEN));
    debits.push(showsDebit ? debitAccount : HIDDEN);
    credits.push(showsCredit ? creditAccount : HIDDEN);
  });
  return {
    heads,
    transfers: encodeTransfers(events.map(({ transfer }) => transfer)),
    debitAccounts: encodeAccounts(debits),
    creditAccounts: encodeAccounts(credits),
  };
}

/** The changes in an answer; throws `WireError`. */
export function decodeChanges(flat: FlatChanges): SeenChangeEvent[] {
  const count = countOf(flat.heads, HEAD_BYTES);
  for (const column of [flat.transfers, flat.debitAccounts, flat.creditAccounts]) {
    if (countOf(column, RECORD_BYTES) !== count) throw malformed();
  }
  const transfers = decodeTransfers(flat.transfers);
  const debits = decodeAccounts(flat.debitAccounts);
  const credits = decodeAccounts(flat.creditAccounts);
  const view = viewOf(flat.heads);
  return transfers.map((transfer, index) => {
    const at = index * HEAD_BYTES;
    const type = CHANGE_TYPES[view.getUint8(at + 16)];
    const hidden = view.getUint8(at + 17);
    if (type === undefined) throw malformed();
    const debitAccount = (hidden & DEBIT_HIDDEN) === 0 ? debits[index] : undefined;
    const creditAccount = (hidden & CREDIT_HIDDEN) === 0 ? credits[index] : undefined;
    return {
      ...{ type, timestamp: view.getBigUint64(at + 8, true), cursor: view.getBigUint64(at, true) },
      ...{ ledger: transfer.ledger, transfer },
      ...(debitAccount === undefined ? {} : { debitAccount }),
      ...(creditAccount === undefined ? {} : { creditAccount }),
    };
  });
}

function countOf(bytes: unknown, width: number): number {
  if (!(bytes instanceof Uint8Array) || bytes.length % width !== 0) throw malformed();
  return bytes.length / width;
}

function malformed(): WireError {
  return new WireError("malformed_frame", "the node's answer does not hold what it should");
}
