/**
 * Looks up the accounts of a batch of transfers some events ahead. Where there are more accounts than caches hold, every
 * step of a lookup waits for memory; here each step is made for many events before the next, without a branch between
 * two of them, so that a processor waits for many at the same time. What a transfer then reads and writes is near: with
 * a million accounts a batch takes 3 ms instead of 6.5 (docs/performance.md).
 */
import type { AccountStore } from "./account-store.ts";
import type { Effects } from "./effects.ts";
import { hash128 } from "./id-hash.ts";
import * as layout from "./layout.ts";
import { equal } from "./words.ts";

/** Events that are looked at together: rows of 128 bytes for two accounts each must stay in the nearest cache. */
const EVENTS = 64;

export class AccountsAhead {
  readonly #accounts: AccountStore;
  readonly #effects: Effects;
  readonly #hashes = new Uint32Array(2 * EVENTS);
  /** For each event the slots of its accounts, debit and credit, or -1. */
  readonly #slots = new Int32Array(2 * EVENTS);
  /** The events from here on, counted in words of the batch, and before there. */
  #from = 0;
  #to = 0;
  /** What was only read to be near is added up here: the compiler leaves out what nobody needs. */
  readonly #sum = new Uint32Array(1);

  constructor(accounts: AccountStore, effects: Effects) {
    this.#accounts = accounts;
    this.#effects = effects;
  }

  /** Another batch begins. A batch of transfers opens no accounts, so what was found stays true until it ends. */
  begin(): void {
    this.#to = 0;
  }

  /** The slot of the account that the event at `at` debits, or -1. Events are asked about in their order. */
  debit(words: Uint32Array, at: number): number {
    if (at >= this.#to) this.#look(words, at);
    return this.#slots[((at - this.#from) / layout.RECORD_WORDS) * 2] as number;
  }

  /** The same for the account that it credits; the debit side has been asked about. */
  credit(at: number): number {
    return this.#slots[((at - this.#from) / layout.RECORD_WORDS) * 2 + 1] as number;
  }

  #look(words: Uint32Array, at: number): void {
    this.#from = at;
    this.#to = Math.min(at + EVENTS * layout.RECORD_WORDS, words.length);
    const count = this.#hash(words);
    this.#findCandidates(count);
    this.#confirm(words);
  }

  /** Hashes the ids, and fetches the entries of the index where their probes begin. */
  #hash(words: Uint32Array): number {
    const { index } = this.#accounts;
    const hashes = this.#hashes;
    let count = 0;
    let sum = 0;
    for (let at = this.#from; at < this.#to; at += layout.RECORD_WORDS) {
      const debit = hash128(words, at + layout.DEBIT_ACCOUNT_ID);
      const credit = hash128(words, at + layout.CREDIT_ACCOUNT_ID);
      sum = (sum + index.touch(debit) + index.touch(credit)) | 0;
      hashes[count] = debit;
      hashes[count + 1] = credit;
      count += 2;
    }
    this.#sum[0] = sum;
    return count;
  }

  /** Finds who has these hashes, and fetches their rows and what notes that they are touched. */
  #findCandidates(count: number): void {
    const { index } = this.#accounts;
    const effects = this.#effects;
    const hashes = this.#hashes;
    const slots = this.#slots;
    for (let i = 0; i < count; i++) slots[i] = index.candidate(hashes[i] as number);
    let sum = 0;
    for (let i = 0; i < count; i++) {
      const slot = Math.max(slots[i] as number, 0);
      sum = (sum + this.#accounts.touchRow(slot) + effects.lastTouch(slot)) | 0;
    }
    this.#sum[0] = sum;
  }

  #confirm(words: Uint32Array): void {
    const { rows } = this.#accounts;
    const slots = this.#slots;
    let count = 0;
    for (let at = this.#from; at < this.#to; at += layout.RECORD_WORDS) {
      const debit = at + layout.DEBIT_ACCOUNT_ID;
      const credit = at + layout.CREDIT_ACCOUNT_ID;
      const d = slots[count] as number;
      const c = slots[count + 1] as number;
      if (d >= 0 && !equal(rows, d * layout.RECORD_WORDS, words, debit))
        slots[count] = this.#accounts.find(words, debit);
      if (c >= 0 && !equal(rows, c * layout.RECORD_WORDS, words, credit))
        slots[count + 1] = this.#accounts.find(words, credit);
      count += 2;
    }
  }
}
