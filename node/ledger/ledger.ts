/**
 * The double-entry engine: accounts and transfers in batches of flat records; synchronous, deterministic, without a
 * cluster around it. The semantics are those of TigerBeetle 0.17 (fields, flags, statuses and their precedence), with an
 * authority on every account that a debit needs.
 *
 * Invariant: in every ledger the sum of all debits equals the sum of all credits, pending and posted.
 */
import { assert } from "../base/assert.ts";
import type { Paged } from "../base/paged.ts";
import { batchWords, runBatch } from "./batch.ts";
import { Columns } from "./columns.ts";
import { AccountRules } from "./create-accounts.ts";
import { TransferRules } from "./create-transfers.ts";
import * as layout from "./layout.ts";
import type { Account, Transfer } from "./records.ts";
import { expirePending } from "./resolve-pending.ts";
import type { PendingStatus } from "./transfer-store.ts";
import { fromBigInt, toBigInt } from "./words.ts";

/** Which transfers of an account to list, by timestamp, both ends included. */
export interface AccountTransfersFilter {
  readonly accountId: bigint;
  readonly timestampMin?: bigint;
  readonly timestampMax?: bigint;
  /** At most so many. */
  readonly limit: number;
  /** Newest first. */
  readonly reversed: boolean;
  /** Whether transfers that debit, or credit, the account are wanted. */
  readonly debits: boolean;
  readonly credits: boolean;
}

/** Sums over all accounts of a ledger. */
export interface LedgerTotals {
  readonly ledger: number;
  readonly debitsPending: bigint;
  readonly debitsPosted: bigint;
  readonly creditsPending: bigint;
  readonly creditsPosted: bigint;
}

export class Ledger {
  readonly #columns = new Columns();
  readonly #accountRules: AccountRules = new AccountRules(this.#columns);
  readonly #transferRules: TransferRules = new TransferRules(this.#columns);
  readonly #key = new Uint32Array(4);
  #newest = 0n;
  /** Components for checkpoints. */
  readonly paged: readonly Paged[] = [this.#columns.accounts, this.#columns.transfers, this.#columns.burned];

  get accountCount(): number {
    return this.#columns.accounts.count;
  }

  get transferCount(): number {
    return this.#columns.transfers.count;
  }

  /**
   * Creates accounts that belong to `authority`. Event i of n bears the timestamp `timestamp - n + i + 1` (nanoseconds);
   * timestamps must rise from batch to batch. Returns 16 bytes an event: timestamp u64, status u32, zero u32. A batch
   * that `checkBatch` refuses must not come here.
   */
  createAccounts(batch: Uint8Array, timestamp: bigint, authority: number): Uint8Array {
    const words = batchWords(batch);
    this.#advance(timestamp, words.length / layout.RECORD_WORDS);
    return runBatch(this.#columns, this.#accountRules.begin(authority), words, timestamp);
  }

  /** Creates transfers signed by `authority`; timestamps and results as for `createAccounts`. */
  createTransfers(batch: Uint8Array, timestamp: bigint, authority: number): Uint8Array {
    const words = batchWords(batch);
    this.#advance(timestamp, words.length / layout.RECORD_WORDS);
    return runBatch(this.#columns, this.#transferRules.begin(authority), words, timestamp);
  }

  lookupAccount(id: bigint): Account | undefined {
    const slot = this.#accountSlot(id);
    return slot < 0 ? undefined : this.#columns.accounts.account(slot);
  }

  lookupTransfer(id: bigint): Transfer | undefined {
    const slot = this.#transferSlot(id);
    return slot < 0 ? undefined : this.#columns.transfers.transfer(slot);
  }

  /** The authority an account belongs to. */
  accountAuthority(id: bigint): number | undefined {
    const slot = this.#accountSlot(id);
    return slot < 0 ? undefined : this.#columns.accounts.authorities[slot];
  }

  /** What became of a pending transfer; `none` where there is no such pending transfer. */
  pendingStatus(id: bigint): PendingStatus {
    const slot = this.#transferSlot(id);
    return slot < 0 ? "none" : this.#columns.transfers.status(slot);
  }

  /** An account's transfers, oldest first unless reversed: a walk along the account's own chain. */
  accountTransfers(filter: AccountTransfersFilter): Transfer[] {
    const { accounts, transfers } = this.#columns;
    const account = this.#accountSlot(filter.accountId);
    if (account < 0) return [];
    const found: number[] = [];
    const { timestampMin = 0n, timestampMax } = filter;
    for (let next = accounts.newest[account] as number; next !== 0; next = transfers.previous(next - 1, account)) {
      const slot = next - 1;
      const timestamp = transfers.timestamp(slot);
      if (timestamp < timestampMin) break;
      if (timestampMax !== undefined && timestamp > timestampMax) continue;
      if (!(transfers.debitSlot(slot) === account ? filter.debits : filter.credits)) continue;
      found.push(slot);
      if (filter.reversed && found.length === filter.limit) break;
    }
    if (!filter.reversed) found.reverse();
    return found.slice(0, filter.limit).map((slot) => transfers.transfer(slot));
  }

  /** When the next pending transfer expires, nanoseconds. */
  nextExpiry(): bigint | undefined {
    return this.#columns.nextExpiring()?.at;
  }

  /**
   * Expires pending transfers whose time has come by `timestamp`, at most `limit`, in order of expiry and then of
   * creation; returns how many.
   */
  expirePendingTransfers(timestamp: bigint, limit: number): number {
    this.#advance(timestamp, limit);
    let count = 0;
    for (; count < limit; count++) {
      const next = this.#columns.nextExpiring();
      if (next === undefined || next.at > timestamp) break;
      expirePending(this.#columns, next.slot);
    }
    return count;
  }

  /** Sums a ledger, ascending by ledger number; looks at every account. */
  totals(): readonly LedgerTotals[] {
    const { accounts } = this.#columns;
    const sums = new Map<number, [bigint, bigint, bigint, bigint]>();
    for (let slot = 0; slot < accounts.count; slot++) {
      const ledger = accounts.ledgers[slot] as number;
      const sum = sums.get(ledger) ?? [0n, 0n, 0n, 0n];
      const at = slot * layout.BALANCE_WORDS;
      sum[0] += toBigInt(accounts.balances, at + layout.DEBITS_PENDING);
      sum[1] += toBigInt(accounts.balances, at + layout.DEBITS_POSTED);
      sum[2] += toBigInt(accounts.balances, at + layout.CREDITS_PENDING);
      sum[3] += toBigInt(accounts.balances, at + layout.CREDITS_POSTED);
      sums.set(ledger, sum);
    }
    const rows = [...sums].sort(([a], [b]) => a - b);
    return rows.map(([ledger, [debitsPending, debitsPosted, creditsPending, creditsPosted]]) => ({
      ...{ ledger, debitsPending, debitsPosted, creditsPending, creditsPosted },
    }));
  }

  /** Bytes that describe every change of a balance since the last call, in order; valid until the next change. */
  takeEffects(): Uint8Array {
    return this.#columns.effects.take();
  }

  /** After all pages of all components were taken back. */
  restored(): void {
    const { accounts, transfers } = this.#columns;
    this.#columns.restored();
    if (accounts.count > 0) this.#newest = accounts.timestamp(accounts.count - 1);
    const last = transfers.count === 0 ? 0n : transfers.timestamp(transfers.count - 1);
    if (last > this.#newest) this.#newest = last;
  }

  /** Timestamps never repeat: a batch of `count` events must lie wholly after what was before. */
  #advance(timestamp: bigint, count: number): void {
    assert(timestamp - BigInt(count) >= this.#newest, "ledger timestamps must rise");
    this.#newest = timestamp;
  }

  #accountSlot(id: bigint): number {
    fromBigInt(id, this.#key, 0);
    return this.#columns.accounts.index.find(this.#key, 0);
  }

  #transferSlot(id: bigint): number {
    fromBigInt(id, this.#key, 0);
    return this.#columns.transfers.index.find(this.#key, 0);
  }
}
