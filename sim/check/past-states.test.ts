import { describe, expect, test } from "vitest";
import { accountFlags, type Transfer, transferFlags } from "../../node/ledger/records.ts";
import type { SeenChangeEvent } from "../../node/state/flat-answers.ts";
import { transfer } from "../workload/bank.ts";
import { PastStates } from "./past-states.ts";
import { ReferenceLedger } from "./reference-ledger.ts";
import { StreamBooks } from "./stream-books.ts";
import { Verdict } from "./verdict.ts";

const LEDGER = 978;
const SECOND = 1_000_000_000n;
const EMPTY = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
const PLAIN = { userData128: 0n, userData64: 0n, userData32: 0, code: 1, timestamp: 0n, reserved: 0 };
const BOTH = 3;

/**
 * Block 1 opens accounts 1 and 2, block 2 moves 5 and 6, block 3 holds 7, and in block 4 the hold expires: by then account 1
 * has paid 11.
 */
function past() {
  const verdict = new Verdict(() => ({ atMs: 0, step: 0 }));
  const ledger = new ReferenceLedger();
  const states = new PastStates(verdict, ledger);
  const open = { ...EMPTY, ...PLAIN, ledger: LEDGER, flags: accountFlags.history };
  const move = (id: bigint, amount: bigint, special: Partial<Transfer> = {}): Transfer =>
    transfer({ id, debitAccountId: 1n, creditAccountId: 2n, amount, ledger: LEDGER, ...special });
  ledger.createAccounts(
    [1n, 2n].map((id) => ({ id, ...open })),
    SECOND,
  );
  states.block(1);
  ledger.createTransfers([move(101n, 5n), move(102n, 6n)], 2n * SECOND);
  states.block(2);
  ledger.createTransfers([move(103n, 7n, { flags: transferFlags.pending, timeout: 1 })], 3n * SECOND);
  states.block(3);
  ledger.expire(4n * SECOND, 10);
  states.block(4);
  return { verdict, ledger, states };
}

type Past = ReturnType<typeof past>;

/** The rule that an answer breaks. */
function broken(answer: (past: Past) => void): string | undefined {
  const made = past();
  answer(made);
  return made.verdict.failure?.checker;
}

const all = ({ ledger }: Past): readonly Transfer[] => ledger.transfers;

describe("an answer is what there was at its height", () => {
  test("accounts as they were then, neither older nor newer", () => {
    const show = (height: number, debitsPosted: bigint, debitsPending: bigint) => (it: Past) => {
      const account = { ...it.ledger.account(1n), debitsPosted, debitsPending } as never;
      it.states.readAccounts(height, [1n, 99n], [account]);
    };
    expect(broken(show(1, 0n, 0n))).toBeUndefined();
    expect(broken(show(3, 11n, 7n))).toBeUndefined();
    expect(broken(show(4, 11n, 0n))).toBeUndefined();
    expect(broken(show(2, 0n, 0n))).toBe("answers");
    expect(broken(show(2, 11n, 7n))).toBe("answers");
    expect(broken(({ states }) => states.readAccounts(1, [1n], []))).toBe("answers");
  });

  test("pages of transfers: the first that there are, and no row lost between two pages", () => {
    const page =
      (height: number, shown: number, next: bigint, flags = 0) =>
      (it: Past) => {
        const rows = (flags === 0 ? all(it) : all(it).toReversed()).slice(0, shown);
        it.states.readTransfers({ limit: 10, flags }, { height, rows, next });
      };
    expect(broken(page(2, 2, 0n))).toBeUndefined();
    expect(broken(page(2, 1, 2n * SECOND))).toBeUndefined();
    expect(broken(page(2, 1, 2n * SECOND + 1n))).toBe("answers");
    expect(broken(page(2, 1, 2n * SECOND - 1n))).toBe("answers");
    expect(broken(page(2, 1, 0n))).toBe("answers");
    expect(broken(page(2, 3, 0n))).toBe("answers");
    expect(broken(page(3, 1, 2n * SECOND, 1))).toBeUndefined();
    expect(broken(page(3, 1, 2n * SECOND - 1n, 1))).toBe("answers");
    expect(broken(page(9, 0, 0n))).toBe("answers");
  });

  test("pages of an account's transfers and balances", () => {
    const asked = { accountId: 2n, flags: BOTH, limit: 10 };
    const transfersOf = (it: Past): void =>
      it.states.readAccountTransfers(asked, { height: 3, rows: all(it), next: 0n });
    expect(broken(transfersOf)).toBeUndefined();
    const balances = (first: bigint) => (it: Past) => {
      const times = all(it).map(({ timestamp }) => timestamp);
      const rows = [first, 11n].map((creditsPosted, at) => ({ ...EMPTY, creditsPosted, timestamp: times[at] ?? 0n }));
      it.states.readBalances(asked, { height: 2, rows, next: 0n });
    };
    expect(broken(balances(5n))).toBeUndefined();
    expect(broken(balances(6n))).toBe("answers");
  });

  test("changes behind a cursor: in order, without a gap, and nothing kept back", () => {
    const events = ({ ledger }: Past): SeenChangeEvent[] =>
      ledger.changes.map((change, index) => ({ ...change, cursor: BigInt(index + 1), ledger: LEDGER }));
    const page = (height: number, from: number, to: number, next: number, more: boolean) => (it: Past) => {
      const shown = { height, rows: events(it).slice(from, to), next: BigInt(next) };
      it.states.readEvents(BigInt(from), shown, more);
    };
    expect(broken(page(4, 0, 4, 4, false))).toBeUndefined();
    expect(broken(page(4, 1, 3, 3, true))).toBeUndefined();
    expect(broken(page(2, 3, 3, 3, false))).toBeUndefined();
    expect(broken(page(4, 1, 3, 4, false))).toBe("answers");
    expect(broken(page(4, 1, 3, 3, false))).toBe("answers");
    expect(broken(page(2, 0, 3, 3, false))).toBe("answers");
    const gap = (it: Past): void => {
      const [first, , third] = events(it) as [SeenChangeEvent, SeenChangeEvent, SeenChangeEvent];
      it.states.readEvents(0n, { height: 4, rows: [first, third], next: 2n }, true);
    };
    expect(broken(gap)).toBe("answers");
  });
});

function handleAll(changes: Past["ledger"]["changes"], to: StreamBooks): void {
  for (const change of changes) to.handle(change);
}

describe("books made of the stream", () => {
  const books = (handle: (changes: Past["ledger"]["changes"], to: StreamBooks) => void) => {
    const { verdict, ledger } = past();
    const made = new StreamBooks();
    handle(ledger.changes, made);
    made.compare(verdict, ledger.accounts);
    return verdict.failure?.checker;
  };

  test("show what the accounts show", () => {
    expect(books(handleAll)).toBeUndefined();
  });

  test("that missed a change, or handled one twice, do not", () => {
    expect(books((changes, to) => handleAll(changes.slice(1), to))).toBe("changeStream");
    expect(books((changes, to) => handleAll(changes.slice(0, 3), to))).toBe("changeStream");
    expect(books((changes, to) => handleAll([...changes.slice(0, 1), ...changes], to))).toBe("changeStream");
  });

  test("that were kept before a crash are not touched by what comes after", () => {
    const twice = (changes: Past["ledger"]["changes"], to: StreamBooks): void => {
      const kept = to.copy();
      handleAll(changes, kept);
      handleAll(changes, to);
    };
    expect(books(twice)).toBeUndefined();
  });
});
