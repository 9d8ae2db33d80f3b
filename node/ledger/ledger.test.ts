/** The entry point: both forms of batches, its typed errors, and bytes that nobody sensible would send. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import { Ledger } from "./ledger.ts";
import { Counts, Pair } from "./pair.test-support.ts";
import {
  accountFlags,
  decodeAccounts,
  decodeTransfers,
  encodeAccounts,
  encodeTransfers,
  transferFlags,
} from "./records.ts";
import { decodeResults } from "./results.ts";
import { AccountStatus, TransferStatus } from "./status.ts";

const CREATED = AccountStatus.created;

/** A ledger with accounts 1 and 2. */
function ledgerWithAccounts(): Ledger {
  const ledger = new Ledger();
  ledger.createAccounts(
    [
      { id: 1n, ledger: 1, code: 1 },
      { id: 2n, ledger: 1, code: 1 },
    ],
    10n,
  );
  return ledger;
}

test("totals are sums over all accounts, also of many pages and after a chain that was undone", () => {
  const ledger = new Ledger();
  const count = 1_200;
  const accounts = Array.from({ length: count }, (_, i) => ({ id: BigInt(i + 1), ledger: 1 + (i % 2), code: 1 }));
  ledger.createAccounts(accounts, 10_000n);
  const none = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  expect(ledger.totals()).toEqual([
    { ledger: 1, ...none },
    { ledger: 2, ...none },
  ]);
  const pay = { debitAccountId: 1n, creditAccountId: BigInt(count - 1), ledger: 1, code: 1 };
  ledger.createTransfers(
    [
      { ...pay, id: 1n, amount: 2n ** 100n },
      { ...pay, id: 2n, amount: 2n ** 100n + 7n },
      { ...pay, id: 3n, debitAccountId: 3n, amount: 5n, flags: transferFlags.pending },
    ],
    20_000n,
  );
  // New pages, and a new ledger, that are not there in the end.
  const chain = Array.from({ length: 1_000 }, (_, i) => {
    return { id: BigInt(count + i + 1), ledger: i === 999 ? 0 : 3, code: 1, flags: accountFlags.linked };
  });
  ledger.createAccounts([...chain, { id: 1n, ledger: 1, code: 1 }], 30_000n);
  expect(ledger.accountCount).toBe(count);
  const posted = 2n ** 101n + 7n;
  expect(ledger.totals()).toEqual([
    { ledger: 1, debitsPending: 5n, debitsPosted: posted, creditsPending: 5n, creditsPosted: posted },
    { ledger: 2, ...none },
  ]);
});

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
  return "none";
}

describe("batches", () => {
  const transfer = { id: 1n, debitAccountId: 1n, creditAccountId: 2n, amount: 5n, ledger: 1, code: 1 };

  test("as objects are answered with objects", () => {
    expect(ledgerWithAccounts().createTransfers([transfer], 20n)).toEqual([{ timestamp: 20n, status: CREATED }]);
  });

  test("as flat records are answered with flat results", () => {
    const results = ledgerWithAccounts().createTransfers(encodeTransfers([transfer, { ...transfer, id: 2n }]), 20n);
    expect(Array.from(results.subarray(0, 16))).toEqual([19, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0]);
    expect(decodeResults(results)[1]).toEqual({ timestamp: 20n, status: CREATED });
  });

  test("may lie at any address, and are not written to", () => {
    const records = encodeTransfers([transfer, { ...transfer, id: 2n, amount: 2n ** 128n - 1n, flags: 16 }]);
    const shifted = new Uint8Array(records.length + 3);
    shifted.set(records, 3);
    for (const batch of [records, shifted.subarray(3)]) {
      const before = batch.slice();
      expect(decodeResults(ledgerWithAccounts().createTransfers(batch, 20n)).map(({ status }) => status)).toEqual([
        CREATED,
        CREATED,
      ]);
      expect(batch).toEqual(before);
    }
  });

  test("without events do nothing", () => {
    const ledger = ledgerWithAccounts();
    expect(ledger.createTransfers([], 20n)).toEqual([]);
    expect(ledger.createAccounts(new Uint8Array(0), 20n)).toHaveLength(0);
  });

  test("what is left out of an object is zero", () => {
    const [account] = new Ledger().createAccounts([{ id: 1n }], 10n);
    expect(account?.status).toBe(AccountStatus.ledgerMustNotBeZero);
    const [reserved] = new Ledger().createAccounts([{ id: 1n, ledger: 1, code: 1, reserved: 1 }], 10n);
    expect(reserved?.status).toBe(AccountStatus.reservedField);
  });
});

describe("typed errors leave everything as it was", () => {
  const ok = { id: 1n, ledger: 1, code: 1 };

  test.each<[string, string, (ledger: Ledger) => unknown]>([
    ["a length of records and a half", "batch_misaligned", (l) => l.createTransfers(new Uint8Array(129), 20n)],
    ["more than 8,190 records", "batch_too_long", (l) => l.createTransfers(new Uint8Array(8_191 * 128), 1_000_000n)],
    ["an unknown field", "malformed_record", (l) => l.createAccounts([{ ...ok, balance: 1n } as never], 20n)],
    ["a field of every object", "malformed_record", (l) => l.createAccounts([{ toString: 1n } as never], 20n)],
    ["an id that is a number", "malformed_record", (l) => l.createAccounts([{ ...ok, id: 1 } as never], 20n)],
    ["a code that is a bigint", "malformed_record", (l) => l.createAccounts([{ ...ok, code: 1n } as never], 20n)],
    ["an id below zero", "malformed_record", (l) => l.createAccounts([{ ...ok, id: -1n }], 20n)],
    ["an id of 129 bits", "malformed_record", (l) => l.createAccounts([{ ...ok, id: 2n ** 128n }], 20n)],
    ["user data of 65 bits", "malformed_record", (l) => l.createAccounts([{ ...ok, userData64: 2n ** 64n }], 20n)],
    ["a ledger of 33 bits", "malformed_record", (l) => l.createAccounts([{ ...ok, ledger: 2 ** 32 }], 20n)],
    ["a code of 17 bits", "malformed_record", (l) => l.createAccounts([{ ...ok, code: 2 ** 16 }], 20n)],
    ["half a flag", "malformed_record", (l) => l.createAccounts([{ ...ok, flags: 0.5 }], 20n)],
    ["no number", "malformed_record", (l) => l.createTransfers([{ id: 1n, timeout: Number.NaN }], 20n)],
    ["the time of the last event", "timestamp_not_rising", (l) => l.createAccounts([ok], 10n)],
    ["less time than events", "timestamp_not_rising", (l) => l.createAccounts([ok, ok], 11n)],
    ["a time beyond 63 bits", "timestamp_not_rising", (l) => l.createAccounts([ok], 2n ** 63n)],
    ["an expiry in the past", "timestamp_not_rising", (l) => l.expirePendingTransfers(9n)],
    ["a filter's unknown field", "malformed_filter", (l) => l.queryAccounts({ limit: 1, id: 1n } as never)],
    ["a limit that is a bigint", "malformed_filter", (l) => l.queryTransfers({ limit: 1n } as never)],
    ["a negative time", "malformed_filter", (l) => l.getChangeEvents({ limit: 1, timestampMin: -1n })],
    [
      "an account of 129 bits",
      "malformed_filter",
      (l) => l.getAccountTransfers({ accountId: 2n ** 128n, limit: 1, flags: 1 }),
    ],
    [
      "a ledger among an account's transfers",
      "malformed_filter",
      (l) => l.getAccountBalances({ accountId: 1n, limit: 1, flags: 1, ledger: 1 } as never),
    ],
  ])("%s: %s", (_, code, act) => {
    const ledger = ledgerWithAccounts();
    expect(codeOf(() => act(ledger))).toBe(code);
    expect(ledger.accountCount).toBe(2);
    expect(ledger.createAccounts([{ id: 9n, ledger: 1, code: 1 }], 11n)).toEqual([{ timestamp: 11n, status: CREATED }]);
  });
});

describe("ids out of range", () => {
  test("are found nowhere", () => {
    const ledger = ledgerWithAccounts();
    expect(ledger.lookupAccounts([0n, 3n, 2n, 2n ** 128n - 1n, 1n]).map(({ id }) => id)).toEqual([2n, 1n]);
    expect(codeOf(() => ledger.lookupAccounts([-1n]))).toBe("malformed_record");
    expect(codeOf(() => ledger.lookupTransfers([2n ** 128n]))).toBe("malformed_record");
  });
});

describe("hostile bytes", () => {
  /** Records of bytes that are often zero or 255, so that fields come near their ends. */
  const records = fc
    .array(fc.uint8Array({ minLength: 128, maxLength: 128 }), { maxLength: 6 })
    .chain((rows) =>
      fc.tuple(fc.constant(rows), fc.array(fc.constantFrom(0, 1, 255), { minLength: 128, maxLength: 128 })),
    )
    .map(([rows, mask]) => {
      const bytes = new Uint8Array(rows.length * 128);
      rows.forEach((row, index) => {
        bytes.set(
          row.map((byte, at) => (mask[at] === 1 ? byte & 3 : (mask[at] ?? 0) & byte)),
          index * 128,
        );
      });
      return bytes;
    });

  test("get the statuses of the records that they are", () => {
    const property = fc.property(records, records, (accounts, transfers) => {
      const pair = new Pair(2, new Counts());
      pair.createAccounts(
        decodeAccounts(accounts).map((account, index) => ({
          ...account,
          reserved: new Uint32Array(accounts.buffer)[index * 32 + 27] as number,
        })),
        1_000n,
      );
      pair.createTransfers(decodeTransfers(transfers), 2_000n);
      pair.compareAll();
    });
    fc.assert(property, { numRuns: 300, seed: 7 });
  });

  test("decode and encode to themselves", () => {
    const property = fc.property(records, (bytes) => {
      expect(encodeTransfers(decodeTransfers(bytes))).toEqual(bytes);
      for (let at = 0; at < bytes.length; at += 128) bytes.fill(0, at + 108, at + 112);
      expect(encodeAccounts(decodeAccounts(bytes))).toEqual(bytes);
    });
    fc.assert(property, { numRuns: 100, seed: 8 });
  });
});

/** A u128 as words. */
function four(value: number): number[] {
  return [value, 0, 0, 0];
}

describe("effects", () => {
  test("are the accounts that changed since the last look, each once", () => {
    const ledger = ledgerWithAccounts();
    expect(ledger.takeEffects()).toHaveLength(2 * 72);
    const transfer = { id: 1n, debitAccountId: 1n, creditAccountId: 2n, amount: 5n, ledger: 1, code: 1 };
    ledger.createTransfers([transfer, { ...transfer, id: 2n }], 20n);
    const words = new Uint32Array(ledger.takeEffects().slice().buffer);
    // Slot, code and flags, then debits pending and posted, credits pending and posted of four words each.
    expect(Array.from(words)).toEqual(
      [0, 1, ...four(0), ...four(10), ...four(0), ...four(0)].concat([
        1,
        1,
        ...four(0),
        ...four(0),
        ...four(0),
        ...four(10),
      ]),
    );
    expect(ledger.takeEffects()).toHaveLength(0);
  });

  test("are each account once, however many there are", () => {
    const ledger = new Ledger();
    const count = 1_100;
    const accounts = Array.from({ length: count }, (_, index) => ({ id: BigInt(index + 1), ledger: 1, code: 1 }));
    ledger.createAccounts(accounts, 2_000n);
    const pair = { debitAccountId: 1_024n, creditAccountId: 1_025n, amount: 1n, ledger: 1, code: 1 };
    ledger.createTransfers(
      [1n, 2n, 3n].map((id) => ({ ...pair, id })),
      3_000n,
    );
    const words = new Uint32Array(ledger.takeEffects().slice().buffer);
    const slots = Array.from({ length: words.length / 18 }, (_, index) => words[index * 18]);
    expect(slots).toEqual(accounts.map((_, index) => index));
  });

  test("of a failed chain are the accounts as they were, and none of those it made", () => {
    const ledger = ledgerWithAccounts();
    ledger.takeEffects();
    const statuses = ledger.createAccounts([{ id: 5n, ledger: 1, code: 1, flags: 1 }, { id: 6n }], 20n);
    expect(statuses.map(({ status }) => status)).toEqual([1, AccountStatus.ledgerMustNotBeZero]);
    expect(ledger.takeEffects()).toHaveLength(0);
  });
});

describe("pages of a checkpoint", () => {
  test("of an empty ledger, or of one with accounts alone, restore it", () => {
    for (const ledger of [new Ledger(), ledgerWithAccounts()]) {
      const restored = new Ledger();
      for (const [index, part] of ledger.paged.entries()) {
        for (const page of part.dirtyPages()) restored.paged[index]?.decodePage(page, part.encodePage(page));
      }
      restored.restored();
      expect(restored.accountCount).toBe(ledger.accountCount);
      const results = restored.createAccounts([{ id: 9n, ledger: 1, code: 1 }], 11n);
      expect(results).toEqual(ledger.createAccounts([{ id: 9n, ledger: 1, code: 1 }], 11n));
    }
  });

  test("that are damaged are not taken", () => {
    const ledger = ledgerWithAccounts();
    const transfer = { debitAccountId: 1n, creditAccountId: 2n, amount: 5n, ledger: 1, code: 1, flags: 2 };
    const batch = Array.from({ length: 5 }, (_, index) => ({ ...transfer, id: BigInt(index + 1) }));
    expect(ledger.createTransfers(batch, 20n).every(({ status }) => status === TransferStatus.created)).toBe(true);
    for (const [index, part] of ledger.paged.entries()) {
      if (part.pageCount() === 0) continue;
      const page = part.encodePage(0);
      const fresh = new Ledger().paged[index];
      expect(() => fresh?.decodePage(0, page.subarray(0, page.length - 1))).toThrow(InvariantError);
    }
  });

  test("of segments of another size are not taken", () => {
    const ledger = new Ledger({ segmentRows: 2 });
    ledger.createAccounts(
      [
        { id: 1n, ledger: 1, code: 1 },
        { id: 2n, ledger: 1, code: 1 },
      ],
      10n,
    );
    const transfer = { debitAccountId: 1n, creditAccountId: 2n, ledger: 1, code: 1 };
    ledger.createTransfers(
      [
        { ...transfer, id: 1n },
        { ...transfer, id: 2n },
      ],
      20n,
    );
    const index = ledger.paged.findIndex(({ name }) => name === "transfers");
    const page = ledger.paged[index]?.encodePage(0) ?? new Uint8Array(0);
    expect(() => new Ledger({ segmentRows: 4 }).paged[index]?.decodePage(0, page)).toThrow(InvariantError);
    expect(() => new Ledger({ segmentRows: 3 })).toThrow(InvariantError);
  });
});
