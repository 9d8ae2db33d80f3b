/**
 * Batches as clients with much to say make them: flat records written straight into bytes, no object an event. Random
 * pairs of accounts from a seed, so that two runs ask for the same.
 */
import { viewOf, writeU128 } from "../base/bytes.ts";
import { BATCH_RECORDS_MAX, RECORD_BYTES } from "../base/limits.ts";
import { Prng } from "../base/prng.ts";
import { AMOUNT, CODE_FLAGS, CREDIT_ACCOUNT_ID, DEBIT_ACCOUNT_ID, LEDGER } from "./layout.ts";

/** In bytes; the id comes first. */
const AT = {
  debit: 4 * DEBIT_ACCOUNT_ID,
  credit: 4 * CREDIT_ACCOUNT_ID,
  amount: 4 * AMOUNT,
  ledger: 4 * LEDGER,
  code: 4 * CODE_FLAGS,
} as const;
const AMOUNT_MAX = 1_000;

export interface BatchShape {
  /** Accounts have the ids 1 to `accounts`. */
  readonly accounts: number;
  readonly ledger: number;
  readonly code: number;
}

/** One of the accounts 1 to `accounts` that is not this one, each as likely. */
export function otherAccount(random: Prng, accounts: number, than: number): number {
  const other = 1 + random.below(accounts - 1);
  return other < than ? other : other + 1;
}

/** Batches that open accounts 1 to `accounts`. */
export function* accountBatches({ accounts, ledger, code }: BatchShape): Generator<Uint8Array> {
  for (let first = 1; first <= accounts; first += BATCH_RECORDS_MAX) {
    const count = Math.min(BATCH_RECORDS_MAX, accounts - first + 1);
    const batch = new Uint8Array(count * RECORD_BYTES);
    const view = viewOf(batch);
    for (let i = 0; i < count; i++) {
      const at = i * RECORD_BYTES;
      writeU128(view, at, BigInt(first + i));
      view.setUint32(at + AT.ledger, ledger, true);
      view.setUint16(at + AT.code, code, true);
    }
    yield batch;
  }
}

/** Makes batches of transfers with rising ids from `firstId` on. */
export class TransferBatches {
  readonly #shape: BatchShape;
  readonly #random: Prng;
  #nextId: number;

  constructor(shape: BatchShape, firstId: number, seed: number) {
    this.#shape = shape;
    this.#random = new Prng(seed);
    this.#nextId = firstId;
  }

  next(count: number): Uint8Array {
    const { accounts, ledger, code } = this.#shape;
    const batch = new Uint8Array(count * RECORD_BYTES);
    const view = viewOf(batch);
    for (let i = 0; i < count; i++) {
      const at = i * RECORD_BYTES;
      const debit = 1 + this.#random.below(accounts);
      view.setUint32(at, this.#nextId, true);
      view.setUint32(at + AT.debit, debit, true);
      view.setUint32(at + AT.credit, otherAccount(this.#random, accounts, debit), true);
      view.setUint32(at + AT.amount, 1 + this.#random.below(AMOUNT_MAX), true);
      view.setUint32(at + AT.ledger, ledger, true);
      view.setUint16(at + AT.code, code, true);
      this.#nextId += 1;
    }
    return batch;
  }
}
