/**
 * The accounts as they were after any change of the past: a copy of their rows that walks along the transfers and
 * expiries, forth and back. It stays where it was left, so whoever reads change after change pays for each step once.
 */
import type { AccountStore } from "./account-store.ts";
import { type Books, EXPIRY } from "./books.ts";
import * as layout from "./layout.ts";
import { accountFlags } from "./records.ts";

const CLOSED: number = accountFlags.closed << layout.FLAGS_SHIFT;

export class Replay {
  readonly #books: Books;
  /** As after `#transfers` transfers and `#expiries` expiries. */
  #rows: Uint32Array = new Uint32Array(0);
  #accounts = 0;
  #transfers = 0;
  #expiries = 0;

  constructor(books: Books) {
    this.#books = books;
  }

  /** The rows of all accounts, as they were at the position. */
  get rows(): Uint32Array {
    return this.#rows;
  }

  /** How many changes, in the order in which they happened, are carried out. */
  get position(): number {
    return this.#transfers + this.#expiries;
  }

  /** The place of a transfer among all changes. */
  placeOfTransfer(slot: number): number {
    const { expiries } = this.#books;
    const before = expiries.search(0, expiries.count, (expiry) => expiries.get(expiry, EXPIRY.transfersBefore) > slot);
    return slot + before;
  }

  /** The place of an expiry among all changes. */
  placeOfExpiry(expiry: number): number {
    return expiry + this.#books.expiries.get(expiry, EXPIRY.transfersBefore);
  }

  /** Goes to just after the change at `place`, from wherever is nearest: here, the beginning, or now. */
  moveTo(place: number): void {
    const { transfers, expiries } = this.#books;
    const position = place + 1;
    const now = transfers.count + expiries.count;
    const fromHere = Math.abs(position - this.position);
    const nearest = Math.min(fromHere, position, now - position);
    if (nearest === now - position) this.#jumpToNow();
    else if (nearest < fromHere) this.#jumpToStart();
    this.#addAccounts();
    while (this.position < position) this.#stepForth();
    while (this.position > position) this.#stepBack();
  }

  #jumpToNow(): void {
    const { accounts, transfers, expiries } = this.#books;
    this.#rows = accounts.rows.slice(0, accounts.count * layout.RECORD_WORDS);
    this.#accounts = accounts.count;
    this.#transfers = transfers.count;
    this.#expiries = expiries.count;
  }

  #jumpToStart(): void {
    this.#accounts = 0;
    this.#transfers = 0;
    this.#expiries = 0;
  }

  /** Accounts that are new here have no change behind them. */
  #addAccounts(): void {
    const { accounts } = this.#books;
    if (accounts.count * layout.RECORD_WORDS > this.#rows.length) {
      const larger = new Uint32Array(accounts.rows.length);
      larger.set(this.#rows);
      this.#rows = larger;
    }
    for (; this.#accounts < accounts.count; this.#accounts++) copyUntouched(accounts, this.#accounts, this.#rows);
  }

  #stepForth(): void {
    const { expiries, moves } = this.#books;
    const expiry = this.#expiries;
    if (expiry < expiries.count && expiries.get(expiry, EXPIRY.transfersBefore) <= this.#transfers) {
      moves.expire(this.#rows, expiries.get(expiry, EXPIRY.pending));
      this.#expiries += 1;
    } else {
      moves.carryOut(this.#rows, this.#transfers);
      this.#transfers += 1;
    }
  }

  #stepBack(): void {
    const { expiries, moves } = this.#books;
    const expiry = this.#expiries - 1;
    if (expiry >= 0 && expiries.get(expiry, EXPIRY.transfersBefore) >= this.#transfers) {
      moves.unexpire(this.#rows, expiries.get(expiry, EXPIRY.pending));
      this.#expiries -= 1;
    } else {
      this.#transfers -= 1;
      moves.takeBack(this.#rows, this.#transfers);
    }
  }
}

/** An account as it was before its first transfer; one that was closed then has none. */
function copyUntouched(accounts: AccountStore, slot: number, to: Uint32Array): void {
  const row = slot * layout.RECORD_WORDS;
  for (let word = 0; word < layout.RECORD_WORDS; word++) to[row + word] = accounts.rows[row + word] as number;
  to.fill(0, row + layout.DEBITS_PENDING, row + layout.DEBITS_PENDING + layout.BALANCE_WORDS);
  to[row + layout.CODE_FLAGS] = (to[row + layout.CODE_FLAGS] as number) & ~CLOSED;
}
