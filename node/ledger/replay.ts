/**
 * The balances of all accounts after any change of the past: a copy that walks along the transfers and expiries, forth
 * and back. It stays where it was left, so whoever reads change after change pays for each step once; and on its way it
 * leaves marks, copies from which it sets out again when somebody asks for what lies near them.
 */
import { balancesIn } from "./account-store.ts";
import { type Books, EXPIRY } from "./books.ts";
import * as layout from "./layout.ts";
import { type Account, accountFlags } from "./records.ts";

/** Changes between two marks at first; twice as many each time that the marks take up too much. */
const MARK_EVERY = 32_768;
const MARKS_BYTES_MAX = 67_108_864;
/** With more accounts than fit in this, a mark would take longer to write than it saves. */
const MARK_BYTES_MAX = 8_388_608;

/** Balances after so many transfers and so many expiries. */
interface Stand {
  readonly rows: Uint32Array;
  readonly transfers: number;
  readonly expiries: number;
}

export class Replay {
  readonly #books: Books;
  /** Of an account's row only the balances, and whether it is closed. An account without a change is all zeros. */
  #rows: Uint32Array = new Uint32Array(0);
  #transfers = 0;
  #expiries = 0;
  /** By their position. */
  readonly #marks = new Map<number, Stand>();
  #markEvery = MARK_EVERY;
  #rowsRead = 0;

  constructor(books: Books) {
    this.#books = books;
  }

  /** How many changes, in the order in which they happened, are carried out. */
  get position(): number {
    return this.#transfers + this.#expiries;
  }

  /** Changes that were carried out or taken back, and accounts that were copied to set out from somewhere. */
  get rowsRead(): number {
    return this.#rowsRead;
  }

  /** An account as it was at the position. */
  account(slot: number): Account {
    const rows = this.#rows;
    const row = slot * layout.RECORD_WORDS;
    const closed = (rows[row + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
    const now = this.#books.accounts.account(slot);
    return {
      ...now,
      ...balancesIn(rows, row),
      flags: (now.flags & ~accountFlags.closed) | (closed & accountFlags.closed),
    };
  }

  /** Goes to a position. */
  moveTo(position: number): void {
    while (!this.moveTowards(position, MARK_EVERY));
  }

  /** Goes at most so many steps towards a position, from wherever is nearest: here, a mark, the beginning, or now. */
  moveTowards(position: number, stepsMax: number): boolean {
    this.#makeRoom();
    this.#setOut(position);
    for (let steps = 0; this.position !== position; steps++) {
      if (steps === stepsMax) return false;
      this.#rowsRead += 1;
      if (this.position < position) this.#stepForth();
      else this.#stepBack();
      if (this.position % this.#markEvery === 0) this.#mark();
    }
    return true;
  }

  #setOut(position: number): void {
    const { accounts, transfers, expiries } = this.#books;
    const now = transfers.count + expiries.count - position;
    let nearest = Math.abs(position - this.position);
    let mark: Stand | undefined;
    const near = Math.floor(position / this.#markEvery) * this.#markEvery;
    for (const candidate of [this.#marks.get(near), this.#marks.get(near + this.#markEvery)]) {
      if (candidate === undefined) continue;
      const distance = Math.abs(position - candidate.transfers - candidate.expiries);
      if (distance >= nearest) continue;
      nearest = distance;
      mark = candidate;
    }
    if (now < nearest && now <= position) {
      const rows = accounts.rows.subarray(0, accounts.count * layout.RECORD_WORDS);
      this.#standAt({ rows, transfers: transfers.count, expiries: expiries.count });
    } else if (position < nearest) {
      this.#standAt({ rows: new Uint32Array(0), transfers: 0, expiries: 0 });
    } else if (mark !== undefined) this.#standAt(mark);
  }

  /** Copies into the rows that are there: new ones would cost more than their contents. */
  #standAt({ rows, transfers, expiries }: Stand): void {
    this.#rowsRead += this.#rows.length / layout.RECORD_WORDS;
    this.#rows.set(rows);
    this.#rows.fill(0, rows.length);
    this.#transfers = transfers;
    this.#expiries = expiries;
  }

  /** Accounts that are new here have no change behind them. */
  #makeRoom(): void {
    const { accounts } = this.#books;
    if (accounts.count * layout.RECORD_WORDS <= this.#rows.length) return;
    const larger = new Uint32Array(accounts.rows.length);
    larger.set(this.#rows);
    this.#rows = larger;
  }

  #mark(): void {
    const { position } = this;
    const words = this.#books.accounts.count * layout.RECORD_WORDS;
    if (position === 0 || words * 4 > MARK_BYTES_MAX || this.#marks.has(position)) return;
    const rows = this.#rows.slice(0, words);
    this.#marks.set(position, { rows, transfers: this.#transfers, expiries: this.#expiries });
    let total = 0;
    for (const mark of this.#marks.values()) total += mark.rows.byteLength;
    if (total <= MARKS_BYTES_MAX) return;
    this.#markEvery *= 2;
    for (const at of this.#marks.keys()) if (at % this.#markEvery !== 0) this.#marks.delete(at);
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
