/** The entry point: both forms of batches, its typed errors, and bytes that nobody sensible would send. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../base/assert.ts";
import { CodedError } from "../base/errors.ts";
import { DebitAllowance } from "./debit-allowance.ts";
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

/** What is wrong, the code of the error, and the call. */
type Refused = [string, string, (ledger: Ledger) => unknown];

/** What cannot sign; the second is what stands for all delegates. */
const NO_SIGNERS: readonly [string, unknown][] = [
  ["2^32 + 7", 2 ** 32 + 7],
  ["2^32 - 2", 2 ** 32 - 2],
  ["one and a half", 1.5],
  ["no number", Number.NaN],
  ["minus one", -1],
  ["a bigint", 7n],
  ["a text", "7"],
  ["null", null],
  ["what looks like an allowance", { authority: 7, limits: [] }],
];

/** A list that has a length and nothing else. */
function gaps(length: number): never[] {
  const list: never[] = [];
  list.length = length;
  return list;
}

const LIMIT = { ledger: 1, account: 0n, amount: 5n };

function allowance(fields: object): DebitAllowance {
  return new DebitAllowance(7, [{ ...LIMIT, ...fields }]);
}

describe("typed errors leave everything as it was", () => {
  const ok = { id: 1n, ledger: 1, code: 1 };

  test.each<Refused>([
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
    ["no batch", "malformed_argument", (l) => l.createAccounts(null as never, 20n)],
    ["a batch that is text", "malformed_argument", (l) => l.createTransfers("transfers" as never, 20n)],
    ["no record", "malformed_record", (l) => l.createAccounts([ok, null as never], 20n)],
    ["a record that is a number", "malformed_record", (l) => l.createTransfers([5 as never], 20n)],
    ["a record that is a list", "malformed_record", (l) => l.createTransfers([[] as never], 20n)],
    ["a gap in a batch", "malformed_record", (l) => l.createTransfers(gaps(1), 20n)],
    ["a batch of 2^32 - 1 gaps", "batch_too_long", (l) => l.createAccounts(gaps(2 ** 32 - 1), 2n ** 40n)],
    ["records that end early", "batch_misaligned", () => decodeTransfers(new Uint8Array(127))],
    ["accounts that end early", "batch_misaligned", () => decodeAccounts(new Uint8Array(129))],
    ["results that end early", "batch_misaligned", () => decodeResults(new Uint8Array(17))],
    ["a time that is a number", "malformed_argument", (l) => l.createAccounts([ok], 20 as never)],
    ["no time", "malformed_argument", (l) => l.createTransfers([], undefined as never)],
    ["a time below zero", "timestamp_not_rising", (l) => l.createAccounts([], -1n)],
    ["a time to expire that is a number", "malformed_argument", (l) => l.expirePendingTransfers(20 as never)],
    ...[1.5, Number.NaN, -1, 2 ** 32, 1n, null].map(
      (limit): Refused => [
        `at most ${limit} to expire`,
        "malformed_argument",
        (l) => l.expirePendingTransfers(20n, limit as never),
      ],
    ),
    ...NO_SIGNERS.flatMap(([what, signer]): Refused[] => [
      [`accounts of ${what}`, "malformed_argument", (l) => l.createAccounts([ok], 20n, signer as never)],
      [`transfers of ${what}`, "malformed_argument", (l) => l.createTransfers([ok], 20n, signer as never)],
      [`flat of ${what}`, "malformed_argument", (l) => l.createTransfers(encodeTransfers([ok]), 20n, signer as never)],
      [`an allowance of ${what}`, "malformed_argument", () => new DebitAllowance(signer as never, [])],
      [
        `pages of ${what}`,
        "malformed_argument",
        (l) => l.pages.accounts({ limit: 1 }, { triesMax: 1, authority: signer as never }),
      ],
    ]),
    ["an allowance below zero", "malformed_argument", () => allowance({ amount: -1n })],
    ["an allowance of a number", "malformed_argument", () => allowance({ amount: 1 })],
    ["an allowance of no amount", "malformed_argument", () => allowance({ amount: undefined })],
    ["an allowance with a field too many", "malformed_argument", () => allowance({ code: 1 })],
    ["an allowance in half a ledger", "malformed_argument", () => allowance({ ledger: 0.5 })],
    ["an allowance without limits", "malformed_argument", () => new DebitAllowance(7, null as never)],
    ["an allowance of no limit", "malformed_argument", () => new DebitAllowance(7, [null as never])],
    ["two limits for a ledger", "malformed_argument", () => new DebitAllowance(7, [LIMIT, LIMIT])],
    ["no ids", "malformed_argument", (l) => l.lookupAccounts(null as never)],
    ["ids that are text", "malformed_argument", (l) => l.lookupTransfers("12" as never)],
    ["a gap among ids", "malformed_record", (l) => l.lookupTransfers(gaps(1))],
    ["an id that is a number to look up", "malformed_record", (l) => l.lookupAccount(1 as never)],
    ["no id, of a pending transfer", "malformed_record", (l) => l.pendingStatus(null as never)],
    ["no id, of an authority's account", "malformed_record", (l) => l.accountAuthority(undefined as never)],
    ["a freeze that is a number", "malformed_argument", (l) => l.freezeAccount(1n, 1 as never)],
    ["a freeze of no id", "malformed_record", (l) => l.freezeAccount("1" as never, true)],
    ["no filter", "malformed_filter", (l) => l.queryAccounts(null as never)],
    ["a filter that is a list", "malformed_filter", (l) => l.queryTransfers([] as never)],
    ["changes without a limit", "malformed_filter", (l) => l.getChangeEvents({} as never)],
    ["an undefined limit", "malformed_filter", (l) => l.queryAccounts({ limit: undefined } as never)],
    ["no account", "malformed_filter", (l) => l.getAccountTransfers({ limit: 1, flags: 1 } as never)],
    ["no side of an account", "malformed_filter", (l) => l.getAccountBalances({ accountId: 1n, limit: 1 } as never)],
    ["no bounds", "malformed_argument", (l) => l.pages.transfers({ limit: 1 }, null as never)],
    ["unknown bounds", "malformed_argument", (l) => l.pages.transfers({ limit: 1 }, { triesMax: 1, max: 1 } as never)],
    ["no tries", "malformed_argument", (l) => l.pages.changeEvents({ limit: 1 }, { triesMax: 0 })],
    ["tries that never end", "malformed_argument", (l) => l.pages.accounts({ limit: 1 }, { triesMax: Number.NaN })],
    ["half a step", "malformed_argument", (l) => l.pages.seekChangeEvents({ limit: 1 }, 0.5)],
    ...[0, 3, 2 ** 17, 1.5, "2", null].map(
      (segmentRows): Refused => [
        `segments of ${segmentRows} rows`,
        "malformed_argument",
        () => new Ledger({ segmentRows: segmentRows as never }),
      ],
    ),
    ["an unknown option", "malformed_argument", () => new Ledger({ rows: 4 } as never)],
    ["no options", "malformed_argument", () => new Ledger(null as never)],
  ])("%s: %s", (_, code, act) => {
    const ledger = ledgerWithAccounts();
    expect(codeOf(() => act(ledger))).toBe(code);
    expect(ledger.accountCount).toBe(2);
    expect(ledger.lookupAccount(1n)?.flags).toBe(0);
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

  test("take room by what changed, however many accounts there are", () => {
    const ledger = new Ledger();
    for (let first = 1; first <= 2_000; first += 100) {
      const accounts = Array.from({ length: 100 }, (_, index) => ({ id: BigInt(first + index), ledger: 1, code: 1 }));
      ledger.createAccounts(accounts, BigInt(first) * 1_000n);
      expect(ledger.takeEffects().buffer.byteLength).toBe(2 * 100 * 72);
    }
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
  });
});
