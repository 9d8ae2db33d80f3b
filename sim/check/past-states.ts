/**
 * What the committed chain says of every height. An answer names the height of the state that it was read from, and must
 * be what the reference ledger had at that height: however old the answer may be, and whichever node gave it.
 */
import type { Account, Transfer } from "../../node/ledger/records.ts";
import type { SeenChangeEvent } from "../../node/state/flat-answers.ts";
import {
  A,
  type ModelAccount,
  type ModelAccountFilter,
  type ModelBalance,
  type ModelChange,
  type ModelQueryFilter,
  type ModelTransfer,
  type ReferenceLedger,
} from "./reference-ledger.ts";
import { expectSame } from "./same.ts";
import type { Verdict } from "./verdict.ts";

const RULE = "answers";
const ALL = Number.MAX_SAFE_INTEGER;

interface Version {
  readonly height: number;
  readonly account: ModelAccount;
}

/** A page and where the next one begins; 0 when nothing is left. */
export interface ShownPage<Row> {
  readonly height: number;
  readonly rows: readonly Row[];
  readonly next: bigint;
}

/** What a reader may ask for; everything that is left out is no condition. */
export type AccountAsked = Pick<ModelAccountFilter, "accountId" | "flags" | "limit"> & Partial<ModelAccountFilter>;
export type QueryAsked = Pick<ModelQueryFilter, "limit"> & Partial<ModelQueryFilter>;

const NO_CONDITION = {
  ...{ userData128: 0n, userData64: 0n, userData32: 0, code: 0, ledger: 0, flags: 0 },
  ...{ timestampMin: 0n, timestampMax: 0n },
};

export class PastStates {
  readonly #verdict: Verdict;
  readonly #reference: ReferenceLedger;
  readonly #versions = new Map<bigint, Version[]>();
  /** By height: how many transfers and how many changes there were. */
  readonly #counts: { readonly transfers: number; readonly changes: number }[] = [{ transfers: 0, changes: 0 }];
  readonly #placeOf = new Map<bigint, number>();
  readonly #changeAt = new Map<bigint, ModelChange>();

  constructor(verdict: Verdict, reference: ReferenceLedger) {
    this.#verdict = verdict;
    this.#reference = reference;
  }

  /** The reference has done what the block of this height does. */
  block(height: number): void {
    const { accounts, transferCount, changes } = this.#reference;
    for (const account of accounts) {
      const versions = this.#versions.get(account.id);
      if (versions === undefined) this.#versions.set(account.id, [{ height, account }]);
      else if (versions.at(-1)?.account !== account) versions.push({ height, account });
    }
    const known = this.#placeOf.size;
    if (transferCount > known) {
      for (const { id } of this.#reference.transfersBehind(known)) this.#placeOf.set(id, this.#placeOf.size);
    }
    for (let at = this.#counts.at(-1)?.changes ?? 0; at < changes.length; at++) {
      const change = changes[at] as ModelChange;
      if (change.type !== "two_phase_expired") this.#changeAt.set(change.timestamp, change);
    }
    this.#counts[height] = { transfers: transferCount, changes: changes.length };
  }

  /** Changes there were at a height. */
  changesAt(height: number): number {
    return this.#at(height).changes;
  }

  readAccounts(height: number, ids: readonly bigint[], shown: readonly Account[]): void {
    const expected = ids.flatMap((id) => this.#account(id, height) ?? []);
    expectSame(this.#verdict, RULE, shown, expected, () => `accounts at height ${height}`);
  }

  /** All accounts as they were at a height, in the order of their creation. */
  accountsAt(height: number): readonly ModelAccount[] {
    return [...this.#versions.keys()].flatMap((id) => this.#account(id, height) ?? []);
  }

  /** Transfers there were at a height. */
  transfersAt(height: number): number {
    return this.#at(height).transfers;
  }

  readTransfers(asked: QueryAsked, page: ShownPage<Transfer>): void {
    const found = this.#reference.queryTransfers({ ...NO_CONDITION, ...asked, limit: ALL });
    this.#compare(this.#before(page.height, found), page, ((asked.flags ?? 0) & 1) !== 0);
  }

  readAccountTransfers(asked: AccountAsked, page: ShownPage<Transfer>): void {
    this.#compare(this.#ofAccount(asked, page.height), page, (asked.flags & 4) !== 0);
  }

  readBalances(asked: AccountAsked, page: ShownPage<ModelBalance>): void {
    const flags = this.#account(asked.accountId, page.height)?.flags ?? 0;
    const transfers = (flags & A.history) === 0 ? [] : this.#ofAccount(asked, page.height);
    const expected = transfers.map(({ timestamp }): ModelBalance => {
      const { debitAccount, creditAccount } = this.#changeAt.get(timestamp) as ModelChange;
      const { debitsPending, debitsPosted, creditsPending, creditsPosted } =
        debitAccount.id === asked.accountId ? debitAccount : creditAccount;
      return { debitsPending, debitsPosted, creditsPending, creditsPosted, timestamp };
    });
    this.#compare(expected, page, (asked.flags & 4) !== 0);
  }

  /** The changes behind `cursor`, in order and without a gap, and whether there were more. */
  readEvents(cursor: bigint, { height, rows, next }: ShownPage<SeenChangeEvent>, more: boolean): void {
    const where = (): string => `changes behind ${cursor} at height ${height}`;
    const first = Number(cursor);
    const expected = this.#reference.changes.slice(first, first + rows.length).map((change, index) => {
      return { ...change, cursor: cursor + BigInt(index + 1) };
    });
    expectSame(this.#verdict, RULE, rows, expected, where);
    const there = this.changesAt(height);
    const end = first + rows.length;
    // A node that is behind the reader has nothing to tell, and says so.
    const within = rows.length === 0 || end <= there;
    expectSame(
      this.#verdict,
      RULE,
      { next, more, within },
      { next: BigInt(end), more: end < there, within: true },
      where,
    );
  }

  #at(height: number): { readonly transfers: number; readonly changes: number } {
    const at = this.#counts[height];
    this.#verdict.expect(at !== undefined, RULE, () => `an answer from height ${height}, which nobody has reached`);
    return at ?? { transfers: 0, changes: 0 };
  }

  #account(id: bigint, height: number): ModelAccount | undefined {
    return this.#versions.get(id)?.findLast((version) => version.height <= height)?.account;
  }

  #ofAccount(asked: AccountAsked, height: number): readonly ModelTransfer[] {
    return this.#before(height, this.#reference.getAccountTransfers({ ...NO_CONDITION, ...asked, limit: ALL }));
  }

  #before(height: number, found: readonly ModelTransfer[]): readonly ModelTransfer[] {
    const { transfers } = this.#at(height);
    return found.filter(({ id }) => (this.#placeOf.get(id) as number) < transfers);
  }

  /** A page holds the first of what is to be found, and the next one begins before what is left. */
  #compare<Row extends { readonly timestamp: bigint }>(
    found: readonly Row[],
    { height, rows, next }: ShownPage<Row>,
    newestFirst: boolean,
  ): void {
    const where = (): string => `a page at height ${height}`;
    expectSame(this.#verdict, RULE, rows, found.slice(0, rows.length), where);
    const left = found[rows.length];
    if (left === undefined) return;
    const follows = next !== 0n && (newestFirst ? left.timestamp <= next : left.timestamp >= next);
    this.#verdict.expect(follows, RULE, () => `${where()}: the next at ${next} misses ${left.timestamp}`);
    const last = rows.at(-1);
    if (last === undefined) return;
    const again = newestFirst ? last.timestamp <= next : last.timestamp >= next;
    this.#verdict.expect(!again, RULE, () => `${where()}: the next at ${next} has ${last.timestamp} again`);
  }
}
