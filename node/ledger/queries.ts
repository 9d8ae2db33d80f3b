/**
 * Answers to filters: which accounts, transfers and balances they find. The filters must have results.
 */
import type { Books } from "./books.ts";
import { type AccountFilter, accountFilterFlags, type QueryFilter, queryFilterFlags } from "./filters.ts";
import type { AccountBalance } from "./history.ts";
import * as layout from "./layout.ts";
import { ROW } from "./layout.ts";
import { type Account, accountFlags, type Transfer } from "./records.ts";
import { FIELDS, type FieldName } from "./segment-order.ts";
import { type Clause, type FoundTransfers, TransferIndex } from "./transfer-query.ts";
import { fromBigInt, setU64, u64At } from "./words.ts";

interface Range {
  readonly timestampMin?: bigint;
  readonly timestampMax?: bigint;
}

/** How much a query may look at, and what of it is shown. */
export interface Bounds {
  /** Rows that are looked at before the answer stops short. */
  readonly triesMax: number;
  /** Shows only this authority's accounts, and transfers on them; without it, all. */
  readonly authority?: number | undefined;
}

/** Results, and where the rest begins. */
export interface Page<T> {
  readonly items: readonly T[];
  /** The `timestampMin` of the next page, or its `timestampMax` in reversed order; 0 when nothing is left. */
  readonly next: bigint;
}

const NOTHING: Page<never> = { items: [], next: 0n };

export class Queries {
  readonly #books: Books;
  readonly #index: TransferIndex;
  readonly #words = new Uint32Array(4);
  #rowsRead = 0;

  constructor(books: Books) {
    this.#books = books;
    this.#index = new TransferIndex(books.transfers.table);
  }

  /** Rows that all queries together have gone through. */
  get rowsRead(): number {
    return this.#rowsRead;
  }

  /** Takes note of transfers that were packed. */
  update(): void {
    this.#index.update();
  }

  accountTransfers(filter: AccountFilter, bounds: Bounds): Page<Transfer> {
    const account = this.#account(filter.accountId);
    if (account < 0 || !this.#shows(account, bounds)) return NOTHING;
    return this.#page(this.#onAccount(filter, account, bounds), (slot) => this.#books.transfers.transfer(slot));
  }

  accountBalances(filter: AccountFilter, bounds: Bounds): Page<AccountBalance> {
    const { accounts, transfers, history } = this.#books;
    const account = this.#account(filter.accountId);
    if (account < 0 || !this.#shows(account, bounds)) return NOTHING;
    if ((accounts.flags(account) & accountFlags.history) === 0) return NOTHING;
    return this.#page(this.#onAccount(filter, account, bounds), (slot) => ({
      ...history.find(slot, account),
      timestamp: transfers.timestamp(slot),
    }));
  }

  transfers(filter: QueryFilter, bounds: Bounds): Page<Transfer> {
    const { transfers } = this.#books;
    const { triesMax, authority } = bounds;
    const shows = (slot: number): boolean =>
      this.#shows(transfers.get(slot, ROW.debit), bounds) || this.#shows(transfers.get(slot, ROW.credit), bounds);
    const found = this.#index.find({
      ...{ clauses: dataClauses(filter), ...this.#slots(filter), limit: filter.limit, triesMax },
      reversed: ((filter.flags ?? 0) & queryFilterFlags.reversed) !== 0,
      wanted: authority === undefined ? undefined : shows,
    });
    return this.#page(found, (slot) => transfers.transfer(slot));
  }

  /** Reads the accounts through, as their rows lie. */
  accounts(filter: QueryFilter, bounds: Bounds): Page<Account> {
    const { accounts } = this.#books;
    const { timestampMin = 0n, timestampMax = 0n, limit } = filter;
    const reversed = ((filter.flags ?? 0) & queryFilterFlags.reversed) !== 0;
    setU64(this.#words, 0, timestampMin);
    const from = accounts.firstFrom(this.#words, 0);
    setU64(this.#words, 0, timestampMax + 1n);
    const to = timestampMax === 0n ? accounts.count : accounts.firstFrom(this.#words, 0);
    const items: Account[] = [];
    for (let step = 0; step < to - from; step++) {
      this.#rowsRead += 1;
      const slot = reversed ? to - 1 - step : from + step;
      if (items.length >= limit || step >= bounds.triesMax) return { items, next: accounts.timestamp(slot) };
      if (!fits(accounts.rows, slot * layout.RECORD_WORDS, filter) || !this.#shows(slot, bounds)) continue;
      items.push(accounts.account(slot));
    }
    return { items, next: 0n };
  }

  #page<T>({ slots, rest, rowsRead }: FoundTransfers, read: (slot: number) => T): Page<T> {
    this.#rowsRead += rowsRead;
    const next = rest === undefined ? 0n : this.#books.transfers.timestamp(rest);
    return { items: slots.map(read), next };
  }

  #shows(account: number, { authority }: Bounds): boolean {
    return authority === undefined || this.#books.accounts.authority(account) === authority;
  }

  #onAccount(filter: AccountFilter, account: number, { triesMax }: Bounds): FoundTransfers {
    const { debits, credits, reversed } = accountFilterFlags;
    const value = Uint32Array.of(account);
    const sides: FieldName[] = [];
    if ((filter.flags & debits) !== 0) sides.push("debit");
    if ((filter.flags & credits) !== 0) sides.push("credit");
    const clauses = [sides.map((field) => ({ field, value })), ...dataClauses(filter)];
    const rest = { limit: filter.limit, triesMax, reversed: (filter.flags & reversed) !== 0 };
    return this.#index.find({ clauses, ...this.#slots(filter), ...rest });
  }

  #account(id: bigint): number {
    fromBigInt(id, this.#words, 0);
    return this.#books.accounts.find(this.#words, 0);
  }

  /** Slots of the transfers in a range of time. */
  #slots({ timestampMin = 0n, timestampMax = 0n }: Range): { readonly from: number; readonly to: number } {
    const { table } = this.#books.transfers;
    setU64(this.#words, 0, timestampMin);
    const from = table.firstFrom(ROW.timestamp, this.#words, 0);
    if (timestampMax === 0n) return { from, to: table.count };
    setU64(this.#words, 0, timestampMax + 1n);
    return { from, to: table.firstFrom(ROW.timestamp, this.#words, 0) };
  }
}

/** A clause for each field of the filter that is not zero. */
function dataClauses(filter: QueryFilter | AccountFilter): Clause[] {
  const ledger = "ledger" in filter ? (filter.ledger ?? 0) : 0;
  const { userData128 = 0n, userData64 = 0n, userData32 = 0, code = 0 } = filter;
  const wanted: readonly (readonly [FieldName, bigint])[] = [
    ["userData128", userData128],
    ["userData64", userData64],
    ["userData32", BigInt(userData32)],
    ["ledger", BigInt(ledger)],
    ["code", BigInt(code)],
  ];
  return wanted
    .filter(([, value]) => value !== 0n)
    .map(([field, value]) => {
      const words = new Uint32Array(4);
      fromBigInt(value, words, 0);
      return [{ field, value: words.subarray(0, FIELDS[field].width) }];
    });
}

function fits(rows: Uint32Array, row: number, filter: QueryFilter): boolean {
  const { userData64 = 0n, userData128 = 0n, userData32 = 0, ledger = 0, code = 0 } = filter;
  return (
    (ledger === 0 || rows[row + layout.LEDGER] === ledger) &&
    (code === 0 || ((rows[row + layout.CODE_FLAGS] as number) & layout.CODE_MASK) === code) &&
    (userData32 === 0 || rows[row + layout.USER_DATA_32] === userData32) &&
    (userData64 === 0n || u64At(rows, row + layout.USER_DATA_64) === userData64) &&
    (userData128 === 0n || is128(rows, row + layout.USER_DATA, userData128))
  );
}

function is128(rows: Uint32Array, at: number, value: bigint): boolean {
  return (u64At(rows, at) | (u64At(rows, at + 2) << 64n)) === value;
}
