/**
 * The state of the ledger: its stores, what is due to expire, and the marks to which a failed chain goes back.
 */
import { assert } from "../base/assert.ts";
import { AccountStore } from "./account-store.ts";
import { BurnedIds } from "./burned-ids.ts";
import { Effects } from "./effects.ts";
import { ExpiryQueue } from "./expiry-queue.ts";
import { History } from "./history.ts";
import { ROW } from "./layout.ts";
import { Moves, setFrozen } from "./moves.ts";
import { EXPIRED, NONE, PENDING } from "./pending-statuses.ts";
import { accountFlags } from "./records.ts";
import { RowTable } from "./row-table.ts";
import { TransferStore } from "./transfer-store.ts";
import { addSeconds, compare64 } from "./words.ts";

/** Columns of an expiry: its timestamp, the slot of the pending transfer, and how many transfers were there before. */
export const EXPIRY = { timestamp: 0, pending: 2, transfersBefore: 3 } as const;
const EXPIRY_WORDS = 4;

interface ChainStart {
  readonly accounts: number;
  readonly transfers: number;
  readonly history: number;
}

export class Books {
  readonly accounts: AccountStore = new AccountStore();
  readonly transfers: TransferStore;
  readonly burned: BurnedIds = new BurnedIds();
  readonly history: History;
  /** Pending transfers that ran out of time, as they did. */
  readonly expiries: RowTable;
  readonly effects: Effects;
  readonly moves: Moves;
  readonly #queue = new ExpiryQueue();
  readonly #time = new Uint32Array(4);
  #chain: ChainStart | undefined;
  /**
   * Pending transfers of the chain so far. Their timeouts are watched when it is committed: an undone one's slot is soon
   * another's, whose own timeout may end at the same moment, and who is watched twice expires twice.
   */
  readonly #held: number[] = [];

  constructor(segmentRows: number) {
    this.transfers = new TransferStore(this.accounts, segmentRows);
    this.history = new History(this.accounts, segmentRows);
    this.expiries = new RowTable({ name: "expiries", width: EXPIRY_WORDS, segmentRows });
    this.effects = new Effects(this.accounts);
    this.moves = new Moves(this.transfers.table);
  }

  /** From here on all may be undone, until `commitChain`. */
  beginChain(): void {
    const { accounts, transfers, history } = this;
    this.#chain = { accounts: accounts.count, transfers: transfers.count, history: history.table.count };
  }

  commitChain(): void {
    const { statuses } = this.transfers;
    // One that was resolved in the same chain never expires.
    for (const slot of this.#held) if (statuses.get(slot) === PENDING) this.#watch(slot);
    this.#held.length = 0;
    this.#chain = undefined;
  }

  /** Everything is again as it was at `beginChain`; burned ids stay burned. */
  undoChain(): void {
    const chain = this.#chain;
    assert(chain !== undefined, "there is no chain to undo");
    for (let slot = this.transfers.count - 1; slot >= chain.transfers; slot--) this.#undo(slot);
    this.transfers.truncate(chain.transfers);
    this.history.table.truncate(chain.history);
    this.accounts.truncate(chain.accounts);
    this.#held.length = 0;
    this.#chain = undefined;
  }

  /** Notes what the newest transfer has done to its accounts. */
  moved(debit: number, credit: number): void {
    this.#touch(debit);
    this.#touch(credit);
    const { accounts, history } = this;
    const transfer = this.transfers.count - 1;
    if ((accounts.flags(debit) & accountFlags.history) !== 0) history.record(transfer, debit);
    if ((accounts.flags(credit) & accountFlags.history) !== 0) history.record(transfer, credit);
  }

  /** Marks a new transfer as pending, and watches its timeout. */
  hold(slot: number): void {
    this.transfers.statuses.set(slot, PENDING);
    if (this.#chain === undefined) this.#watch(slot);
    else this.#held.push(slot);
  }

  /** When a pending transfer expires, nanoseconds of log time, into `to`; false for one without timeout. */
  expiryOf(slot: number, to: Uint32Array, at: number): boolean {
    const { table } = this.transfers;
    const timeout = table.get(slot, ROW.timeout);
    if (timeout === 0) return false;
    table.copy(slot, ROW.timestamp, 2, to, at);
    return addSeconds(to, at, timeout, to, at);
  }

  /** Puts the time of the next expiry into `to` and returns its transfer's slot; -1 for none. */
  nextExpiring(to: Uint32Array, at: number): number {
    const { statuses } = this.transfers;
    for (; this.#queue.count > 0; this.#queue.pop()) {
      const { slot } = this.#queue;
      if (statuses.get(slot) !== PENDING) continue;
      this.#queue.copyTime(to, at);
      return slot;
    }
    return -1;
  }

  /** Takes out pending transfers that expire by a time, in order, at most `limit`: they must now expire. */
  takeExpiring(time: Uint32Array, at: number, limit: number): number[] {
    const slots: number[] = [];
    const next = new Uint32Array(2);
    while (slots.length < limit) {
      const slot = this.nextExpiring(next, 0);
      if (slot < 0 || compare64(next, 0, time, at) > 0) break;
      this.#queue.pop();
      slots.push(slot);
    }
    return slots;
  }

  /** Ends a pending transfer at a time. */
  expire(slot: number, time: Uint32Array, at: number): void {
    const { accounts, transfers, expiries } = this;
    assert(transfers.statuses.get(slot) === PENDING, "a transfer expires that is not pending");
    this.moves.expire(accounts.rows, slot);
    transfers.statuses.set(slot, EXPIRED);
    this.#touch(transfers.get(slot, ROW.debit));
    this.#touch(transfers.get(slot, ROW.credit));
    const row = expiries.push();
    expiries.tail[row + EXPIRY.timestamp] = time[at] as number;
    expiries.tail[row + EXPIRY.timestamp + 1] = time[at + 1] as number;
    expiries.tail[row + EXPIRY.pending] = slot;
    expiries.tail[row + EXPIRY.transfersBefore] = transfers.count;
  }

  /** Freezes an account, or thaws it. */
  freeze(slot: number, frozen: boolean): void {
    setFrozen(this.accounts.rows, slot, frozen);
    this.#touch(slot);
  }

  /** Packs what has become old; between batches, when nothing can be undone any more. */
  seal(): void {
    this.transfers.seal();
    this.history.table.sealAll();
    this.expiries.sealAll();
  }

  /** The latest timestamp of anything that is kept. */
  newestTimestamp(): bigint {
    const { accounts, transfers, expiries } = this;
    const newest: bigint[] = [0n];
    if (accounts.count > 0) newest.push(accounts.timestamp(accounts.count - 1));
    if (transfers.count > 0) newest.push(transfers.timestamp(transfers.count - 1));
    if (expiries.count > 0) newest.push(expiries.timeAt(expiries.count - 1, EXPIRY.timestamp));
    return newest.reduce((a, b) => (a > b ? a : b));
  }

  /** After all pages came back. */
  restored(): void {
    this.transfers.restored();
    this.transfers.statuses.forEachPending((slot) => this.#watch(slot));
  }

  #watch(slot: number): void {
    if (this.expiryOf(slot, this.#time, 0)) this.#queue.push(this.#time, 0, slot);
  }

  #touch(slot: number): void {
    this.accounts.touch(slot);
    this.effects.touch(slot);
  }

  #undo(slot: number): void {
    const { accounts, transfers, moves } = this;
    moves.takeBack(accounts.rows, slot);
    const pending = transfers.get(slot, ROW.pending);
    if (pending !== 0) transfers.statuses.set(pending - 1, PENDING);
    else if (transfers.statuses.get(slot) !== NONE) transfers.statuses.set(slot, NONE);
  }
}
