/**
 * A transfer whose id is there already: is it the same one again? The comparison follows TigerBeetle's code: a retry with
 * the same meaning is `exists`, also where it left fields to be inherited or clamped.
 */
import { RECORD_TIME, type Stamp } from "./batch.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { transferFlags } from "./records.ts";
import { TransferStatus } from "./status.ts";
import type { TransferStore } from "./transfer-store.ts";
import { compare, equal, isMax, isZero, U128_WORDS } from "./words.ts";

const RESOLVES: number = transferFlags.postPendingTransfer | transferFlags.voidPendingTransfer;
const BALANCES: number = transferFlags.balancingDebit | transferFlags.balancingCredit;

export class ExistingTransfers {
  readonly #transfers: TransferStore;
  /** The stored transfer, and for a post or void the pending one: rows. */
  readonly #stored = new Uint32Array(layout.ROW_WORDS);
  readonly #pending = new Uint32Array(layout.ROW_WORDS);

  constructor(transfers: TransferStore) {
    this.#transfers = transfers;
  }

  /** Holds a new record against the stored one of the same id; returns `exists` or how they differ. */
  compare(words: Uint32Array, at: number, slot: number, stamp: Stamp): number {
    const { table } = this.#transfers;
    const stored = this.#stored;
    table.copy(slot, 0, layout.ROW_WORDS, stored, 0);
    const codeFlags = stored[ROW.codeFlags] as number;
    const flags = (words[at + layout.CODE_FLAGS] as number) >>> layout.FLAGS_SHIFT;
    if (flags !== codeFlags >>> layout.FLAGS_SHIFT) return TransferStatus.existsWithDifferentFlags;
    const pendingSlot = (stored[ROW.pending] as number) - 1;
    if (!this.#isPendingId(words, at + layout.PENDING_ID, pendingSlot)) {
      return TransferStatus.existsWithDifferentPendingId;
    }
    if (words[at + layout.TIMEOUT] !== stored[ROW.timeout]) return TransferStatus.existsWithDifferentTimeout;
    const resolves = (flags & RESOLVES) !== 0;
    if (resolves) table.copy(pendingSlot, 0, layout.ROW_WORDS, this.#pending, 0);
    const different =
      this.#compareAccounts(words, at, resolves) ||
      (resolves ? this.#compareResolved(words, at, flags) : this.#compareAmount(words, at, flags)) ||
      this.#compareData(words, at, resolves) ||
      this.#compareKind(words, at, resolves);
    if (different !== 0) return different;
    stamp[RECORD_TIME] = stored[ROW.timestamp] as number;
    stamp[RECORD_TIME + 1] = stored[ROW.timestamp + 1] as number;
    return TransferStatus.exists;
  }

  #isPendingId(words: Uint32Array, at: number, pendingSlot: number): boolean {
    if (pendingSlot < 0) return isZero(words, at);
    const { table } = this.#transfers;
    for (let word = 0; word < U128_WORDS; word++) {
      if (table.get(pendingSlot, ROW.id + word) !== words[at + word]) return false;
    }
    return true;
  }

  #compareAccounts(words: Uint32Array, at: number, resolves: boolean): number {
    const debit = at + layout.DEBIT_ACCOUNT_ID;
    const credit = at + layout.CREDIT_ACCOUNT_ID;
    if (!this.#isAccount(words, debit, ROW.debit, resolves)) return TransferStatus.existsWithDifferentDebitAccountId;
    if (!this.#isAccount(words, credit, ROW.credit, resolves)) return TransferStatus.existsWithDifferentCreditAccountId;
    return 0;
  }

  #isAccount(words: Uint32Array, at: number, column: number, zeroInherits: boolean): boolean {
    return (zeroInherits && isZero(words, at)) || this.#transfers.isAccount(this.#stored[column] as number, words, at);
  }

  /** A balancing transfer stored what there was room for, which may be less than is asked. */
  #compareAmount(words: Uint32Array, at: number, flags: number): number {
    const asked = compare(words, at + layout.AMOUNT, this.#stored, ROW.amount);
    const same = (flags & BALANCES) === 0 ? asked === 0 : asked >= 0;
    return same ? 0 : TransferStatus.existsWithDifferentAmount;
  }

  #compareResolved(words: Uint32Array, at: number, flags: number): number {
    const amount = at + layout.AMOUNT;
    const all = (flags & transferFlags.voidPendingTransfer) !== 0 ? isZero(words, amount) : isMax(words, amount);
    const same = all
      ? equal(this.#pending, ROW.amount, this.#stored, ROW.amount)
      : equal(words, amount, this.#stored, ROW.amount);
    return same ? 0 : TransferStatus.existsWithDifferentAmount;
  }

  #compareData(words: Uint32Array, at: number, resolves: boolean): number {
    if (!this.#isSame(words, at + layout.USER_DATA, 4, ROW.userData128, resolves)) {
      return TransferStatus.existsWithDifferentUserData128;
    }
    if (!this.#isSame(words, at + layout.USER_DATA_64, 2, ROW.userData64, resolves)) {
      return TransferStatus.existsWithDifferentUserData64;
    }
    return this.#isSame(words, at + layout.USER_DATA_32, 1, ROW.userData32, resolves)
      ? 0
      : TransferStatus.existsWithDifferentUserData32;
  }

  /** Where zero inherits, it stands for what the pending transfer has. */
  #isSame(words: Uint32Array, at: number, width: number, column: number, zeroInherits: boolean): boolean {
    let zero = true;
    for (let word = 0; word < width; word++) if (words[at + word] !== 0) zero = false;
    const inherits = zeroInherits && zero;
    for (let word = 0; word < width; word++) {
      const mine = inherits ? this.#pending[column + word] : words[at + word];
      if (mine !== this.#stored[column + word]) return false;
    }
    return true;
  }

  #compareKind(words: Uint32Array, at: number, resolves: boolean): number {
    const ledger = words[at + layout.LEDGER];
    if (ledger !== this.#stored[ROW.ledger] && !(resolves && ledger === 0)) {
      return TransferStatus.existsWithDifferentLedger;
    }
    const code = (words[at + layout.CODE_FLAGS] as number) & layout.CODE_MASK;
    const stored = (this.#stored[ROW.codeFlags] as number) & layout.CODE_MASK;
    return code === stored || (resolves && code === 0) ? 0 : TransferStatus.existsWithDifferentCode;
  }
}
