/**
 * Every combination of flags against the model, each in the circumstances that flags care about: alone and in a chain, with
 * and without a timestamp or a pending transfer, asked for again, by the system, an owner, somebody else and a delegate.
 */
import { expect, test } from "vitest";
import {
  A,
  type ModelAccountEvent,
  type ModelDelegate,
  type ModelTransfer,
  T,
} from "../../sim/check/reference-ledger.ts";
import { Counts, Pair } from "./pair.test-support.ts";

/** One beyond the last flag of accounts and of transfers, and one that is reserved in both. */
const ACCOUNT_FLAGS_END = 64;
const TRANSFER_FLAGS_END = 512;
const RESERVED = 1_024;

const BLANK_ACCOUNT: ModelAccountEvent = {
  ...{ id: 0n, debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n },
  ...{ userData128: 0n, userData64: 0n, userData32: 0, reserved: 0, ledger: 1, code: 1, flags: 0, timestamp: 0n },
};
const BLANK_TRANSFER: ModelTransfer = {
  ...{ id: 0n, debitAccountId: 1n, creditAccountId: 2n, amount: 5n, pendingId: 0n, timeout: 0 },
  ...{ userData128: 0n, userData64: 0n, userData32: 0, ledger: 1, code: 1, flags: 0, timestamp: 0n },
};

function combinations(end: number): readonly number[] {
  return [...Array.from({ length: end }, (_, flags) => flags), RESERVED];
}

test("of accounts", () => {
  const counts = new Counts();
  for (const flags of combinations(ACCOUNT_FLAGS_END)) {
    for (const timestamp of [0n, 500n]) {
      const pair = new Pair(4, counts);
      const account = { ...BLANK_ACCOUNT, id: 3n, flags, timestamp };
      const next = { ...account, id: 4n, flags: flags & ~A.linked, timestamp: timestamp && timestamp + 1n };
      pair.createAccounts([{ ...BLANK_ACCOUNT, id: 1n }], 100n);
      pair.createAccounts([account], 1_000n);
      pair.createAccounts([account, next], 1_010n);
      pair.createTransfers([{ ...BLANK_TRANSFER, id: 1n, creditAccountId: 4n }], 1_020n);
      pair.createTransfers([{ ...BLANK_TRANSFER, id: 2n, debitAccountId: 4n, creditAccountId: 1n }], 1_030n);
      pair.restart();
      pair.createAccounts([next], 1_040n);
      pair.compareAll();
    }
  }
  expect(counts.accounts.size).toBe(8);
});

/** Two accounts of authority 1, the second with a limit on debits; one of authority 2, with one on credits; and a hold. */
function booksWithAHold(counts: Counts): Pair {
  const pair = new Pair(4, counts);
  const owned = [
    [0, 1],
    [A.debitsLimited, 1],
    [A.creditsLimited, 2],
  ] as const;
  owned.forEach(([flags, authority], index) => {
    pair.createAccounts([{ ...BLANK_ACCOUNT, id: BigInt(index + 1), flags }], BigInt(10 + index), authority);
  });
  pair.createTransfers([{ ...BLANK_TRANSFER, id: 1n, debitAccountId: 3n, amount: 20n }], 100n);
  pair.createTransfers([{ ...BLANK_TRANSFER, id: 2n, flags: T.pending }], 200n, 1);
  return pair;
}

/** Who signs, and how many statuses that brings about; a delegate has a new allowance for each batch. */
const SIGNERS: readonly [string, number, () => number | ModelDelegate | undefined][] = [
  ["the system", 23, () => undefined],
  ["the owner of what is debited", 23, () => 1],
  ["another authority", 12, () => 2],
  ["a delegate", 17, () => ({ authority: 1, limits: [{ ledger: 1, account: 0n, amount: 8n }] })],
];

test.each(SIGNERS)("of transfers that %s signs", (_, statuses, signer) => {
  const counts = new Counts();
  for (const flags of combinations(TRANSFER_FLAGS_END)) {
    for (const timestamp of [0n, 500n]) {
      for (const pendingId of [0n, 2n]) {
        const pair = booksWithAHold(counts);
        const [debitAccountId, creditAccountId] = pendingId === 0n ? [2n, 3n] : [1n, 2n];
        const transfer = { ...BLANK_TRANSFER, id: 3n, debitAccountId, creditAccountId, pendingId, flags, timestamp };
        const next = { ...transfer, id: 4n, flags: flags & ~T.linked, timestamp: timestamp && timestamp + 1n };
        pair.createTransfers([transfer], 1_000n, signer());
        pair.createTransfers([transfer, next], 1_010n, signer());
        pair.createTransfers([{ ...next, amount: 2n ** 128n - 1n, id: 5n }], 1_020n, signer());
        pair.createTransfers([{ ...BLANK_TRANSFER, id: 6n, pendingId: 4n, flags: T.void }], 1_030n);
        pair.createTransfers([{ ...BLANK_TRANSFER, id: 7n, debitAccountId, creditAccountId }], 1_040n);
        pair.compareAll();
      }
    }
  }
  expect(counts.transfers.size).toBe(statuses);
});
