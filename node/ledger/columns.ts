/**
 * The state of the ledger: its stores, and the journal that can take a linked chain back.
 */
import { assert } from "../base/assert.ts";
import { DeadlineHeap } from "../base/heap.ts";
import { AccountStore } from "./account-store.ts";
import { BurnedIds } from "./burned-ids.ts";
import { Effects } from "./effects.ts";
import * as layout from "./layout.ts";
import { type PendingStatus, TransferStore } from "./transfer-store.ts";

const NS_PER_SECOND = 1_000_000_000n;
/** Words of an account in the journal: slot, code and flags, newest transfer, balances. */
const SAVED_WORDS: number = 3 + layout.BALANCE_WORDS;

interface ChainStart {
  readonly accounts: number;
  readonly transfers: number;
  readonly effects: number;
}

export class Columns {
  readonly accounts: AccountStore = new AccountStore();
  readonly transfers: TransferStore = new TransferStore();
  readonly burned: BurnedIds = new BurnedIds();
  readonly effects: Effects = new Effects();
  /** Pending transfers with a timeout, by expiry, then by creation; entries of resolved ones are skipped. */
  readonly #expiries = new DeadlineHeap();
  #chain: ChainStart | undefined;
  #saved = new Uint32Array(64 * SAVED_WORDS);
  #savedLength = 0;
  #savedStatuses: { readonly slot: number; readonly status: PendingStatus }[] = [];

  /** From here on everything is noted, until `commitChain` or `undoChain`. */
  beginChain(): void {
    const { accounts, transfers, effects } = this;
    this.#chain = { accounts: accounts.count, transfers: transfers.count, effects: effects.mark };
  }

  commitChain(): void {
    this.#chain = undefined;
    this.#savedLength = 0;
    this.#savedStatuses = [];
  }

  /** Everything is again as it was at `beginChain`; burned ids stay burned. */
  undoChain(): void {
    const chain = this.#chain;
    assert(chain !== undefined, "there is no chain to undo");
    for (let at = this.#savedLength - SAVED_WORDS; at >= 0; at -= SAVED_WORDS) this.#restore(at);
    for (const { slot, status } of this.#savedStatuses.toReversed()) this.transfers.setStatus(slot, status);
    this.accounts.truncate(chain.accounts);
    this.transfers.truncate(chain.transfers);
    this.effects.rewind(chain.effects);
    this.commitChain();
  }

  /** Must be called before an account's balances or flags change. */
  touch(slot: number): void {
    this.accounts.touch(slot);
    if (this.#chain === undefined) return;
    if (this.#savedLength + SAVED_WORDS > this.#saved.length) {
      const larger = new Uint32Array(this.#saved.length * 2);
      larger.set(this.#saved);
      this.#saved = larger;
    }
    const at = this.#savedLength;
    const balances = slot * layout.BALANCE_WORDS;
    this.#saved[at] = slot;
    this.#saved[at + 1] = this.accounts.codeFlags[slot] as number;
    this.#saved[at + 2] = this.accounts.newest[slot] as number;
    this.#saved.set(this.accounts.balances.subarray(balances, balances + layout.BALANCE_WORDS), at + 3);
    this.#savedLength = at + SAVED_WORDS;
  }

  /** Changes what became of a pending transfer. */
  setStatus(slot: number, status: PendingStatus): void {
    if (this.#chain !== undefined) this.#savedStatuses.push({ slot, status: this.transfers.status(slot) });
    this.transfers.setStatus(slot, status);
  }

  setAccountFlag(slot: number, flag: number, on: boolean): void {
    const flags = this.accounts.flags(slot);
    this.accounts.setFlags(slot, on ? flags | flag : flags & ~flag);
  }

  /** When a pending transfer expires, nanoseconds of log time; undefined for one without timeout. */
  expiryOf(slot: number): bigint | undefined {
    const timeout = this.transfers.timeout(slot);
    return timeout === 0 ? undefined : this.transfers.timestamp(slot) + BigInt(timeout) * NS_PER_SECOND;
  }

  /** Starts watching a pending transfer. */
  watch(slot: number): void {
    const at = this.expiryOf(slot);
    if (at !== undefined) this.#expiries.push({ at, slot });
  }

  /** The pending transfer that expires next. */
  nextExpiring(): { readonly at: bigint; readonly slot: number } | undefined {
    for (;;) {
      const first = this.#expiries.peek();
      if (first === undefined) return undefined;
      const { at, slot } = first;
      // A slot of an undone chain may be free, or another transfer's by now.
      const waits = slot < this.transfers.count && this.transfers.status(slot) === "pending";
      if (waits && this.expiryOf(slot) === at) return first;
      this.#expiries.pop();
    }
  }

  /** After all pages were taken back. */
  restored(): void {
    for (let slot = 0; slot < this.transfers.count; slot++) {
      if (this.transfers.status(slot) === "pending") this.watch(slot);
    }
  }

  #restore(at: number): void {
    const slot = this.#saved[at] as number;
    this.accounts.codeFlags[slot] = this.#saved[at + 1] as number;
    this.accounts.newest[slot] = this.#saved[at + 2] as number;
    const balances = this.#saved.subarray(at + 3, at + SAVED_WORDS);
    this.accounts.balances.set(balances, slot * layout.BALANCE_WORDS);
  }
}
