/** Queries by filter and changes as they go over the wire: every field of every filter, who sees what, and pages. */
import { describe, expect, test } from "vitest";
import {
  type AccountFilter,
  accountFilterFlags,
  type ChangeEventsFilter,
  type QueryFilter,
  queryFilterFlags,
} from "../ledger/filters.ts";
import { accountFlags, decodeAccounts, decodeTransfers, transferFlags } from "../ledger/records.ts";
import { accounts, Chain, EUR, type Party, SECOND, transfers } from "./chain.test-support.ts";
import { decodeBalances, decodeChanges, type SeenChangeEvent } from "./flat-answers.ts";
import { decodeAnswer, decodeQuery, encodeAnswer, encodeQuery, type StateQuery } from "./queries.ts";

const { debits, credits, reversed } = accountFilterFlags;
const BOTH = debits | credits;
const USD = 840;
const MAX = 2n ** 128n - 1n;

interface Bank {
  readonly chain: Chain;
  readonly bank: Party;
  readonly other: Party;
  readonly auditor: Party;
}

/** Accounts 1 to 4 are the bank's, 11 and 12 the other's; transfers 101 to 106, of which 103 is held and 104 posts it. */
function bankWithBooks(): Bank {
  const chain = new Chain();
  const bank = chain.join("bank", "participant");
  const other = chain.join("other", "participant");
  const auditor = chain.join("auditor", "auditor");
  const data = { userData128: 2n ** 100n, userData64: 2n ** 40n, userData32: 7 };
  bank.must(
    accounts(
      { id: 1n, flags: accountFlags.history, ...data },
      { id: 2n, code: 5 },
      { id: 3n, userData32: 7 },
      { id: 4n, ledger: USD },
    ),
  );
  other.must(accounts({ id: 11n }, { id: 12n }));
  const pay = { debitAccountId: 1n, creditAccountId: 2n, amount: 10n };
  bank.must(
    transfers({ id: 101n, ...pay, ...data }, { id: 102n, ...pay, code: 5, debitAccountId: 2n, creditAccountId: 1n }),
  );
  chain.now += SECOND;
  bank.must(transfers({ id: 103n, ...pay, flags: transferFlags.pending, timeout: 100 }));
  const post = { debitAccountId: 0n, creditAccountId: 0n, amount: MAX, ledger: 0, code: 0 };
  bank.must(transfers({ id: 104n, pendingId: 103n, ...post, flags: transferFlags.postPendingTransfer }));
  chain.now += SECOND;
  bank.must(transfers({ id: 105n, ...pay, creditAccountId: 11n, userData64: 2n ** 40n }));
  other.must(transfers({ id: 106n, ...pay, debitAccountId: 11n, creditAccountId: 12n }));
  return { chain, bank, other, auditor };
}

const it: Bank = bankWithBooks();

/** Asks as a client does: all goes through the bytes. */
function ask<T extends StateQuery["type"]>(
  by: Party,
  query: StateQuery & { readonly type: T },
  chain = it.chain,
): ReturnType<typeof decodeAnswer<T>> {
  const reader = chain.state.readerOf(by.publicKey);
  if (reader === undefined) throw new Error(`${by.name} may read nothing`);
  return decodeAnswer(
    query.type,
    encodeAnswer(chain.state.query(decodeQuery(encodeQuery(query)) as StateQuery, reader)),
  );
}

function idsOf(records: readonly { readonly id: bigint }[]): number[] {
  return records.map(({ id }) => Number(id));
}

const timeOf = (id: bigint): bigint =>
  decodeTransfers(ask(it.auditor, { type: "transfers", ids: [id] }).records)[0]?.timestamp ?? 0n;

describe("every field of a filter counts", () => {
  test.each<[Omit<AccountFilter, "accountId" | "limit"> & { limit?: number; accountId?: bigint }, number[]]>([
    [{ flags: BOTH }, [101, 102, 103, 104, 105]],
    [{ flags: debits }, [101, 103, 104, 105]],
    [{ flags: credits }, [102]],
    [{ flags: BOTH | reversed }, [105, 104, 103, 102, 101]],
    [{ flags: reversed }, []],
    [{ flags: BOTH, limit: 2 }, [101, 102]],
    [{ flags: BOTH, code: 5 }, [102]],
    [{ flags: BOTH, userData128: 2n ** 100n }, [101]],
    [{ flags: BOTH, userData64: 2n ** 40n }, [101, 105]],
    [{ flags: BOTH, userData32: 7 }, [101]],
    [{ flags: BOTH, timestampMin: timeOf(103n) }, [103, 104, 105]],
    [{ flags: BOTH, timestampMax: timeOf(103n) }, [101, 102, 103]],
    [{ flags: BOTH, timestampMin: timeOf(102n), timestampMax: timeOf(103n) }, [102, 103]],
    [{ flags: BOTH, accountId: 11n }, [105, 106]],
    [{ flags: BOTH, accountId: 3n }, []],
    [{ flags: BOTH, accountId: MAX }, []],
  ])("transfers of an account: %o", (special, ids) => {
    const filter = { accountId: 1n, limit: 10, ...special };
    expect(idsOf(decodeTransfers(ask(it.auditor, { type: "accountTransfers", ...filter }).records))).toEqual(ids);
    const balances = decodeBalances(ask(it.auditor, { type: "accountBalances", ...filter }).records);
    expect(balances.map(({ timestamp }) => timestamp)).toEqual(
      filter.accountId === 1n ? ids.map(BigInt).map(timeOf) : [],
    );
  });

  test("balances are those after each transfer", () => {
    const { records } = ask(it.bank, { type: "accountBalances", accountId: 1n, limit: 10, flags: BOTH });
    expect(decodeBalances(records)).toMatchObject([
      { debitsPending: 0n, debitsPosted: 10n, creditsPending: 0n, creditsPosted: 0n },
      { debitsPending: 0n, debitsPosted: 10n, creditsPosted: 10n },
      { debitsPending: 10n, debitsPosted: 10n, creditsPosted: 10n },
      { debitsPending: 0n, debitsPosted: 20n, creditsPosted: 10n },
      { debitsPending: 0n, debitsPosted: 30n, creditsPosted: 10n },
    ]);
  });

  test.each<[Partial<QueryFilter>, number[], number[]]>([
    [{}, [1, 2, 3, 4, 11, 12], [101, 102, 103, 104, 105, 106]],
    [{ flags: queryFilterFlags.reversed, limit: 2 }, [12, 11], [106, 105]],
    [{ ledger: USD }, [4], []],
    [{ code: 5 }, [2], [102]],
    [{ userData128: 2n ** 100n }, [1], [101]],
    [{ userData64: 2n ** 40n }, [1], [101, 105]],
    [{ userData32: 7 }, [1, 3], [101]],
    [{ userData32: 7, ledger: EUR, code: 1 }, [1, 3], [101]],
    [{ timestampMin: timeOf(105n) }, [], [105, 106]],
    [{ timestampMax: timeOf(101n) }, [1, 2, 3, 4, 11, 12], [101]],
    [{ timestampMin: 2n, timestampMax: 1n }, [], []],
  ])("accounts and transfers: %o", (special, accountIds, transferIds) => {
    const filter = { limit: 10, ...special };
    expect(idsOf(decodeAccounts(ask(it.auditor, { type: "queryAccounts", ...filter }).records))).toEqual(accountIds);
    expect(idsOf(decodeTransfers(ask(it.auditor, { type: "queryTransfers", ...filter }).records))).toEqual(transferIds);
  });

  test.each<[Partial<ChangeEventsFilter>, number[]]>([
    [{}, [101, 102, 103, 104, 105, 106]],
    [{ limit: 2 }, [101, 102]],
    [{ cursor: 4n }, [105, 106]],
    [{ cursor: 6n }, []],
    [{ timestampMin: timeOf(104n) }, [104, 105, 106]],
    [{ timestampMax: timeOf(102n) }, [101, 102]],
    [{ cursor: 1n, timestampMax: timeOf(102n) }, [102]],
  ])("changes: %o", (special, ids) => {
    const answer = ask(it.auditor, { type: "changeEvents", limit: 10, ...special });
    const events = decodeChanges(answer);
    expect(idsOf(events.map(({ transfer }) => transfer))).toEqual(ids);
    expect(answer.more).toBe(special.limit === 2);
    expect(BigInt(answer.next)).toBeGreaterThanOrEqual(events.at(-1)?.cursor ?? 0n);
  });
});

describe("who sees what", () => {
  test("an authority finds its own accounts, and transfers on them; an auditor all", () => {
    const found = (by: Party): number[][] => [
      idsOf(decodeAccounts(ask(by, { type: "queryAccounts", limit: 10 }).records)),
      idsOf(decodeTransfers(ask(by, { type: "queryTransfers", limit: 10 }).records)),
      idsOf(decodeChanges(ask(by, { type: "changeEvents", limit: 10 })).map(({ transfer }) => transfer)),
    ];
    expect(found(it.bank)).toEqual([[1, 2, 3, 4], ...Array(2).fill([101, 102, 103, 104, 105])]);
    expect(found(it.other)).toEqual([
      [11, 12],
      [105, 106],
      [105, 106],
    ]);
    expect(found(it.chain.join("stranger", "participant"))).toEqual([[], [], []]);
    const balances = { type: "accountBalances", accountId: 1n, limit: 10, flags: BOTH } as const;
    expect([it.bank, it.other].map((by) => ask(by, balances).records.length / 128)).toEqual([5, 0]);
  });

  test("of a change between two authorities each sees its own account and not the other's", () => {
    const between = (by: Party): SeenChangeEvent | undefined =>
      decodeChanges(ask(by, { type: "changeEvents", limit: 10 })).find(({ transfer }) => transfer.id === 105n);
    const debit = { debitAccount: { id: 1n, debitsPosted: 30n } };
    const credit = { creditAccount: { id: 11n, creditsPosted: 10n } };
    expect(between(it.auditor)).toMatchObject({ ...debit, ...credit, type: "single_phase", cursor: 5n });
    expect(between(it.bank)).toMatchObject(debit);
    expect(between(it.bank)).not.toHaveProperty("creditAccount");
    expect(between(it.other)).toMatchObject(credit);
    expect(between(it.other)).not.toHaveProperty("debitAccount");
  });
});

test("a reader who sees little of much is answered in pieces, and in the end has all that is his", () => {
  const chain = new Chain();
  const [big, small] = [chain.join("big", "participant"), chain.join("small", "participant")];
  big.must(accounts({ id: 1n }, { id: 2n }));
  small.must(accounts({ id: 3n }));
  const pay = { debitAccountId: 1n, creditAccountId: 2n, amount: 1n };
  for (let batch = 0; batch < 3; batch++) {
    const many = Array.from({ length: 8_000 }, (_, index) => ({ id: BigInt(1_000 + batch * 8_000 + index), ...pay }));
    big.must(transfers(...many));
  }
  big.must(transfers({ id: 7n, ...pay, creditAccountId: 3n }));
  const pages: number[][] = [];
  for (let timestampMin = 0n, more = true; more; ) {
    const { records, next } = ask(small, { type: "queryTransfers", limit: 10, timestampMin }, chain);
    pages.push(idsOf(decodeTransfers(records)));
    timestampMin = BigInt(next);
    more = next !== "0";
  }
  expect(pages.flat()).toEqual([7]);
  expect(pages.length).toBeGreaterThan(1);
  const changes: number[][] = [];
  for (let cursor = 0n, more = true; more; ) {
    const page = ask(small, { type: "changeEvents", limit: 10, cursor }, chain);
    changes.push(idsOf(decodeChanges(page).map(({ transfer }) => transfer)));
    ({ more } = page);
    cursor = BigInt(page.next);
  }
  expect(changes.flat()).toEqual([7]);
  expect(changes.length).toBeGreaterThan(1);
});
