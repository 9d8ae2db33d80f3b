/** Ledgers that execute batches of transfers wrongly. */
import { viewOf } from "../../node/base/bytes.ts";
import type { AccountStore } from "../../node/ledger/account-store.ts";
import type { DebitAllowance } from "../../node/ledger/debit-allowance.ts";
import { CODE_FLAGS, FLAGS_SHIFT, RECORD_WORDS } from "../../node/ledger/layout.ts";
import type { Ledger } from "../../node/ledger/ledger.ts";
import {
  accountFlags,
  decodeTransfers,
  encodeTransfers,
  type Transfer,
  transferFlags,
} from "../../node/ledger/records.ts";
import { TransferStatus } from "../../node/ledger/status.ts";
import { fromBigInt } from "../../node/ledger/words.ts";
import { componentOf } from "./plants.ts";

const RESULT_BYTES = 16;
const STATUS_OFFSET = 8;
const CLOSED = accountFlags.closed << FLAGS_SHIFT;
const { linked, balancingDebit, balancingCredit, closingDebit, closingCredit, voidPendingTransfer } = transferFlags;
const BOTH_ENDS = balancingDebit | balancingCredit;
const { created, exceedsCredits, exceedsDebits, linkedEventFailed, linkedEventChainOpen } = TransferStatus;

/** `createTransfers` with flat records. */
export type FlatCall = (batch: Uint8Array, timestamp: bigint, by?: number | DebitAllowance) => Uint8Array;

/** Of two accounts whose limits a transfer exceeds, the credited one is named, though the debited one comes first. */
export function namesTheOtherLimit(ledger: Ledger): void {
  onTransfers(ledger, (create, transfers) => {
    const results = create(transfers);
    forEachStatus(results, (status, at) => {
      const { creditAccountId, amount } = transfers[at] as Transfer;
      const account = status === exceedsCredits ? ledger.lookupAccount(creditAccountId) : undefined;
      if (account === undefined || (account.flags & accountFlags.creditsMustNotExceedDebits) === 0) return;
      const credits = account.creditsPending + account.creditsPosted + amount;
      if (credits > account.debitsPosted) setStatus(results, at, exceedsDebits);
    });
    return results;
  });
}

/** A chain that breaks is answered as one, but what it has moved before stays moved. */
export function keepsBrokenChains(ledger: Ledger): void {
  onTransfers(ledger, (create, transfers) => {
    const results = create(transfers.map((transfer) => ({ ...transfer, flags: transfer.flags & ~linked })));
    const statuses: number[] = [];
    forEachStatus(results, (status) => statuses.push(status));
    for (let first = 0; first < transfers.length; ) {
      let last = first;
      while (last < transfers.length - 1 && isLinked(transfers[last])) last += 1;
      const isOpen = isLinked(transfers[last]);
      const failed = isOpen
        ? last
        : statuses.findIndex((status, at) => at >= first && at <= last && status !== created);
      if (failed >= 0) {
        for (let at = first; at <= last; at++) if (at !== failed) setStatus(results, at, linkedEventFailed);
        if (isOpen) setStatus(results, last, linkedEventChainOpen);
      }
      first = last + 1;
    }
    return results;
  });
}

/** Of a transfer that takes no more than there is on the one side, nor than fits on the other, only the first is heeded. */
export function balancesOneEnd(ledger: Ledger): void {
  onTransfers(ledger, (create, transfers) =>
    create(
      transfers.map((transfer) => {
        const both = (transfer.flags & BOTH_ENDS) === BOTH_ENDS;
        return both ? { ...transfer, flags: transfer.flags & ~balancingCredit } : transfer;
      }),
    ),
  );
}

/** An account that a hold has closed stays closed when the hold is voided. */
export function leavesAccountsClosed(ledger: Ledger): void {
  const accounts = componentOf(ledger, "accounts") as AccountStore;
  const close = (id: bigint): void => {
    const words = new Uint32Array(4);
    fromBigInt(id, words, 0);
    const slot = accounts.find(words, 0);
    const place = slot * RECORD_WORDS + CODE_FLAGS;
    accounts.rows[place] = (accounts.rows[place] as number) | CLOSED;
    accounts.touch(slot);
  };
  onTransfers(ledger, (create, transfers) => {
    const results = create(transfers);
    forEachStatus(results, (status, at) => {
      const { flags, pendingId } = transfers[at] as Transfer;
      if (status !== created || (flags & voidPendingTransfer) === 0) return;
      const hold = ledger.lookupTransfer(pendingId);
      if (hold === undefined) return;
      if ((hold.flags & closingDebit) !== 0) close(hold.debitAccountId);
      if ((hold.flags & closingCredit) !== 0) close(hold.creditAccountId);
    });
    return results;
  });
}

/** Puts something between whoever makes transfers and the ledger. */
function onTransfers(
  ledger: Ledger,
  change: (create: (transfers: readonly Transfer[]) => Uint8Array, transfers: readonly Transfer[]) => Uint8Array,
): void {
  const sound = ledger.createTransfers.bind(ledger) as FlatCall;
  const broken: FlatCall = (batch, timestamp, by) =>
    change((transfers) => sound(encodeTransfers(transfers), timestamp, by), decodeTransfers(batch));
  ledger.createTransfers = broken as Ledger["createTransfers"];
}

function forEachStatus(results: Uint8Array, see: (status: number, at: number) => void): void {
  const view = viewOf(results);
  for (let at = 0; at < results.length / RESULT_BYTES; at++)
    see(view.getUint32(at * RESULT_BYTES + STATUS_OFFSET, true), at);
}

function setStatus(results: Uint8Array, at: number, status: number): void {
  viewOf(results).setUint32(at * RESULT_BYTES + STATUS_OFFSET, status, true);
}

function isLinked(transfer: Transfer | undefined): boolean {
  return transfer !== undefined && (transfer.flags & linked) !== 0;
}
