/**
 * Balances of accounts with the `history` flag after each of their transfers.
 */
import { assert } from "../base/assert.ts";
import type { AccountStore } from "./account-store.ts";
import * as layout from "./layout.ts";
import { RowTable } from "./row-table.ts";
import { toBigInt } from "./words.ts";

/** Columns: the transfer, the account, its balances. */
const TRANSFER = 0;
const ACCOUNT = 1;
const BALANCES = 2;
const WIDTH: number = BALANCES + layout.BALANCE_WORDS;

/** The balances of an account after a transfer. */
export interface AccountBalance extends Balances {
  /** Of the transfer. */
  readonly timestamp: bigint;
}

interface Balances {
  readonly debitsPending: bigint;
  readonly debitsPosted: bigint;
  readonly creditsPending: bigint;
  readonly creditsPosted: bigint;
}

export class History {
  readonly table: RowTable;
  readonly #accounts: AccountStore;

  constructor(accounts: AccountStore, segmentRows: number) {
    this.#accounts = accounts;
    this.table = new RowTable({ name: "balances", width: WIDTH, segmentRows });
  }

  /** Records how an account stands after a transfer. Transfers come in the order of their slots, the debit side first. */
  record(transfer: number, account: number): void {
    const row = this.table.push();
    const { tail } = this.table;
    const from = account * layout.RECORD_WORDS + layout.DEBITS_PENDING;
    tail[row + TRANSFER] = transfer;
    tail[row + ACCOUNT] = account;
    for (let word = 0; word < layout.BALANCE_WORDS; word++) {
      tail[row + BALANCES + word] = this.#accounts.rows[from + word] as number;
    }
  }

  /** The balances of an account with the flag after one of its transfers. */
  find(transfer: number, account: number): Balances {
    const { table } = this;
    const first = table.search(0, table.count, (candidate) => table.get(candidate, TRANSFER) >= transfer);
    const slot = table.get(first, ACCOUNT) === account ? first : first + 1;
    assert(table.get(slot, TRANSFER) === transfer, "a transfer of an account with history has no row in it");
    assert(table.get(slot, ACCOUNT) === account, "a transfer of an account with history has no row in it");
    return this.#balances(slot);
  }

  #balances(slot: number): Balances {
    const words = new Uint32Array(layout.BALANCE_WORDS);
    this.table.copy(slot, BALANCES, layout.BALANCE_WORDS, words, 0);
    return {
      debitsPending: toBigInt(words, 0),
      debitsPosted: toBigInt(words, 4),
      creditsPending: toBigInt(words, 8),
      creditsPosted: toBigInt(words, 12),
    };
  }
}
