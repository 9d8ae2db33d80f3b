/**
 * What a block did to balances, as bytes that the state digest covers: after each event the account slots it touched,
 * their flags and their balances. Two nodes that differ in one balance differ in the digest of that very block.
 */

import type { AccountStore } from "./account-store.ts";
import * as layout from "./layout.ts";

/** Words of one side of an event: slot, flags, balances. */
const SIDE_WORDS: number = 2 + layout.BALANCE_WORDS;
const INITIAL_WORDS = 4_096;

export class Effects {
  #words = new Uint32Array(INITIAL_WORDS);
  #length = 0;

  /** Where the effects end now: a mark to go back to. */
  get mark(): number {
    return this.#length;
  }

  rewind(mark: number): void {
    this.#length = mark;
  }

  /** Records how an account stands after an event. */
  account(accounts: AccountStore, slot: number): void {
    if (this.#length + SIDE_WORDS > this.#words.length) {
      const larger = new Uint32Array(this.#words.length * 2);
      larger.set(this.#words);
      this.#words = larger;
    }
    const at = this.#length;
    this.#words[at] = slot;
    this.#words[at + 1] = accounts.codeFlags[slot] as number;
    const from = slot * layout.BALANCE_WORDS;
    for (let word = 0; word < layout.BALANCE_WORDS; word++) {
      this.#words[at + 2 + word] = accounts.balances[from + word] as number;
    }
    this.#length = at + SIDE_WORDS;
  }

  /** The effects since the last call; valid until the next event. */
  take(): Uint8Array {
    const bytes = new Uint8Array(this.#words.buffer, 0, this.#length * 4);
    this.#length = 0;
    return bytes;
  }
}
