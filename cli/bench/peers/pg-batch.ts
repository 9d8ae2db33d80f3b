/**
 * The parameters of one batch for PostgreSQL: four arrays in its binary form, written into the same buffers each time. As text
 * they would cost this program's one thread more than a batch may take.
 */
import { randomFillSync } from "node:crypto";
import type { Prng } from "../../../node/base/prng.ts";
import { otherAccount } from "../../../node/ledger/flat-batches.ts";

const TYPES = { uuid: 2_950, bigint: 20 } as const;
const UUID_BYTES = 16;
const BIGINT_BYTES = 8;
const ARRAY_HEADER_BYTES = 20;
const LENGTH_BYTES = 4;
const AMOUNT_MAX = 1_000;

/** An array of values of one size: one dimension, no nulls, the first value is number 1. */
class FixedArray {
  readonly bytes: Buffer;
  readonly #stride: number;

  constructor(type: number, valueBytes: number, length: number) {
    this.#stride = LENGTH_BYTES + valueBytes;
    this.bytes = Buffer.alloc(ARRAY_HEADER_BYTES + length * this.#stride);
    [1, 0, type, length, 1].forEach((field, index) => {
      this.bytes.writeInt32BE(field, index * LENGTH_BYTES);
    });
    for (let index = 0; index < length; index++) this.bytes.writeInt32BE(valueBytes, this.at(index) - LENGTH_BYTES);
  }

  /** Where a value begins. */
  at(index: number): number {
    return ARRAY_HEADER_BYTES + index * this.#stride + LENGTH_BYTES;
  }
}

export class PgBatch {
  readonly #transfers: number;
  readonly #accounts: number;
  readonly #random: Prng;
  readonly #entropy: Buffer;
  readonly #ids: FixedArray;
  readonly #debits: FixedArray;
  readonly #credits: FixedArray;
  readonly #amounts: FixedArray;

  constructor(transfers: number, accounts: number, random: Prng) {
    this.#transfers = transfers;
    this.#accounts = accounts;
    this.#random = random;
    this.#entropy = Buffer.alloc(transfers * UUID_BYTES);
    this.#ids = new FixedArray(TYPES.uuid, UUID_BYTES, transfers);
    this.#debits = new FixedArray(TYPES.bigint, BIGINT_BYTES, transfers);
    this.#credits = new FixedArray(TYPES.bigint, BIGINT_BYTES, transfers);
    this.#amounts = new FixedArray(TYPES.bigint, BIGINT_BYTES, transfers);
  }

  /** Ids, debits, credits and amounts of the next batch; they count until the next call. */
  next(): readonly Buffer[] {
    randomFillSync(this.#entropy);
    for (let index = 0; index < this.#transfers; index++) {
      const debit = 1 + this.#random.below(this.#accounts);
      const id = index * UUID_BYTES;
      this.#entropy.copy(this.#ids.bytes, this.#ids.at(index), id, id + UUID_BYTES);
      this.#debits.bytes.writeBigInt64BE(BigInt(debit), this.#debits.at(index));
      this.#credits.bytes.writeBigInt64BE(
        BigInt(otherAccount(this.#random, this.#accounts, debit)),
        this.#credits.at(index),
      );
      this.#amounts.bytes.writeBigInt64BE(BigInt(1 + this.#random.below(AMOUNT_MAX)), this.#amounts.at(index));
    }
    return [this.#ids, this.#debits, this.#credits, this.#amounts].map(({ bytes }) => bytes);
  }
}
