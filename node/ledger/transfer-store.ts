/**
 * Transfers, append-only: what was asked and granted, in slots in the order of their timestamps. What happens to a
 * pending transfer later stands in its status, never in its row. Rules live in the ledger; this keeps.
 */
import type { AccountStore } from "./account-store.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { PENDING_STATUSES, type PendingStatus, PendingStatuses } from "./pending-statuses.ts";
import type { Transfer } from "./records.ts";
import { RowTable } from "./row-table.ts";
import { TransferIds } from "./transfer-ids.ts";
import { equal, toBigInt, U128_WORDS, u64At } from "./words.ts";

export class TransferStore {
  readonly table: RowTable;
  readonly statuses: PendingStatuses = new PendingStatuses();
  readonly #ids: TransferIds;
  readonly #accounts: AccountStore;
  readonly #row = new Uint32Array(layout.ROW_WORDS);

  constructor(accounts: AccountStore, segmentRows: number) {
    this.#accounts = accounts;
    this.table = new RowTable({ name: "transfers", width: layout.ROW_WORDS, segmentRows });
    this.#ids = new TransferIds(this.table);
  }

  get count(): number {
    return this.table.count;
  }

  /** The slot of the transfer with this id, or -1. */
  find(words: Uint32Array, at: number): number {
    return this.#ids.find(words, at);
  }

  /** Whether the account in a slot has this id. */
  isAccount(slot: number, words: Uint32Array, at: number): boolean {
    return equal(this.#accounts.rows, slot * layout.RECORD_WORDS, words, at);
  }

  /** Indexes the row that was just pushed to the table. */
  added(): void {
    this.#ids.added();
  }

  /** Takes the newest transfers out again until `count` are left. */
  truncate(count: number): void {
    while (this.table.count > count) {
      this.#ids.removing();
      this.table.truncate(this.table.count - 1);
    }
  }

  /** Packs what has become old; between batches, when nothing can be undone any more. */
  seal(): void {
    while (this.table.seal() !== undefined) this.#ids.sealed();
  }

  get(slot: number, column: number): number {
    return this.table.get(slot, column);
  }

  flags(slot: number): number {
    return this.table.get(slot, ROW.codeFlags) >>> layout.FLAGS_SHIFT;
  }

  status(slot: number): PendingStatus {
    return PENDING_STATUSES[this.statuses.get(slot)] as PendingStatus;
  }

  timestamp(slot: number): bigint {
    return this.table.timeAt(slot, ROW.timestamp);
  }

  transfer(slot: number): Transfer {
    const row = this.#row;
    this.table.copy(slot, 0, layout.ROW_WORDS, row, 0);
    const { rows } = this.#accounts;
    const codeFlags = row[ROW.codeFlags] as number;
    return {
      id: toBigInt(row, ROW.id),
      debitAccountId: toBigInt(rows, (row[ROW.debit] as number) * layout.RECORD_WORDS),
      creditAccountId: toBigInt(rows, (row[ROW.credit] as number) * layout.RECORD_WORDS),
      amount: toBigInt(row, ROW.amount),
      pendingId: this.#pendingId(row[ROW.pending] as number),
      userData128: toBigInt(row, ROW.userData128),
      userData64: u64At(row, ROW.userData64),
      userData32: row[ROW.userData32] as number,
      timeout: row[ROW.timeout] as number,
      ledger: row[ROW.ledger] as number,
      code: codeFlags & layout.CODE_MASK,
      flags: codeFlags >>> layout.FLAGS_SHIFT,
      timestamp: u64At(row, ROW.timestamp),
    };
  }

  /** After all pages came back. */
  restored(): void {
    this.#ids.restored();
  }

  #pendingId(slotPlusOne: number): bigint {
    if (slotPlusOne === 0) return 0n;
    const id = new Uint32Array(U128_WORDS);
    this.table.copy(slotPlusOne - 1, ROW.id, U128_WORDS, id, 0);
    return toBigInt(id, 0);
  }
}
