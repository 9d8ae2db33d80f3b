/**
 * Batches as clients with much to say make them: flat records written straight into bytes, no object an event. Random
 * pairs of accounts from a seed, so that two runs ask for the same.
 */
import { viewOf, writeU128 } from "../../node/base/bytes.ts";
import { BATCH_RECORDS_MAX, RECORD_BYTES } from "../../node/base/limits.ts";
import { Prng } from "../../node/base/prng.ts";

const ID = 0;
const DEBIT_ACCOUNT_ID = 16;
const CREDIT_ACCOUNT_ID = 32;
const AMOUNT = 48;
const LEDGER = 112;
const CODE = 116;
const AMOUNT_MAX = 1_000;

export interface BatchShape {
  /** Accounts have the ids 1 to `accounts`. */
  readonly accounts: number;
  readonly ledger: number;
  readonly code: number;
}

/** Batches that open accounts 1 to `accounts`. */
export function* accountBatches({ accounts, ledger, code }: BatchShape): Generator<Uint8Array> {
  for (let first = 1; first <= accounts; first += BATCH_RECORDS_MAX) {
    const count = Math.min(BATCH_RECORDS_MAX, accounts - first + 1);
    const batch = new Uint8Array(count * RECORD_BYTES);
    const view = viewOf(batch);
    for (let i = 0; i < count; i++) {
      const at = i * RECORD_BYTES;
      writeU128(view, at + ID, BigInt(first + i));
      view.setUint32(at + LEDGER, ledger, true);
      view.setUint16(at + CODE, code, true);
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
      const other = 1 + this.#random.below(accounts - 1);
      view.setUint32(at + ID, this.#nextId, true);
      view.setUint32(at + DEBIT_ACCOUNT_ID, debit, true);
      view.setUint32(at + CREDIT_ACCOUNT_ID, other < debit ? other : other + 1, true);
      view.setUint32(at + AMOUNT, 1 + this.#random.below(AMOUNT_MAX), true);
      view.setUint32(at + LEDGER, ledger, true);
      view.setUint16(at + CODE, code, true);
      this.#nextId += 1;
    }
    return batch;
  }
}
