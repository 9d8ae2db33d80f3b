/** Answers in bounded pieces: put together they are the whole answer, whatever the bounds. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Prng } from "../base/prng.ts";
import type { ChangeEvent } from "./change-events.ts";
import { type AccountFilter, accountFilterFlags, type QueryFilter, queryFilterFlags } from "./filters.ts";
import { Ledger } from "./ledger.ts";
import type { Bounds, Page } from "./queries.ts";
import { accountFlags, encodeTransfers, type TransferInput, transferFlags } from "./records.ts";

const SECOND = 1_000_000_000n;
const ACCOUNTS = 6;
const NO_BOUNDS: Bounds = { triesMax: Number.POSITIVE_INFINITY };

/** Transfers among six accounts of two authorities: plain, pending, posted, expired. */
function busyLedger(seed: number, batches: number): Ledger {
  const random = new Prng(seed);
  const ledger = new Ledger({ segmentRows: 64 });
  let now = 1_700_000_000n * SECOND;
  for (let id = 1; id <= ACCOUNTS; id++) {
    const account = { id: BigInt(id), ledger: 978, code: 1 + (id % 2), flags: accountFlags.history };
    ledger.createAccounts([account], now++, 1 + (id % 2));
  }
  let id = 1n;
  for (let batch = 0; batch < batches; batch++) {
    now += BigInt(1 + random.below(3)) * SECOND;
    ledger.expirePendingTransfers(now);
    now += 100n;
    const transfers = Array.from({ length: 1 + random.below(40) }, (): TransferInput => {
      const debit = 1 + random.below(ACCOUNTS);
      const credit = 1 + ((debit + random.below(ACCOUNTS - 1)) % ACCOUNTS);
      const base = { id: id++, ledger: 978, code: 1 + random.below(3), userData32: random.below(3) };
      const sides = {
        debitAccountId: BigInt(debit),
        creditAccountId: BigInt(credit),
        amount: BigInt(random.below(90)),
      };
      const pendingId = BigInt(1 + random.below(Number(id)));
      switch (random.below(4)) {
        case 0:
          return { ...base, ...sides, flags: transferFlags.pending, timeout: random.below(5) };
        case 1:
          return { id: base.id, pendingId, amount: 2n ** 128n - 1n, flags: transferFlags.postPendingTransfer };
        default:
          return { ...base, ...sides };
      }
    });
    ledger.createTransfers(transfers, now);
  }
  return ledger;
}

const ledger: Ledger = busyLedger(7, 40);
const everything: readonly ChangeEvent[] = ledger.getChangeEvents({ limit: 100_000 });
const times: readonly bigint[] = everything.map(({ timestamp }) => timestamp);

const time = fc.oneof(fc.constant(0n), fc.constantFrom(...times), fc.constantFrom(...times.map((at) => at + 1n)));
const bounds = fc.record({
  triesMax: fc.integer({ min: 34, max: 500 }),
  authority: fc.constantFrom(undefined, 1, 2, 3),
});
const data = {
  ...{ timestampMin: time, timestampMax: time, code: fc.nat(3), userData32: fc.nat(3) },
  limit: fc.integer({ min: 1, max: 50 }),
};
const accountFilter: fc.Arbitrary<AccountFilter> = fc.record({
  ...{ ...data, accountId: fc.bigInt({ min: 1n, max: BigInt(ACCOUNTS + 1) }), flags: fc.nat(7) },
});
const queryFilter: fc.Arbitrary<QueryFilter> = fc.record({
  ...{ ...data, ledger: fc.constantFrom(0, 978, 5), flags: fc.nat(1) },
});

/** Reads page after page, each from where the last said. */
function readThrough<F extends AccountFilter | QueryFilter, T>(
  filter: F,
  reversed: boolean,
  page: (filter: F) => Page<T>,
): readonly T[] {
  const all: T[] = [];
  for (let rest = filter; ; ) {
    const { items, next } = page(rest);
    expect(items.length).toBeLessThanOrEqual(filter.limit);
    all.push(...items);
    if (next === 0n) return all;
    rest = { ...rest, ...(reversed ? { timestampMax: next } : { timestampMin: next }) };
  }
}

function sees(authority: number | undefined, ...ids: readonly bigint[]): boolean {
  return authority === undefined || ids.some((id) => ledger.accountAuthority(id) === authority);
}

describe("pages of any size, in both directions, are the whole answer", () => {
  test("transfers and balances of an account", () => {
    const property = fc.property(accountFilter, bounds, (filter, within) => {
      const reversed = (filter.flags & accountFilterFlags.reversed) !== 0;
      const whole = { ...filter, limit: 100_000 };
      const shown = sees(within.authority, filter.accountId);
      const { pages } = ledger;
      const transfers = readThrough(filter, reversed, (part) => pages.accountTransfers(part, within));
      expect(transfers).toEqual(shown ? ledger.getAccountTransfers(whole) : []);
      const balances = readThrough(filter, reversed, (part) => pages.accountBalances(part, within));
      expect(balances).toEqual(shown ? ledger.getAccountBalances(whole) : []);
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("accounts and transfers", () => {
    const property = fc.property(queryFilter, bounds, (filter, within) => {
      const reversed = ((filter.flags ?? 0) & queryFilterFlags.reversed) !== 0;
      const whole = { ...filter, limit: 100_000 };
      const { authority } = within;
      const accounts = readThrough(filter, reversed, (part) => ledger.pages.accounts(part, within));
      expect(accounts).toEqual(ledger.queryAccounts(whole).filter(({ id }) => sees(authority, id)));
      const transfers = readThrough(filter, reversed, (part) => ledger.pages.transfers(part, within));
      const seen = ledger
        .queryTransfers(whole)
        .filter(({ debitAccountId, creditAccountId }) => sees(authority, debitAccountId, creditAccountId));
      expect(transfers).toEqual(seen);
    });
    fc.assert(property, { numRuns: 300 });
  });

  test("a page looks at no more rows than it may, and then has a next one", () => {
    const { items, next } = ledger.pages.transfers({ limit: 1_000, code: 9 }, { triesMax: 100 });
    expect([items, next > 0n]).toEqual([[], true]);
    expect(ledger.pages.accounts({ limit: 9 }, { triesMax: 2 }).items).toHaveLength(2);
  });

  test("what was looked at is counted, also where nothing is found", () => {
    const { pages } = ledger;
    const rowsRead = (read: () => unknown): number => {
      const before = pages.rowsRead;
      read();
      return pages.rowsRead - before;
    };
    const nobodys = { triesMax: 100, authority: 9 };
    const byAccount = { accountId: 1n, flags: 3, limit: 1_000 };
    for (const read of [
      () => pages.transfers({ limit: 1_000, code: 9 }, { triesMax: 100 }),
      () => pages.transfers({ limit: 1_000 }, nobodys),
      () => pages.changeEvents({ limit: 1_000 }, nobodys),
    ])
      expect(rowsRead(read)).toBeGreaterThanOrEqual(100);
    expect(rowsRead(() => pages.accounts({ limit: 9 }, nobodys))).toBe(ledger.accountCount);
    const { length } = ledger.getAccountTransfers(byAccount);
    expect(length).toBeGreaterThan(0);
    expect(rowsRead(() => pages.accountTransfers(byAccount, NO_BOUNDS))).toBeGreaterThanOrEqual(length);
    expect(rowsRead(() => pages.seekChangeEvents({ limit: 1, cursor: 20n }, 1_000))).toBeGreaterThan(0);
  });

  test("rows that lie outside the time that was asked for are counted where they have to be gone through", () => {
    const first = ledger.queryTransfers({ limit: 1 })[0];
    const before = ledger.pages.rowsRead;
    const until = { limit: 10, timestampMax: first?.timestamp ?? 0n };
    expect(ledger.pages.transfers(until, { triesMax: 100 }).items).toHaveLength(1);
    expect(ledger.pages.rowsRead - before).toBeGreaterThan(1);
  });
});

describe("changes", () => {
  test("are all there, each with its place", () => {
    expect(everything.map(({ cursor }) => cursor)).toEqual(everything.map((_, index) => BigInt(index + 1)));
    expect(new Set(everything.map(({ type }) => type)).size).toBe(4);
  });

  test("read on from any cursor, in pages of any size, are the rest of the stream", () => {
    const from = fc.record({ cursor: fc.bigInt({ min: 0n, max: BigInt(everything.length) }), timestampMin: time });
    const property = fc.property(from, time, bounds, data.limit, (start, timestampMax, within, limit) => {
      const read: ChangeEvent[] = [];
      for (let { cursor } = start, more = true; more; ) {
        const page = ledger.pages.changeEvents({ ...start, timestampMax, cursor, limit }, within);
        read.push(...page.events);
        expect(page.next).toBeGreaterThanOrEqual(cursor);
        ({ next: cursor, more } = page);
      }
      const expected = everything.filter(
        ({ cursor, timestamp, debitAccount, creditAccount }) =>
          cursor > start.cursor &&
          timestamp >= start.timestampMin &&
          (timestampMax === 0n || timestamp <= timestampMax) &&
          sees(within.authority, debitAccount.id, creditAccount.id),
      );
      expect(timestampMax !== 0n && start.timestampMin > timestampMax ? [] : expected).toEqual(read);
    });
    fc.assert(property, { numRuns: 200 });
  });

  test("whoever waits at the end hears of what comes, and only of that", () => {
    const own = busyLedger(3, 5);
    const end = own.pages.changeEvents({ limit: 10_000 }, NO_BOUNDS);
    const later = { timestamp: 1_800_000_000n * SECOND, cursor: end.next + 1n };
    expect(own.pages.changeEvents({ cursor: end.next, limit: 10 }, NO_BOUNDS)).toEqual({ ...end, events: [] });
    const transfer = { id: 2n ** 70n, debitAccountId: 1n, creditAccountId: 2n, amount: 1n, ledger: 978, code: 1 };
    own.createTransfers([transfer], later.timestamp);
    const page = own.pages.changeEvents({ cursor: end.next, limit: 10 }, NO_BOUNDS);
    expect(page).toMatchObject({ events: [{ transfer: { id: transfer.id }, ...later }], next: later.cursor });
    // A node that lags behind sends nobody back.
    expect(own.pages.changeEvents({ cursor: 999_999n, limit: 10 }, NO_BOUNDS).next).toBe(999_999n);
  });

  test("deep in a long history are reached in steps, and have the balances of their time", () => {
    const COUNT = 100_000;
    const STEPS = 5_000;
    const long = new Ledger();
    const start = 1_700_000_000n * SECOND;
    const ids = Array.from({ length: 10 }, (_, index) => BigInt(index + 1));
    long.createAccounts(
      ids.map((id) => ({ id, ledger: 1, code: 1 })),
      start,
    );
    const debits = new BigUint64Array(COUNT);
    const sums = new Map<bigint, bigint>();
    const batch: TransferInput[] = [];
    for (let index = 0; index < COUNT; index++) {
      const debitAccountId = BigInt(1 + ((index * 7) % 10));
      const creditAccountId = BigInt(1 + ((index * 7 + 3) % 10));
      const amount = BigInt(index % 100);
      sums.set(debitAccountId, (sums.get(debitAccountId) ?? 0n) + amount);
      debits[index] = sums.get(debitAccountId) ?? 0n;
      batch.push({ id: BigInt(index + 1), debitAccountId, creditAccountId, amount, ledger: 1, code: 1 });
      if (batch.length < 8_000 && index + 1 < COUNT) continue;
      long.createTransfers(encodeTransfers(batch), start + BigInt(index) + 10_000n);
      batch.length = 0;
    }
    const random = new Prng(5);
    const slices: number[] = [];
    for (let jump = 0; jump < 30; jump++) {
      const filter = { cursor: BigInt(random.below(COUNT)), limit: 3 };
      let count = 1;
      while (!long.pages.seekChangeEvents(filter, STEPS)) count += 1;
      slices.push(count);
      for (const { cursor, debitAccount } of long.pages.changeEvents(filter, NO_BOUNDS).events) {
        expect(debitAccount.debitsPosted).toBe(debits[Number(cursor) - 1]);
      }
    }
    // At first half the history at most, later half the way between two marks.
    expect(slices[0]).toBeGreaterThan(1);
    expect(Math.max(...slices.slice(15))).toBeLessThanOrEqual(Math.ceil(32_768 / 2 / STEPS) + 1);
  });
});
