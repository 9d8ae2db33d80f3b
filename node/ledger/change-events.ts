/**
 * What changed, in the order of time: every transfer and every expiry, with both accounts as it left them.
 */
import { accountIn } from "./account-store.ts";
import { type Books, EXPIRY } from "./books.ts";
import type { ChangeEventsFilter } from "./filters.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { type Account, accountFlags, type Transfer, transferFlags } from "./records.ts";
import { Replay } from "./replay.ts";
import { setU64 } from "./words.ts";

export type ChangeEventType =
  | "single_phase"
  | "two_phase_pending"
  | "two_phase_posted"
  | "two_phase_voided"
  | "two_phase_expired";

export interface ChangeEvent {
  readonly type: ChangeEventType;
  /** When it happened. No two changes have the same timestamp, so the last one seen plus one resumes the stream. */
  readonly timestamp: bigint;
  readonly ledger: number;
  /** The transfer; of an expiry, the pending transfer that expired. */
  readonly transfer: Transfer;
  readonly debitAccount: Account;
  readonly creditAccount: Account;
}

/** A change that was asked for: its transfer, and its place in the order in which changes happened. */
interface Found {
  readonly timestamp: bigint;
  readonly type: ChangeEventType;
  readonly transfer: number;
  readonly place: number;
}

export class ChangeEvents {
  readonly #books: Books;
  readonly #replay: Replay;
  readonly #time = new Uint32Array(2);

  constructor(books: Books) {
    this.#books = books;
    this.#replay = new Replay(books);
  }

  /** The changes in the filter's range, oldest first; the filter must have results. */
  find(filter: ChangeEventsFilter): ChangeEvent[] {
    const found = this.#select(filter);
    const events = new Map<Found, ChangeEvent>();
    // Imported transfers are older than they happened: the order of time is not always that of places.
    for (const one of [...found].sort((a, b) => a.place - b.place)) {
      this.#replay.moveTo(one.place);
      events.set(one, this.#event(one));
    }
    return found.map((one) => events.get(one) as ChangeEvent);
  }

  /** Merges transfers and expiries by time. */
  #select({ timestampMin = 0n, timestampMax = 0n, limit }: ChangeEventsFilter): Found[] {
    const { transfers, expiries } = this.#books;
    const time = this.#time;
    setU64(time, 0, timestampMin);
    let slot = transfers.table.firstFrom(ROW.timestamp, time, 0);
    let expiry = expiries.firstFrom(EXPIRY.timestamp, time, 0);
    const found: Found[] = [];
    while (found.length < limit) {
      const transfer = slot < transfers.count ? this.#transfer(slot) : undefined;
      const expired = expiry < expiries.count ? this.#expiry(expiry) : undefined;
      const next = transfer !== undefined && !(expired && expired.timestamp < transfer.timestamp) ? transfer : expired;
      if (next === undefined || (timestampMax !== 0n && next.timestamp > timestampMax)) break;
      if (next === transfer) slot += 1;
      else expiry += 1;
      found.push(next);
    }
    return found;
  }

  #transfer(slot: number): Found {
    const { transfers } = this.#books;
    const timestamp = transfers.timestamp(slot);
    return {
      timestamp,
      type: typeOf(transfers.flags(slot)),
      transfer: slot,
      place: this.#replay.placeOfTransfer(slot),
    };
  }

  #expiry(expiry: number): Found {
    const { expiries } = this.#books;
    const timestamp = expiries.timeAt(expiry, EXPIRY.timestamp);
    const transfer = expiries.get(expiry, EXPIRY.pending);
    return { timestamp, type: "two_phase_expired", transfer, place: this.#replay.placeOfExpiry(expiry) };
  }

  /** The change that the replay has just carried out. */
  #event({ timestamp, type, transfer }: Found): ChangeEvent {
    const { transfers } = this.#books;
    const { rows } = this.#replay;
    const ledger = transfers.get(transfer, ROW.ledger);
    const debitAccount = accountAfter(rows, transfers.get(transfer, ROW.debit));
    const creditAccount = accountAfter(rows, transfers.get(transfer, ROW.credit));
    return { type, timestamp, ledger, transfer: transfers.transfer(transfer), debitAccount, creditAccount };
  }
}

/** An account as a change left it. Freezing is no change of the ledger's, and not among what is replayed. */
function accountAfter(rows: Uint32Array, slot: number): Account {
  const account = accountIn(rows, slot * layout.RECORD_WORDS);
  return { ...account, flags: account.flags & ~accountFlags.frozen };
}

function typeOf(flags: number): ChangeEventType {
  if ((flags & transferFlags.pending) !== 0) return "two_phase_pending";
  if ((flags & transferFlags.postPendingTransfer) !== 0) return "two_phase_posted";
  return (flags & transferFlags.voidPendingTransfer) !== 0 ? "two_phase_voided" : "single_phase";
}
