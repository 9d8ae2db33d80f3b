/**
 * The double-entry engine: accounts and transfers in batches; synchronous, deterministic, without a cluster around it.
 * The semantics are those of TigerBeetle 0.17 (fields, flags, statuses and their precedence), with an authority on every
 * account that a debit needs. docs/ledger.md shows each operation.
 *
 * Invariant: in every ledger the sum of all debits equals the sum of all credits, pending and posted.
 */
import { CodedError } from "../base/errors.ts";
import { BATCH_RECORDS_MAX } from "../base/limits.ts";
import type { Paged } from "../base/paged.ts";
import { checkAuthority, SYSTEM_AUTHORITY } from "./authority.ts";
import { type BatchRules, runBatch } from "./batch.ts";
import { BatchWords } from "./batch-words.ts";
import { Books } from "./books.ts";
import { type ChangeEvent, ChangeEvents } from "./change-events.ts";
import { AccountRules } from "./create-accounts.ts";
import { TransferRules } from "./create-transfers.ts";
import { DebitAllowance } from "./debit-allowance.ts";
import { checkFields, checkList, checkUnsigned, malformed } from "./fields.ts";
import type { AccountFilter, ChangeEventsFilter, QueryFilter } from "./filters.ts";
import type { AccountBalance } from "./history.ts";
import { checkHolds } from "./holds.ts";
import { RECORD_WORDS } from "./layout.ts";
import { Pages } from "./pages.ts";
import type { PendingStatus } from "./pending-statuses.ts";
import { type Bounds, Queries } from "./queries.ts";
import {
  type Account,
  type AccountInput,
  encodeAccounts,
  encodeTransfers,
  type Transfer,
  type TransferInput,
} from "./records.ts";
import { decodeResults, type EventResult, RESULT_BYTES, RESULT_WORDS } from "./results.ts";
import { type LedgerTotals, Totals } from "./totals.ts";
import { fromBigInt, setU64, u64At } from "./words.ts";

const TIMESTAMP_MAX: bigint = (1n << 63n) - 1n;
const SEGMENT_ROWS = 32_768;
const SEGMENT_ROWS_MAX = 65_536;
const NO_BOUNDS: Bounds = { triesMax: Number.POSITIVE_INFINITY };

export interface LedgerOptions {
  /**
   * Transfers that are packed together once so many have come; a power of two, up to 65,536. Pages of a checkpoint fit
   * only a ledger with the same value. Default 32,768.
   */
  readonly segmentRows?: number;
}

export class Ledger {
  readonly #books: Books;
  readonly #accountRules: AccountRules;
  readonly #transferRules: TransferRules;
  readonly #queries: Queries;
  readonly #totals: Totals;
  readonly #id = new Uint32Array(4);
  readonly #time = new Uint32Array(2);
  /** The last timestamp given to anything. */
  #newest = 0n;
  readonly #words = new BatchWords();
  /** Results of the batch that runs. */
  #results = new Uint32Array(0);
  #resultBytes = new Uint8Array(0);
  /** Components for checkpoints. */
  readonly paged: readonly Paged[];
  /** The answers below, within bounds. */
  readonly pages: Pages;

  /** @throws CodedError `malformed_argument` */
  constructor(options: LedgerOptions = {}) {
    checkFields("malformed_argument", "the options", options, { segmentRows: 32 }, []);
    const { segmentRows = SEGMENT_ROWS } = options;
    if (segmentRows === 0 || segmentRows > SEGMENT_ROWS_MAX || (segmentRows & (segmentRows - 1)) !== 0) {
      throw malformed("malformed_argument", "segmentRows", "must be a power of two, up to 65,536");
    }
    const books = new Books(segmentRows);
    this.#books = books;
    this.#accountRules = new AccountRules(books);
    this.#transferRules = new TransferRules(books);
    this.#queries = new Queries(books);
    this.#totals = new Totals(books.accounts);
    this.pages = new Pages(this.#queries, new ChangeEvents(books));
    const { accounts, transfers, burned, history, expiries } = books;
    this.paged = [accounts, transfers.table, transfers.statuses, burned, history.table, expiries];
  }

  get accountCount(): number {
    return this.#books.accounts.count;
  }

  get transferCount(): number {
    return this.#books.transfers.count;
  }

  /**
   * Creates accounts that belong to `authority`. Event i of n happens at `timestamp - n + i + 1`, in nanoseconds; all
   * must be later than everything before. Flat records are answered with flat results, objects with objects.
   *
   * @throws CodedError `batch_misaligned`, `batch_too_long`, `malformed_record`, `timestamp_not_rising`,
   * `malformed_argument`
   */
  createAccounts(batch: Uint8Array, timestamp: bigint, authority?: number): Uint8Array;
  createAccounts(batch: readonly AccountInput[], timestamp: bigint, authority?: number): EventResult[];
  createAccounts(
    batch: Uint8Array | readonly AccountInput[],
    timestamp: bigint,
    authority: number = SYSTEM_AUTHORITY,
  ): Uint8Array | EventResult[] {
    checkAuthority(authority);
    const flat = batch instanceof Uint8Array;
    const results = this.#run(this.#accountRules.begin(authority), flat ? batch : encodeAccounts(batch), timestamp);
    return flat ? results : decodeResults(results);
  }

  /** Creates transfers signed by an authority, or by a delegate within its allowance; otherwise as `createAccounts`. */
  createTransfers(batch: Uint8Array, timestamp: bigint, signer?: number | DebitAllowance): Uint8Array;
  createTransfers(batch: readonly TransferInput[], timestamp: bigint, signer?: number | DebitAllowance): EventResult[];
  createTransfers(
    batch: Uint8Array | readonly TransferInput[],
    timestamp: bigint,
    signer: number | DebitAllowance = SYSTEM_AUTHORITY,
  ): Uint8Array | EventResult[] {
    if (!(signer instanceof DebitAllowance)) checkAuthority(signer);
    const flat = batch instanceof Uint8Array;
    const results = this.#run(this.#transferRules.begin(signer), flat ? batch : encodeTransfers(batch), timestamp);
    this.#transferRules.end();
    return flat ? results : decodeResults(results);
  }

  /**
   * The accounts with these ids, in this order; ids that no account has are left out.
   *
   * @throws CodedError `malformed_record` for what cannot be an id, `malformed_argument` for what is no array
   */
  lookupAccounts(ids: readonly bigint[]): Account[] {
    checkList("ids", ids);
    return Array.from(ids, (id) => this.lookupAccount(id)).filter((account) => account !== undefined);
  }

  /** The transfers with these ids; otherwise as `lookupAccounts`. */
  lookupTransfers(ids: readonly bigint[]): Transfer[] {
    checkList("ids", ids);
    return Array.from(ids, (id) => this.lookupTransfer(id)).filter((transfer) => transfer !== undefined);
  }

  lookupAccount(id: bigint): Account | undefined {
    const slot = this.#accountSlot(id);
    return slot < 0 ? undefined : this.#books.accounts.account(slot);
  }

  lookupTransfer(id: bigint): Transfer | undefined {
    const slot = this.#transferSlot(id);
    return slot < 0 ? undefined : this.#books.transfers.transfer(slot);
  }

  /** An account's transfers. @throws CodedError `malformed_filter` */
  getAccountTransfers(filter: AccountFilter): readonly Transfer[] {
    return this.pages.accountTransfers(filter, NO_BOUNDS).items;
  }

  /**
   * How an account with the `history` flag stood after each of the transfers that the filter finds; nothing for others.
   * An expiry is no transfer, and has no row. @throws CodedError `malformed_filter`
   */
  getAccountBalances(filter: AccountFilter): readonly AccountBalance[] {
    return this.pages.accountBalances(filter, NO_BOUNDS).items;
  }

  /** Accounts by what they are. @throws CodedError `malformed_filter` */
  queryAccounts(filter: QueryFilter): readonly Account[] {
    return this.pages.accounts(filter, NO_BOUNDS).items;
  }

  /** Transfers by what they are. @throws CodedError `malformed_filter` */
  queryTransfers(filter: QueryFilter): readonly Transfer[] {
    return this.pages.transfers(filter, NO_BOUNDS).items;
  }

  /** What changed, in the order in which it happened. @throws CodedError `malformed_filter` */
  getChangeEvents(filter: ChangeEventsFilter): readonly ChangeEvent[] {
    return this.pages.changeEvents(filter, NO_BOUNDS).events;
  }

  /** The authority an account belongs to. */
  accountAuthority(id: bigint): number | undefined {
    const slot = this.#accountSlot(id);
    return slot < 0 ? undefined : this.#books.accounts.authority(slot);
  }

  /** Freezes an account, so that nothing debits it, or thaws it; false where there is no such account. */
  freezeAccount(id: bigint, frozen: boolean): boolean {
    if (typeof frozen !== "boolean") throw malformed("malformed_argument", "frozen", "must be true or false");
    const slot = this.#accountSlot(id);
    if (slot < 0) return false;
    this.#books.freeze(slot, frozen);
    return true;
  }

  /** What became of a pending transfer; `none` where there is no such pending transfer. */
  pendingStatus(id: bigint): PendingStatus {
    const slot = this.#transferSlot(id);
    return slot < 0 ? "none" : this.#books.transfers.status(slot);
  }

  /** When the next pending transfer expires, nanoseconds. */
  nextExpiry(): bigint | undefined {
    return this.#books.nextExpiring(this.#time, 0) < 0 ? undefined : u64At(this.#time, 0);
  }

  /**
   * Expires pending transfers whose time has come by `timestamp`, at most `limit`, in the order of expiry and then of
   * creation; returns how many. Expiry i of n happens at `timestamp - n + i + 1`, later than everything before: what
   * finds no room there is left for the next call.
   *
   * @throws CodedError `timestamp_not_rising`, `malformed_argument`
   */
  expirePendingTransfers(timestamp: bigint, limit: number = BATCH_RECORDS_MAX): number {
    checkUnsigned("malformed_argument", "the limit", limit, 32);
    this.#checkTime(timestamp, 0);
    setU64(this.#time, 0, timestamp);
    const room = timestamp - this.#newest;
    const slots = this.#books.takeExpiring(this.#time, 0, room < BigInt(limit) ? Number(room) : limit);
    if (slots.length === 0) return 0;
    this.#newest = timestamp;
    slots.forEach((slot, index) => {
      setU64(this.#time, 0, timestamp - BigInt(slots.length - 1 - index));
      this.#books.expire(slot, this.#time, 0);
    });
    this.#books.seal();
    return slots.length;
  }

  /** Sums a ledger, ascending by ledger number; looks at the accounts near those that changed since the last call. */
  totals(): readonly LedgerTotals[] {
    return this.#totals.read();
  }

  /** Throws `InvariantError` where an account's pending balances are not its pending transfers; looks at all of them. */
  checkInvariants(): void {
    checkHolds(this.#books);
  }

  /** Bytes that describe the accounts that changed since the last call, as they stand; overwritten at the next call. */
  takeEffects(): Uint8Array {
    return this.#books.effects.take();
  }

  /** After all pages of all components were taken back. */
  restored(): void {
    this.#books.restored();
    this.#totals.restored();
    this.#queries.update();
    this.#newest = this.#books.newestTimestamp();
  }

  #run(rules: BatchRules, batch: Uint8Array, timestamp: bigint): Uint8Array {
    const words = this.#words.of(batch);
    const count = words.length / RECORD_WORDS;
    this.#checkTime(timestamp, count);
    this.#newest = timestamp;
    if (this.#resultBytes.length < count * RESULT_BYTES) {
      this.#results = new Uint32Array(count * RESULT_WORDS);
      this.#resultBytes = new Uint8Array(this.#results.buffer);
    }
    runBatch(this.#books, rules, words, timestamp, this.#results);
    this.#books.seal();
    this.#queries.update();
    return this.#resultBytes.slice(0, count * RESULT_BYTES);
  }

  /** Timestamps never repeat: `count` events up to this one must lie after all before. */
  #checkTime(timestamp: bigint, count: number): void {
    if (typeof timestamp !== "bigint") throw malformed("malformed_argument", "the timestamp", "must be a bigint");
    if (timestamp <= TIMESTAMP_MAX && timestamp - BigInt(count) >= this.#newest) return;
    const facts = { timestamp: String(timestamp), count, newest: String(this.#newest) };
    throw new CodedError(
      "timestamp_not_rising",
      "events must be later than all before them, and before 2^63 ns",
      facts,
    );
  }

  #accountSlot(id: bigint): number {
    this.#setId(id);
    return this.#books.accounts.find(this.#id, 0);
  }

  #transferSlot(id: bigint): number {
    this.#setId(id);
    return this.#books.transfers.find(this.#id, 0);
  }

  #setId(id: bigint): void {
    checkUnsigned("malformed_record", "the id", id, 128);
    fromBigInt(id, this.#id, 0);
  }
}
