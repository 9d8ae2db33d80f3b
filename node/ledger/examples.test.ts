/** The examples of docs/ledger.md: they run here, and stand there word for word. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  AccountStatus,
  accountFilterFlags,
  accountFlags,
  DebitAllowance,
  decodeResults,
  encodeTransfers,
  Ledger,
  queryFilterFlags,
  Statement,
  SYSTEM_AUTHORITY,
  TransferStatus,
  transferFlags,
  transferStatusName,
} from "./index.ts";

const SECOND = 1_000_000_000n;

function text(path: string): string {
  return readFileSync(join(import.meta.dirname, path), "utf8");
}

/** A ledger with three accounts, as the examples have it. */
function example(): { readonly ledger: Ledger; readonly now: bigint } {
  const ledger = new Ledger();
  const now = 1_700_000_000_000_000_000n;
  ledger.createAccounts(
    [
      { id: 1n, ledger: 978, code: 1, flags: accountFlags.history },
      { id: 2n, ledger: 978, code: 1, flags: accountFlags.debitsMustNotExceedCredits | accountFlags.history },
      { id: 3n, ledger: 978, code: 2 },
    ],
    now,
  );
  ledger.createTransfers(
    [{ id: 100n, debitAccountId: 1n, creditAccountId: 2n, amount: 500n, ledger: 978, code: 7 }],
    now + 1n,
  );
  return { ledger, now: now + SECOND };
}

test("accounts", () => {
  // #region accounts
  const ledger = new Ledger();
  const now = 1_700_000_000_000_000_000n; // nanoseconds, later than everything before

  const results = ledger.createAccounts(
    [
      { id: 1n, ledger: 978, code: 1, flags: accountFlags.history },
      { id: 2n, ledger: 978, code: 1, flags: accountFlags.debitsMustNotExceedCredits },
      { id: 2n, ledger: 978, code: 9 },
    ],
    now,
  );
  expect(results).toEqual([
    { timestamp: now - 2n, status: AccountStatus.created },
    { timestamp: now - 1n, status: AccountStatus.created },
    { timestamp: now, status: AccountStatus.existsWithDifferentFlags },
  ]);
  // #endregion
});

test("transfers", () => {
  const { ledger, now } = example();
  // #region transfers
  const payment = { id: 1n, debitAccountId: 2n, creditAccountId: 3n, amount: 120n, ledger: 978, code: 7 };
  const tooMuch = { ...payment, id: 2n, amount: 381n };

  const [paid, refused, again] = ledger.createTransfers([payment, tooMuch, payment], now);
  expect(paid?.status).toBe(TransferStatus.created);
  expect(refused?.status).toBe(TransferStatus.exceedsCredits); // account 2 has 500 and has paid 120
  expect(again).toEqual({ timestamp: paid?.timestamp, status: TransferStatus.exists }); // a retry is harmless

  // What failed for a reason that may pass has used up its id.
  const [late] = ledger.createTransfers([{ ...tooMuch, amount: 1n }], now + 1n);
  expect(transferStatusName(late?.status ?? 0)).toBe("id_already_failed");
  // #endregion
});

test("flat", () => {
  const { ledger, now } = example();
  // #region flat
  const batch: Uint8Array = encodeTransfers([
    { id: 1n, debitAccountId: 2n, creditAccountId: 3n, amount: 120n, ledger: 978, code: 7 },
  ]);
  const flat: Uint8Array = ledger.createTransfers(batch, now);
  expect(decodeResults(flat)).toEqual([{ timestamp: now, status: TransferStatus.created }]);
  // #endregion
});

test("linked", () => {
  const { ledger, now } = example();
  // #region linked
  const leg = { debitAccountId: 2n, creditAccountId: 3n, ledger: 978, code: 7 };
  const results = ledger.createTransfers(
    [
      { ...leg, id: 1n, amount: 400n, flags: transferFlags.linked },
      { ...leg, id: 2n, amount: 101n }, // one more than is left after the first leg
    ],
    now,
  );
  expect(results.map(({ status }) => transferStatusName(status))).toEqual(["linked_event_failed", "exceeds_credits"]);
  expect(ledger.lookupTransfers([1n, 2n])).toEqual([]); // all or nothing
  // #endregion
});

test("two-phase", () => {
  const { ledger, now } = example();
  // #region two-phase
  const { pending, postPendingTransfer } = transferFlags;
  const hold = { debitAccountId: 2n, creditAccountId: 3n, amount: 200n, ledger: 978, code: 7, flags: pending };
  ledger.createTransfers([{ ...hold, id: 1n, timeout: 60 }], now);
  expect(ledger.lookupAccount(2n)?.debitsPending).toBe(200n);

  // Post a part; the rest is released. What is left out is taken from the pending transfer.
  ledger.createTransfers([{ id: 2n, pendingId: 1n, amount: 150n, flags: postPendingTransfer }], now + 1n);
  expect(ledger.lookupAccount(2n)).toMatchObject({ debitsPending: 0n, debitsPosted: 150n });
  expect(ledger.pendingStatus(1n)).toBe("posted");

  // 2^128 - 1 posts all. `voidPendingTransfer` releases all, and wants no amount, or the whole.
  ledger.createTransfers([{ ...hold, id: 3n }], now + 2n);
  ledger.createTransfers([{ id: 4n, pendingId: 3n, amount: 2n ** 128n - 1n, flags: postPendingTransfer }], now + 3n);
  expect(ledger.lookupTransfer(4n)?.amount).toBe(200n);
  // #endregion
});

test("expiry", () => {
  const { ledger, now } = example();
  // #region expiry
  const hold = { debitAccountId: 2n, creditAccountId: 3n, amount: 200n, ledger: 978, code: 7 };
  ledger.createTransfers([{ ...hold, id: 1n, timeout: 60, flags: transferFlags.pending }], now);
  expect(ledger.nextExpiry()).toBe(now + 60n * SECOND);

  const later = now + 61n * SECOND;
  const post = { id: 2n, pendingId: 1n, amount: 200n, flags: transferFlags.postPendingTransfer };
  const [tooLate] = ledger.createTransfers([post], later); // refused, though the balance is still held ...
  expect(tooLate?.status).toBe(TransferStatus.pendingTransferExpired);

  expect(ledger.expirePendingTransfers(later + 1n)).toBe(1); // ... until it is released
  expect(ledger.lookupAccount(2n)?.debitsPending).toBe(0n);
  // #endregion
});

test("balancing", () => {
  const { ledger, now } = example();
  // #region balancing
  const sweep = { id: 1n, debitAccountId: 2n, creditAccountId: 3n, amount: 2n ** 128n - 1n, ledger: 978, code: 7 };
  ledger.createTransfers([{ ...sweep, flags: transferFlags.balancingDebit }], now);
  expect(ledger.lookupTransfer(1n)?.amount).toBe(500n); // all that account 2 had
  // #endregion
});

test("closing", () => {
  const { ledger, now } = example();
  // #region closing
  const { pending, closingDebit, voidPendingTransfer } = transferFlags;
  const close = { debitAccountId: 2n, creditAccountId: 3n, ledger: 978, code: 7, flags: pending | closingDebit };
  ledger.createTransfers([{ ...close, id: 1n }], now);
  const [refused] = ledger.createTransfers([{ ...close, id: 2n, flags: 0, amount: 1n }], now + 1n);
  expect(refused?.status).toBe(TransferStatus.debitAccountAlreadyClosed);

  ledger.createTransfers([{ id: 3n, pendingId: 1n, flags: voidPendingTransfer }], now + 2n); // opens it again
  expect((ledger.lookupAccount(2n)?.flags ?? 0) & accountFlags.closed).toBe(0);
  // #endregion
});

test("imported", () => {
  // #region imported
  const ledger = new Ledger();
  const now = 1_700_000_000_000_000_000n;
  const old = { ledger: 978, code: 1, flags: accountFlags.imported };
  ledger.createAccounts(
    [
      { ...old, id: 1n, timestamp: 1_000n },
      { ...old, id: 2n, timestamp: 1_001n },
    ],
    now,
  );
  const transfer = { id: 1n, debitAccountId: 1n, creditAccountId: 2n, amount: 5n, ledger: 978, code: 1 };
  const imported = { ...transfer, flags: transferFlags.imported, timestamp: 2_000n };
  const [result] = ledger.createTransfers([imported], now + 1n);
  expect(result).toEqual({ timestamp: 2_000n, status: TransferStatus.created });
  // #endregion
});

test("authority", () => {
  const ledger = new Ledger();
  const now = 1_700_000_000_000_000_000n;
  // #region authority
  ledger.createAccounts([{ id: 1n, ledger: 978, code: 1 }], now, 7); // belongs to authority 7
  ledger.createAccounts([{ id: 2n, ledger: 978, code: 1 }], now + 1n, 8);

  const transfer = { id: 1n, debitAccountId: 1n, creditAccountId: 2n, amount: 5n, ledger: 978, code: 1 };
  const [refused] = ledger.createTransfers([transfer], now + 2n, 8);
  expect(refused?.status).toBe(TransferStatus.debitAccountNotAuthorized);
  const [allowed] = ledger.createTransfers([transfer], now + 3n, 7);
  expect(allowed?.status).toBe(TransferStatus.created);
  // #endregion
});

test("freezing", () => {
  const { ledger, now } = example();
  const payment = { id: 1n, debitAccountId: 2n, creditAccountId: 3n, amount: 120n, ledger: 978, code: 7 };
  // #region freezing
  ledger.freezeAccount(2n, true);
  const [refused] = ledger.createTransfers([payment], now);
  expect(refused?.status).toBe(TransferStatus.debitAccountFrozen);

  ledger.freezeAccount(2n, false);
  const [allowed] = ledger.createTransfers([{ ...payment, id: 2n }], now + 1n); // the first id is burned
  expect(allowed?.status).toBe(TransferStatus.created);
  // #endregion
});

test("delegates", () => {
  const ledger = new Ledger();
  const now = 1_700_000_000_000_000_000n;
  const accounts = [1n, 2n].map((id) => ({ id, ledger: 978, code: 1 }));
  ledger.createAccounts(accounts, now - 2n, 7);
  // #region delegates
  const allowance = new DebitAllowance(7, [{ ledger: 978, account: 0n, amount: 100n }]); // 0: any account of authority 7
  const pay = { debitAccountId: 1n, creditAccountId: 2n, ledger: 978, code: 1 };
  const results = ledger.createTransfers(
    [
      { ...pay, id: 1n, amount: 90n },
      { ...pay, id: 2n, amount: 11n },
    ],
    now,
    allowance,
  );
  expect(results.map(({ status }) => transferStatusName(status))).toEqual(["created", "exceeds_delegated_limit"]);
  expect(allowance.spent(978)).toBe(90n);
  // #endregion
});

test("lookups", () => {
  const { ledger } = example();
  // #region lookups
  expect(ledger.lookupAccounts([2n, 99n, 1n]).map(({ id }) => id)).toEqual([2n, 1n]); // 99 is not there
  expect(ledger.lookupTransfers([100n])).toMatchObject([{ id: 100n, amount: 500n, creditAccountId: 2n }]);
  // #endregion
});

test("account queries", () => {
  const { ledger, now } = example();
  // #region account-queries
  const rent = {
    id: 1n,
    debitAccountId: 2n,
    creditAccountId: 3n,
    amount: 300n,
    ledger: 978,
    code: 8,
    userData64: 2_026n,
  };
  ledger.createTransfers([rent], now);

  const { debits, credits, reversed } = accountFilterFlags;
  const all = ledger.getAccountTransfers({ accountId: 2n, limit: 10, flags: debits | credits | reversed });
  expect(all.map(({ id }) => id)).toEqual([1n, 100n]); // newest first

  const filter = { accountId: 2n, code: 8, userData64: 2_026n, timestampMin: now, limit: 10, flags: debits };
  expect(ledger.getAccountTransfers(filter)).toHaveLength(1);

  // Account 2 has the flag `history`: how it stood after each of these transfers.
  expect(ledger.getAccountBalances({ accountId: 2n, limit: 10, flags: debits | credits })).toMatchObject([
    { debitsPosted: 0n, creditsPosted: 500n },
    { debitsPosted: 300n, creditsPosted: 500n, timestamp: now },
  ]);
  // #endregion
});

test("statement", () => {
  const { ledger, now } = example();
  // #region statement
  const rent = { id: 1n, debitAccountId: 2n, creditAccountId: 3n, amount: 300n, ledger: 978, code: 8 };
  ledger.createTransfers([rent], now);

  const { debits, credits } = accountFilterFlags;
  const statement = new Statement(2n, now, now + 1n); // the account, from, to
  const lines = ledger
    .getAccountTransfers({ accountId: 2n, limit: 100, flags: debits | credits })
    .flatMap((transfer) => statement.add(transfer));
  lines.push(...statement.end(now)); // and what has expired by then

  expect(statement.opening).toMatchObject({ debitsPosted: 0n, creditsPosted: 500n });
  expect(lines).toMatchObject([{ step: "moved", debit: true, transfer: { id: 1n }, balances: { debitsPosted: 300n } }]);
  expect(statement.closing).toMatchObject({ debitsPosted: 300n, creditsPosted: 500n });
  // #endregion
});

test("queries", () => {
  const { ledger } = example();
  // #region queries
  expect(ledger.queryAccounts({ ledger: 978, code: 1, limit: 10 }).map(({ id }) => id)).toEqual([1n, 2n]);
  expect(ledger.queryTransfers({ code: 7, limit: 10, flags: queryFilterFlags.reversed })).toHaveLength(1);

  // The next page begins just behind the last timestamp of the one before.
  const [first] = ledger.queryAccounts({ limit: 1 });
  const rest = ledger.queryAccounts({ limit: 10, timestampMin: (first?.timestamp ?? 0n) + 1n });
  expect(rest.map(({ id }) => id)).toEqual([2n, 3n]);
  // #endregion
});

test("changes", () => {
  const { ledger, now } = example();
  // #region changes
  const hold = { debitAccountId: 2n, creditAccountId: 3n, amount: 200n, ledger: 978, code: 7 };
  ledger.createTransfers([{ ...hold, id: 1n, timeout: 60, flags: transferFlags.pending }], now);
  ledger.expirePendingTransfers(now + 60n * SECOND);

  const events = ledger.getChangeEvents({ limit: 100 });
  expect(events.map(({ type }) => type)).toEqual(["single_phase", "two_phase_pending", "two_phase_expired"]);
  expect(events[1]).toMatchObject({
    timestamp: now,
    transfer: { id: 1n, amount: 200n },
    debitAccount: { id: 2n, debitsPending: 200n, creditsPosted: 500n },
    creditAccount: { id: 3n, creditsPending: 200n },
  });

  const [first] = events; // whoever has handled this one goes on behind it
  expect(ledger.getChangeEvents({ cursor: first?.cursor ?? 0n, limit: 100 })).toEqual(events.slice(1));
  // #endregion
});

test("whoever watches", () => {
  const { ledger } = example();
  // #region watching
  expect([ledger.accountCount, ledger.transferCount]).toEqual([3, 1]);
  expect(ledger.accountAuthority(2n)).toBe(SYSTEM_AUTHORITY); // it was made without one
  expect(ledger.totals()).toEqual([
    { ledger: 978, debitsPending: 0n, debitsPosted: 500n, creditsPending: 0n, creditsPosted: 500n },
  ]);
  // #endregion
});

test("effects", () => {
  const { ledger, now } = example();
  const payment = { id: 1n, debitAccountId: 2n, creditAccountId: 3n, amount: 120n, ledger: 978, code: 7 };
  // #region effects
  ledger.takeEffects(); // all that came before
  ledger.createTransfers([payment], now);
  expect(ledger.takeEffects()).toHaveLength(2 * 72); // accounts 2 and 3, 72 bytes each
  expect(ledger.takeEffects()).toHaveLength(0);
  // #endregion
});

test("pages", () => {
  const { ledger } = example();
  // #region pages
  const bounds = { triesMax: 1_000 }; // and `authority`, for what only that authority may see
  const { items, next } = ledger.pages.accounts({ limit: 2 }, bounds);
  expect(items.map(({ id }) => id)).toEqual([1n, 2n]);
  expect(ledger.pages.accounts({ limit: 2, timestampMin: next }, bounds)).toMatchObject({
    items: [{ id: 3n }],
    next: 0n,
  });

  const filter = { cursor: 0n, limit: 100 };
  const ready = ledger.pages.seekChangeEvents(filter, 10_000); // goes so many steps at most; false: once more, later
  expect(ready).toBe(true);
  expect(ledger.pages.changeEvents(filter, bounds)).toMatchObject({ events: [{ type: "single_phase" }], more: false });
  // #endregion
});

test("checkpoint", () => {
  const { ledger } = example();
  const store = new Map<string, Uint8Array>();
  // #region checkpoint
  const save = (): void => {
    for (const part of ledger.paged) {
      for (const page of part.dirtyPages()) store.set(`${part.name}/${page}`, part.encodePage(page));
      part.markClean();
    }
  };
  save();

  const restored = new Ledger();
  for (const [index, part] of restored.paged.entries()) {
    const pages = ledger.paged[index]?.pageCount() ?? 0; // kept with the pages
    for (let page = 0; page < pages; page++)
      part.decodePage(page, store.get(`${part.name}/${page}`) ?? new Uint8Array(0));
  }
  for (const part of restored.paged) part.restored();
  restored.restored();
  expect(restored.lookupAccount(2n)).toEqual(ledger.lookupAccount(2n));
  // #endregion
});

test("the documents have these examples, and those of the client library, word for word", () => {
  const examples = ["examples.test.ts", "../client/examples.test.ts"].flatMap((file) =>
    [...text(file).matchAll(/^ {2}\/\/ #region .+\n([\s\S]*?)^ {2}\/\/ #endregion$/gm)].map(([, code = ""]) =>
      code.replaceAll(/^ {2}/gm, "").trim(),
    ),
  );
  expect(examples.length).toBeGreaterThan(20);
  const pages = ["ledger", "assets"].map((name) => text(`../../docs/${name}.md`)).join("");
  const shown = [...pages.matchAll(/^```ts\n([\s\S]*?)^```$/gm)].map(([, code = ""]) => code.trim());
  expect(shown.filter((code) => !code.startsWith("import")).toSorted()).toEqual(examples.toSorted());
});
