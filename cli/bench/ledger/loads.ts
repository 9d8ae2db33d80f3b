/**
 * What is asked of the ledger: full batches of flat records, made before the clock runs. One buffer serves all batches of
 * a load, as one network buffer would.
 */
import { BATCH_RECORDS_MAX } from "../../../node/base/limits.ts";
import { Prng } from "../../../node/base/prng.ts";
import { otherAccount } from "../../../node/ledger/flat-batches.ts";
import { transferFlags } from "../../../node/ledger/index.ts";

/** Words of a record, and where its fields begin. */
const RECORD = 32;
const DEBIT_ACCOUNT_ID = 4;
const CREDIT_ACCOUNT_ID = 8;
const AMOUNT = 12;
const PENDING_ID = 16;
const USER_DATA_64 = 24;
const LEDGER = 28;
const CODE_FLAGS = 29;
const FLAGS_SHIFT = 16;

const AMOUNT_MAX = 1_000;
const CHAIN = 4;
const ALL = 0xffff_ffff;

/** Values of the fields that the queries ask for. */
export const USER_DATA_VALUES = 100_000;
export const CODES = 100;

/** Makes batches one after another; each is valid until the next is made. */
export class Batches {
  readonly #random: Prng;
  readonly #accounts: number;
  readonly #words = new Uint32Array(BATCH_RECORDS_MAX * RECORD);
  #nextId = 1;

  constructor(accounts: number, seed: number) {
    this.#accounts = accounts;
    this.#random = new Prng(seed);
  }

  /** Accounts from `firstId` on. */
  accounts(firstId: number, count: number): Uint8Array {
    return this.#fill(count, (at, index) => {
      this.#words[at] = firstId + index;
      this.#words[at + CODE_FLAGS] = 1;
    });
  }

  /** Ordinary transfers; ids rise by one. */
  rising(): Uint8Array {
    return this.#fill(BATCH_RECORDS_MAX, (at) => this.#transfer(at, 0));
  }

  /** Ids in no order. */
  random(): Uint8Array {
    return this.#fill(BATCH_RECORDS_MAX, (at) => {
      this.#transfer(at, 0);
      for (let word = 0; word < 4; word++) this.#words[at + word] = this.#random.u32();
    });
  }

  /** Chains of four. */
  linked(): Uint8Array {
    return this.#fill(BATCH_RECORDS_MAX, (at, index) => {
      const last = index % CHAIN === CHAIN - 1 || index === BATCH_RECORDS_MAX - 1;
      this.#transfer(at, last ? 0 : transferFlags.linked);
    });
  }

  /** Pending transfers. */
  pending(): Uint8Array {
    return this.#fill(BATCH_RECORDS_MAX, (at) => this.#transfer(at, transferFlags.pending));
  }

  /** Posts the whole of each transfer of the `pending` batch just before. */
  posts(): Uint8Array {
    const firstPending = this.#nextId - BATCH_RECORDS_MAX;
    return this.#fill(BATCH_RECORDS_MAX, (at, index) => {
      this.#words[at] = this.#nextId++;
      this.#words.fill(ALL, at + AMOUNT, at + AMOUNT + 4);
      this.#words[at + PENDING_ID] = firstPending + index;
      this.#words[at + LEDGER] = 0;
      this.#words[at + CODE_FLAGS] = transferFlags.postPendingTransfer << FLAGS_SHIFT;
    });
  }

  /** Rising, with user data and codes to look for. */
  labelled(): Uint8Array {
    return this.#fill(BATCH_RECORDS_MAX, (at) => {
      this.#transfer(at, 0);
      this.#words[at + USER_DATA_64] = 1 + this.#random.below(USER_DATA_VALUES);
      this.#words[at + CODE_FLAGS] = 1 + this.#random.below(CODES);
    });
  }

  #fill(count: number, write: (at: number, index: number) => void): Uint8Array {
    this.#words.fill(0);
    for (let index = 0; index < count; index++) {
      this.#words[index * RECORD + LEDGER] = 1;
      write(index * RECORD, index);
    }
    return new Uint8Array(this.#words.buffer, 0, count * RECORD * 4);
  }

  #transfer(at: number, flags: number): void {
    const debit = 1 + this.#random.below(this.#accounts);
    this.#words[at] = this.#nextId++;
    this.#words[at + DEBIT_ACCOUNT_ID] = debit;
    this.#words[at + CREDIT_ACCOUNT_ID] = otherAccount(this.#random, this.#accounts, debit);
    this.#words[at + AMOUNT] = 1 + this.#random.below(AMOUNT_MAX);
    this.#words[at + CODE_FLAGS] = 1 | (flags << FLAGS_SHIFT);
  }
}
