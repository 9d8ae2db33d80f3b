/**
 * The ledger and its model side by side, and from the first restart on a ledger that was restored from a checkpoint:
 * whatever is done to one is done to all, and what they answer must be the same. Counts what came up.
 */
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import {
  ACCOUNT_STATUS_NUMBERS,
  type ModelAccount,
  type ModelAccountEvent,
  type ModelAccountFilter,
  type ModelDelegate,
  type ModelQueryFilter,
  type ModelResult,
  type ModelTransfer,
  ReferenceLedger,
  TRANSFER_STATUS_NUMBERS,
} from "../../sim/check/reference-ledger.ts";
import { DebitAllowance } from "./debit-allowance.ts";
import { Ledger } from "./ledger.ts";
import { encodeAccounts, encodeTransfers } from "./records.ts";
import { decodeResults, type EventResult } from "./results.ts";
import type { LedgerTotals } from "./totals.ts";

/** How often each status came up, and how often each query found something. */
export class Counts {
  readonly accounts: Map<string, number> = new Map();
  readonly transfers: Map<string, number> = new Map();
  readonly found: Map<string, number> = new Map();

  /** How often each status came up, the most frequent first: `npx vitest run --reporter verbose` shows it. */
  text(): string {
    return [...linesOf("account", this.accounts), ...linesOf("transfer", this.transfers)].join("\n");
  }

  /** Names of statuses that never came up. */
  missing(): string[] {
    return [
      ...namesWithout(ACCOUNT_STATUS_NUMBERS, this.accounts).map((name) => `account ${name}`),
      ...namesWithout(TRANSFER_STATUS_NUMBERS, this.transfers).map((name) => `transfer ${name}`),
    ];
  }
}

function linesOf(title: string, counts: ReadonlyMap<string, number>): string[] {
  return [...counts].toSorted(([, a], [, b]) => b - a).map(([name, count]) => `${title} ${name}: ${count}`);
}

function namesWithout(numbers: Readonly<Record<string, number>>, counts: ReadonlyMap<string, number>): string[] {
  return Object.keys(numbers).filter((name) => !counts.has(name));
}

function allowanceOf({ authority, limits }: ModelDelegate): DebitAllowance {
  return new DebitAllowance(authority, limits);
}

export class Pair {
  readonly model: ReferenceLedger = new ReferenceLedger();
  /** The ledger that was never restarted, and the one that was restarted last. */
  readonly #original: Ledger;
  #restored: Ledger | undefined;
  readonly #segmentRows: number;
  readonly #counts: Counts;
  /** What checkpoints have written. */
  readonly #store = new Map<string, Uint8Array>();
  /** Batches alternate between flat records and objects. */
  #flat = false;

  constructor(segmentRows: number, counts: Counts) {
    this.#segmentRows = segmentRows;
    this.#counts = counts;
    this.#original = new Ledger({ segmentRows });
  }

  createAccounts(batch: readonly ModelAccountEvent[], timestamp: bigint, authority?: number): void {
    this.#flat = !this.#flat;
    const expected = this.model.createAccounts(batch, timestamp, authority);
    for (const ledger of this.#ledgers()) {
      const results = this.#flat
        ? decodeResults(ledger.createAccounts(encodeAccounts(batch), timestamp, authority))
        : ledger.createAccounts(batch, timestamp, authority);
      expectResults(results, expected, ACCOUNT_STATUS_NUMBERS);
    }
    this.#compareEffects();
    for (const { status } of expected) add(this.#counts.accounts, status);
  }

  createTransfers(batch: readonly ModelTransfer[], timestamp: bigint, by?: number | ModelDelegate): void {
    this.#flat = !this.#flat;
    const expected = this.model.createTransfers(batch, timestamp, by);
    for (const ledger of this.#ledgers()) {
      const signer = typeof by === "object" ? allowanceOf(by) : by;
      const results = this.#flat
        ? decodeResults(ledger.createTransfers(encodeTransfers(batch), timestamp, signer))
        : ledger.createTransfers(batch, timestamp, signer);
      expectResults(results, expected, TRANSFER_STATUS_NUMBERS);
      if (typeof by !== "object") continue;
      for (const { ledger: number } of by.limits) {
        expect((signer as DebitAllowance).spent(number)).toBe(this.model.spent(by, number));
      }
    }
    this.#compareEffects();
    for (const { status } of expected) add(this.#counts.transfers, status);
  }

  freeze(id: bigint, frozen: boolean): void {
    const known = this.model.freeze(id, frozen);
    for (const ledger of this.#ledgers()) expect(ledger.freezeAccount(id, frozen)).toBe(known);
    this.#compareEffects();
  }

  expire(timestamp: bigint, limit: number): void {
    const next = this.model.nextExpiry();
    const count = this.model.expire(timestamp, limit);
    for (const ledger of this.#ledgers()) {
      expect(ledger.nextExpiry()).toEqual(next);
      expect(ledger.expirePendingTransfers(timestamp, limit)).toBe(count);
    }
    this.#compareEffects();
  }

  getAccountTransfers(filter: ModelAccountFilter): void {
    const expected = this.model.getAccountTransfers(filter);
    this.#compareFound("accountTransfers", expected, (ledger) => ledger.getAccountTransfers(filter));
  }

  getAccountBalances(filter: ModelAccountFilter): void {
    const expected = this.model.getAccountBalances(filter);
    this.#compareFound("accountBalances", expected, (ledger) => ledger.getAccountBalances(filter));
  }

  queryAccounts(filter: ModelQueryFilter): void {
    const expected = this.model.queryAccounts(filter);
    this.#compareFound("accounts", expected, (ledger) => ledger.queryAccounts(filter));
  }

  queryTransfers(filter: ModelQueryFilter): void {
    const expected = this.model.queryTransfers(filter);
    this.#compareFound("transfers", expected, (ledger) => ledger.queryTransfers(filter));
  }

  getChangeEvents(filter: { timestampMin: bigint; timestampMax: bigint; limit: number }): void {
    const changes = this.model.getChangeEvents(filter);
    const all = this.model.getChangeEvents({ timestampMin: 0n, timestampMax: 0n, limit: Number.MAX_SAFE_INTEGER });
    const expected = changes.map((change) => {
      return { ...change, ledger: change.transfer.ledger, cursor: BigInt(all.indexOf(change) + 1) };
    });
    this.#compareFound("changes", expected, (ledger) => ledger.getChangeEvents(filter));
    for (const { type } of changes) add(this.#counts.found, type);
  }

  /** Writes the pages that changed, and restores a ledger from all that were ever written. */
  restart(): void {
    const original = this.#original;
    for (const part of original.paged) {
      for (const page of part.dirtyPages()) this.#store.set(`${part.name}/${page}`, part.encodePage(page));
      part.markClean();
    }
    const restored = new Ledger({ segmentRows: this.#segmentRows });
    restored.paged.forEach((part, index) => {
      const pages = original.paged[index]?.pageCount() ?? 0;
      for (let page = 0; page < pages; page++) {
        const bytes = this.#store.get(`${part.name}/${page}`);
        if (bytes === undefined) throw new Error(`page ${page} of ${part.name} was never written`);
        part.decodePage(page, bytes);
      }
    });
    for (const part of restored.paged) part.restored();
    restored.restored();
    this.#restored = restored;
  }

  /** All that is kept, one by one; the books must balance. */
  compareAll(): void {
    const { accounts, transfers } = this.model;
    const statuses = transfers.map(({ id }) => this.model.pendingStatus(id));
    const next = this.model.nextExpiry();
    for (const ledger of this.#ledgers()) {
      expectSame(ledger.lookupAccounts(accounts.map(({ id }) => id)), accounts);
      expectSame(ledger.lookupTransfers(transfers.map(({ id }) => id)), transfers);
      expectSame([ledger.accountCount, ledger.transferCount], [accounts.length, transfers.length]);
      expectSame(
        transfers.map(({ id }) => ledger.pendingStatus(id)),
        statuses,
      );
      expectSame(ledger.nextExpiry(), next);
      ledger.checkInvariants();
    }
    this.#comparePages();
  }

  #ledgers(): readonly Ledger[] {
    return this.#restored === undefined ? [this.#original] : [this.#original, this.#restored];
  }

  #compareFound(query: string, expected: readonly unknown[], find: (ledger: Ledger) => readonly unknown[]): void {
    for (const ledger of this.#ledgers()) expectSame(find(ledger), expected);
    if (expected.length > 0) add(this.#counts.found, query);
  }

  #compareEffects(): void {
    const effects = this.#ledgers().map((ledger) => ledger.takeEffects());
    expectSame(effects.at(-1), effects[0]);
    this.#compareTotals();
  }

  /** The sums are those of the model's accounts, and the books balance. */
  #compareTotals(): void {
    const expected = totalsOf(this.model.accounts);
    for (const ledger of this.#ledgers()) expectSame(ledger.totals(), expected);
    for (const sums of expected) {
      expectSame([sums.debitsPending, sums.debitsPosted], [sums.creditsPending, sums.creditsPosted]);
    }
  }

  #comparePages(): void {
    const pages = this.#ledgers().map(({ paged }) =>
      paged.map((part) => Array.from({ length: part.pageCount() }, (_, page) => part.encodePage(page))),
    );
    expectSame(pages.at(-1), pages[0]);
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

function totalsOf(accounts: readonly ModelAccount[]): readonly LedgerTotals[] {
  const ledgers = [...new Set(accounts.map(({ ledger }) => ledger))].sort((a, b) => a - b);
  return ledgers.map((ledger) => {
    const own = accounts.filter((account) => account.ledger === ledger);
    const sum = (of: (account: ModelAccount) => bigint): bigint => own.reduce((all, account) => all + of(account), 0n);
    return {
      ledger,
      debitsPending: sum(({ debitsPending }) => debitsPending),
      debitsPosted: sum(({ debitsPosted }) => debitsPosted),
      creditsPending: sum(({ creditsPending }) => creditsPending),
      creditsPosted: sum(({ creditsPosted }) => creditsPosted),
    };
  });
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1);
}
