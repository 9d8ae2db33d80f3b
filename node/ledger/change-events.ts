/**
 * What changed, in the order in which it happened: every transfer and every expiry, with both accounts as it left them.
 *
 * A change has a place in that order, the same on every node and for ever, and whoever reads on from a place misses
 * nothing. Timestamps would not do: an imported transfer bears one of the past, which may lie before an expiry that was
 * there first.
 */
import { type Books, EXPIRY } from "./books.ts";
import type { ChangeEventsFilter } from "./filters.ts";
import { ROW } from "./layout.ts";
import type { Bounds } from "./queries.ts";
import { type Account, accountFlags, type Transfer, transferFlags } from "./records.ts";
import { Replay } from "./replay.ts";
import { setU64 } from "./words.ts";

/** By the numbers that stand for them on the wire. */
export const CHANGE_TYPES = [
  "single_phase",
  "two_phase_pending",
  "two_phase_posted",
  "two_phase_voided",
  "two_phase_expired",
] as const;
export type ChangeEventType = (typeof CHANGE_TYPES)[number];

export interface ChangeEvent {
  readonly type: ChangeEventType;
  /** When it happened. No two changes have the same timestamp. */
  readonly timestamp: bigint;
  /** How many changes there were with this one: whoever has seen it goes on from here. */
  readonly cursor: bigint;
  readonly ledger: number;
  /** The transfer; of an expiry, the pending transfer that expired. */
  readonly transfer: Transfer;
  readonly debitAccount: Account;
  readonly creditAccount: Account;
}

export interface ChangeEventPage {
  readonly events: readonly ChangeEvent[];
  /** Where the next page begins; never before the cursor that was asked for. */
  readonly next: bigint;
  /** Whether there is more that was not looked at. */
  readonly more: boolean;
}

/** A place in the order of changes: how many transfers and how many expiries come before it. */
interface Place {
  transfer: number;
  expiry: number;
}

export class ChangeEvents {
  readonly #books: Books;
  readonly #replay: Replay;
  readonly #time = new Uint32Array(2);
  #placesRead = 0;

  constructor(books: Books) {
    this.#books = books;
    this.#replay = new Replay(books);
  }

  /** Rows that all pages, and all ways to them, have gone through. */
  get rowsRead(): number {
    return this.#placesRead + this.#replay.rowsRead;
  }

  /** How many changes there are. */
  get count(): number {
    return this.#books.transfers.count + this.#books.expiries.count;
  }

  /** Goes at most so many steps towards where a page begins; true when it can be read. */
  seek(filter: ChangeEventsFilter, stepsMax: number): boolean {
    const { from, end } = this.#range(filter);
    return from >= end || this.#replay.moveTowards(from, stepsMax);
  }

  /** The changes that a filter finds, within bounds; the filter must have results. */
  page(filter: ChangeEventsFilter, { triesMax, authority }: Bounds): ChangeEventPage {
    const { from, end, first, last } = this.#range(filter);
    const events: ChangeEvent[] = [];
    const place = this.#placeAt(from);
    let at = from;
    for (; at < end && events.length < filter.limit && at - from < triesMax; at++) {
      const expired = this.#isExpiry(place);
      const inRange = expired
        ? place.expiry >= first.expiry && place.expiry < last.expiry
        : place.transfer >= first.transfer && place.transfer < last.transfer;
      if (inRange && this.#concerns(place, authority)) events.push(this.#event(place, at));
      if (expired) place.expiry += 1;
      else place.transfer += 1;
    }
    this.#placesRead += at - from;
    const asked = filter.cursor ?? 0n;
    return { events, next: asked > BigInt(at) ? asked : BigInt(at), more: at < end };
  }

  /** Places [from, end) hold all that can be found; among them, transfers and expiries from `first` up to `last`. */
  #range({ cursor = 0n, timestampMin = 0n, timestampMax = 0n }: ChangeEventsFilter): Range {
    const { transfers, expiries } = this.#books;
    const first = this.#firstFrom(timestampMin);
    const last =
      timestampMax === 0n ? { transfer: transfers.count, expiry: expiries.count } : this.#firstFrom(timestampMax + 1n);
    const { from, end } = this.#placesOf(first, last);
    const begin = cursor > BigInt(this.count) ? this.count : Number(cursor);
    return { from: Math.max(from, begin), end, first, last };
  }

  #placesOf(first: Place, last: Place): { readonly from: number; readonly end: number } {
    const begins: number[] = [];
    const ends: number[] = [];
    if (first.transfer < last.transfer) {
      begins.push(this.#placeOfTransfer(first.transfer));
      ends.push(this.#placeOfTransfer(last.transfer - 1) + 1);
    }
    if (first.expiry < last.expiry) {
      begins.push(this.#placeOfExpiry(first.expiry));
      ends.push(this.#placeOfExpiry(last.expiry - 1) + 1);
    }
    return { from: begins.length === 0 ? this.count : Math.min(...begins), end: Math.max(0, ...ends) };
  }

  /** The first transfer and the first expiry at a time or after it: the timestamps of each only rise. */
  #firstFrom(timestamp: bigint): Place {
    const { transfers, expiries } = this.#books;
    setU64(this.#time, 0, timestamp);
    return {
      transfer: transfers.table.firstFrom(ROW.timestamp, this.#time, 0),
      expiry: expiries.firstFrom(EXPIRY.timestamp, this.#time, 0),
    };
  }

  #placeOfTransfer(slot: number): number {
    const { expiries } = this.#books;
    const before = expiries.search(0, expiries.count, (expiry) => expiries.get(expiry, EXPIRY.transfersBefore) > slot);
    return slot + before;
  }

  #placeOfExpiry(expiry: number): number {
    return expiry + this.#books.expiries.get(expiry, EXPIRY.transfersBefore);
  }

  #placeAt(at: number): Place {
    const { expiries } = this.#books;
    const expiry = expiries.search(0, expiries.count, (one) => this.#placeOfExpiry(one) >= at);
    return { transfer: at - expiry, expiry };
  }

  #isExpiry({ transfer, expiry }: Place): boolean {
    const { expiries } = this.#books;
    return expiry < expiries.count && expiries.get(expiry, EXPIRY.transfersBefore) <= transfer;
  }

  /** The slot of the transfer that a change is about. */
  #transferAt(place: Place): number {
    return this.#isExpiry(place) ? this.#books.expiries.get(place.expiry, EXPIRY.pending) : place.transfer;
  }

  #concerns(place: Place, authority: number | undefined): boolean {
    if (authority === undefined) return true;
    const { transfers, accounts } = this.#books;
    const slot = this.#transferAt(place);
    const of = (column: number): number => accounts.authority(transfers.get(slot, column));
    return of(ROW.debit) === authority || of(ROW.credit) === authority;
  }

  #event(place: Place, at: number): ChangeEvent {
    const { transfers, expiries } = this.#books;
    const replay = this.#replay;
    replay.moveTo(at + 1);
    const expired = this.#isExpiry(place);
    const slot = this.#transferAt(place);
    return {
      type: expired ? "two_phase_expired" : typeOf(transfers.flags(slot)),
      timestamp: expired ? expiries.timeAt(place.expiry, EXPIRY.timestamp) : transfers.timestamp(slot),
      cursor: BigInt(at + 1),
      ledger: transfers.get(slot, ROW.ledger),
      transfer: transfers.transfer(slot),
      debitAccount: thawed(replay.account(transfers.get(slot, ROW.debit))),
      creditAccount: thawed(replay.account(transfers.get(slot, ROW.credit))),
    };
  }
}

interface Range {
  readonly from: number;
  readonly end: number;
  readonly first: Place;
  readonly last: Place;
}

/** Freezing is no change of the ledger's, and not among what is replayed. */
function thawed(account: Account): Account {
  return { ...account, flags: account.flags & ~accountFlags.frozen };
}

function typeOf(flags: number): ChangeEventType {
  if ((flags & transferFlags.pending) !== 0) return "two_phase_pending";
  if ((flags & transferFlags.postPendingTransfer) !== 0) return "two_phase_posted";
  return (flags & transferFlags.voidPendingTransfer) !== 0 ? "two_phase_voided" : "single_phase";
}
