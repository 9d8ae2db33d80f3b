/**
 * The ledger and its model side by side: whatever is done to one is done to the other, and what they answer must be the
 * same. Counts the statuses that came up.
 */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { Ledger } from "./ledger.ts";
import {
  ACCOUNT_STATUS_NUMBERS,
  type ModelAccountEvent,
  type ModelAccountFilter,
  type ModelQueryFilter,
  type ModelResult,
  type ModelTransfer,
  ReferenceLedger,
  TRANSFER_STATUS_NUMBERS,
} from "./model.test-support.ts";
import { encodeAccounts, encodeTransfers } from "./records.ts";
import { decodeResults, type EventResult } from "./results.ts";

/** How often each status came up, and how often each query found something. */
export class Counts {
  readonly accounts: Map<string, number> = new Map();
  readonly transfers: Map<string, number> = new Map();
  readonly found: Map<string, number> = new Map();

  /** Names of statuses that never came up. */
  missing(): string[] {
    return [
      ...namesWithout(ACCOUNT_STATUS_NUMBERS, this.accounts).map((name) => `account ${name}`),
      ...namesWithout(TRANSFER_STATUS_NUMBERS, this.transfers).map((name) => `transfer ${name}`),
    ];
  }
}

function namesWithout(numbers: Readonly<Record<string, number>>, counts: ReadonlyMap<string, number>): string[] {
  return Object.keys(numbers).filter((name) => !counts.has(name));
}

export class Pair {
  ledger: Ledger;
  readonly model: ReferenceLedger = new ReferenceLedger();
  readonly #segmentRows: number;
  readonly #counts: Counts;
  /** Batches alternate between flat records and objects. */
  #flat = false;

  constructor(segmentRows: number, counts: Counts) {
    this.#segmentRows = segmentRows;
    this.#counts = counts;
    this.ledger = new Ledger({ segmentRows });
  }

  createAccounts(batch: readonly ModelAccountEvent[], timestamp: bigint, authority?: number): readonly ModelResult[] {
    this.#flat = !this.#flat;
    const expected = this.model.createAccounts(batch, timestamp, authority);
    const actual = this.#flat
      ? decodeResults(this.ledger.createAccounts(encodeAccounts(batch), timestamp, authority))
      : this.ledger.createAccounts(batch, timestamp, authority);
    expectResults(actual, expected, ACCOUNT_STATUS_NUMBERS);
    for (const { status } of expected) add(this.#counts.accounts, status);
    return expected;
  }

  createTransfers(batch: readonly ModelTransfer[], timestamp: bigint, authority?: number): readonly ModelResult[] {
    this.#flat = !this.#flat;
    const expected = this.model.createTransfers(batch, timestamp, authority);
    const actual = this.#flat
      ? decodeResults(this.ledger.createTransfers(encodeTransfers(batch), timestamp, authority))
      : this.ledger.createTransfers(batch, timestamp, authority);
    expectResults(actual, expected, TRANSFER_STATUS_NUMBERS);
    for (const { status } of expected) add(this.#counts.transfers, status);
    return expected;
  }

  expire(timestamp: bigint, limit: number): void {
    expect(this.ledger.nextExpiry()).toEqual(this.model.nextExpiry());
    expect(this.ledger.expirePendingTransfers(timestamp, limit)).toBe(this.model.expire(timestamp, limit));
  }

  getAccountTransfers(filter: ModelAccountFilter): void {
    this.#compareFound(
      "accountTransfers",
      this.ledger.getAccountTransfers(filter),
      this.model.getAccountTransfers(filter),
    );
  }

  getAccountBalances(filter: ModelAccountFilter): void {
    this.#compareFound(
      "accountBalances",
      this.ledger.getAccountBalances(filter),
      this.model.getAccountBalances(filter),
    );
  }

  queryAccounts(filter: ModelQueryFilter): void {
    this.#compareFound("accounts", this.ledger.queryAccounts(filter), this.model.queryAccounts(filter));
  }

  queryTransfers(filter: ModelQueryFilter): void {
    this.#compareFound("transfers", this.ledger.queryTransfers(filter), this.model.queryTransfers(filter));
  }

  getChangeEvents(filter: { timestampMin: bigint; timestampMax: bigint; limit: number }): void {
    const changes = this.model.getChangeEvents(filter);
    const expected = changes.map((change) => ({ ...change, ledger: change.transfer.ledger }));
    this.#compareFound("changes", this.ledger.getChangeEvents(filter), expected);
    for (const { type } of changes) add(this.#counts.found, type);
  }

  /** Writes a checkpoint, as a restart would find it, and goes on with a ledger restored from it. */
  restart(store: Map<string, Uint8Array>): void {
    for (const part of this.ledger.paged) {
      for (const page of part.dirtyPages()) store.set(`${part.name}/${page}`, part.encodePage(page));
      part.markClean();
    }
    const restored = new Ledger({ segmentRows: this.#segmentRows });
    restored.paged.forEach((part, index) => {
      const pages = this.ledger.paged[index]?.pageCount() ?? 0;
      for (let page = 0; page < pages; page++) {
        const bytes = store.get(`${part.name}/${page}`);
        if (bytes === undefined) throw new Error(`page ${page} of ${part.name} was never written`);
        part.decodePage(page, bytes);
      }
    });
    for (const part of restored.paged) part.restored();
    restored.restored();
    this.ledger = restored;
  }

  /** All that is kept, one by one; the books must balance. */
  compareAll(): void {
    const { ledger, model } = this;
    const { accounts, transfers } = model;
    expectSame(ledger.lookupAccounts(accounts.map(({ id }) => id)), accounts);
    expectSame(ledger.lookupTransfers(transfers.map(({ id }) => id)), transfers);
    expect([ledger.accountCount, ledger.transferCount]).toEqual([accounts.length, transfers.length]);
    expectSame(
      transfers.map(({ id }) => ledger.pendingStatus(id)),
      transfers.map(({ id }) => model.pendingStatus(id)),
    );
    expect(ledger.nextExpiry()).toEqual(model.nextExpiry());
    for (const sums of ledger.totals()) {
      expect([sums.debitsPending, sums.debitsPosted]).toEqual([sums.creditsPending, sums.creditsPosted]);
    }
  }

  #compareFound(query: string, actual: readonly unknown[], expected: readonly unknown[]): void {
    expectSame(actual, expected);
    if (expected.length > 0) add(this.#counts.found, query);
  }
}

function expectResults(
  actual: readonly EventResult[],
  expected: readonly ModelResult[],
  numbers: Readonly<Record<string, number>>,
): void {
  const names = new Map(Object.entries(numbers).map(([name, number]) => [number, name]));
  const named = actual.map(({ timestamp, status }) => ({ status: names.get(status) ?? `? ${status}`, timestamp }));
  expectSame(named, expected);
}

/** `expect(...).toEqual`, which is slow, only to say what is different. */
function expectSame(actual: unknown, expected: unknown): void {
  if (!isDeepStrictEqual(actual, expected)) expect(actual).toEqual(expected);
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
