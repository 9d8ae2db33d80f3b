/**
 * What changed since the last look, as bytes that the state digest covers: each account that an event touched, once, as
 * it stands now. Two nodes that differ in one balance differ in the digest of that very block.
 */
import type { AccountStore } from "./account-store.ts";
import * as layout from "./layout.ts";
import { copy } from "./words.ts";

/** Words of an account: slot, code and flags, balances. */
const EFFECT_WORDS: number = 2 + layout.BALANCE_WORDS;
const INITIAL_SLOTS = 1_024;
/** Rows that are fetched together; they must stay in the nearest cache. */
const FETCHED = 64;

export class Effects {
  readonly #accounts: AccountStore;
  /** In which round an account was last touched. */
  #rounds = new Uint32Array(INITIAL_SLOTS);
  #round = 1;
  /** Accounts touched in this round, in the order of their first touch. */
  #touched = new Uint32Array(INITIAL_SLOTS);
  #count = 0;
  #words = new Uint32Array(0);
  /** What was only read to be near is added up here: the compiler leaves out what nobody needs. */
  readonly #sum = new Uint32Array(1);

  constructor(accounts: AccountStore) {
    this.#accounts = accounts;
  }

  /** In which round an account was last touched; 0 for never. */
  lastTouch(slot: number): number {
    return slot < this.#rounds.length ? (this.#rounds[slot] as number) : 0;
  }

  /** Notes that an event has touched an account. */
  touch(slot: number): void {
    if (slot >= this.#rounds.length) this.#grow(slot);
    if (this.#rounds[slot] === this.#round) return;
    this.#rounds[slot] = this.#round;
    this.#touched[this.#count] = slot;
    this.#count += 1;
  }

  /**
   * The accounts touched since the last call. One that a failed chain touched is among them, as it was before. The bytes
   * are overwritten at the next call.
   */
  take(): Uint8Array {
    // By what blocks touch, with room to spare, and not by how many accounts there are.
    const needed = this.#count * EFFECT_WORDS;
    if (this.#words.length < needed) this.#words = new Uint32Array(2 * needed);
    const written = this.#writeTouched(this.#words);
    this.#count = 0;
    this.#nextRound();
    return new Uint8Array(this.#words.buffer, 0, written * 4);
  }

  /**
   * Returns how many words were written. Nothing stands behind the loop: V8 compiles it in the middle of the first large
   * batch, and the code that it then has would be left for what comes after it, again and again.
   */
  #writeTouched(words: Uint32Array): number {
    const { rows, count } = this.#accounts;
    let at = 0;
    for (let i = 0; i < this.#count; i++) {
      if (i % FETCHED === 0) this.#fetch(i);
      const slot = this.#touched[i] as number;
      // An account that a failed chain made is not there any more.
      if (slot >= count) continue;
      const row = slot * layout.RECORD_WORDS;
      words[at] = slot;
      words[at + 1] = rows[row + layout.CODE_FLAGS] as number;
      copy(rows, row + layout.DEBITS_PENDING, words, at + 2);
      copy(rows, row + layout.DEBITS_POSTED, words, at + 6);
      copy(rows, row + layout.CREDITS_PENDING, words, at + 10);
      copy(rows, row + layout.CREDITS_POSTED, words, at + 14);
      at += EFFECT_WORDS;
    }
    return at;
  }

  /** Reads a little of each of the next rows, so that a processor waits for many of them at the same time. */
  #fetch(from: number): void {
    const to = Math.min(from + FETCHED, this.#count);
    let sum = 0;
    for (let i = from; i < to; i++) sum = (sum + this.#accounts.touchRow(this.#touched[i] as number)) | 0;
    this.#sum[0] = sum;
  }

  #nextRound(): void {
    this.#round += 1;
    if (this.#round <= 0xffff_ffff) return;
    this.#rounds.fill(0);
    this.#round = 1;
  }

  /** Every account fits: none is listed twice in a round. */
  #grow(slot: number): void {
    const length = Math.max(slot + 1, this.#rounds.length * 2);
    const rounds = new Uint32Array(length);
    rounds.set(this.#rounds);
    this.#rounds = rounds;
    const touched = new Uint32Array(length);
    touched.set(this.#touched);
    this.#touched = touched;
  }
}
