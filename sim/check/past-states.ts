/**
 * What the committed chain says of every height. An answer names the height of the state that it was read from, and must
 * be what the reference ledger had at that height: however old the answer may be, and whichever node gave it. Where it is
 * said whose reader has asked, it is shown that authority's own, and nothing of others.
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
  readonly #transferIds: bigint[] = [];
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
      for (const { id } of this.#reference.transfersBehind(known)) {
        this.#placeOf.set(id, this.#placeOf.size);
        this.#transferIds.push(id);
      }
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

  /** All transfers so far, in their order: what may be asked for. */
  get transferIds(): readonly bigint[] {
    return this.#transferIds;
  }

  readAccounts(height: number, ids: readonly bigint[], shown: readonly Account[], reader?: number): void {
    const expected = ids.filter((id) => this.#sees(reader, id)).flatMap((id) => this.#account(id, height) ?? []);
    expectSame(this.#verdict, RULE, shown, expected, () => `accounts at height ${height}`);
  }

  /** Transfers that were asked for by their ids: those that there are, in the order of the question. */
  lookUpTransfers(height: number, ids: readonly bigint[], shown: readonly Transfer[], reader?: number): void {
    const found = ids.flatMap((id) => this.#reference.transfer(id) ?? []);
    const expected = this.#visible(reader, this.#before(height, found));
    expectSame(this.#verdict, RULE, shown, expected, () => `transfers by their ids at height ${height}`);
  }

  /** Pages of accounts, in the order of their creation. */
  queryAccounts({ ledger = 0, code = 0, ...asked }: QueryAsked, page: ShownPage<Account>, reader?: number): void {
    const found = this.accountsAt(page.height).filter(
      (account) =>
        (ledger === 0 || account.ledger === ledger) &&
        (code === 0 || account.code === code) &&
        isWithin(asked, account.timestamp) &&
        this.#sees(reader, account.id),
    );
    this.#compare(((asked.flags ?? 0) & 1) === 0 ? found : found.toReversed(), asked, page);
  }

  /** All accounts as they were at a height, in the order of their creation. */
  accountsAt(height: number): readonly ModelAccount[] {
    return [...this.#versions.keys()].flatMap((id) => this.#account(id, height) ?? []);
  }

  /** Transfers there were at a height. */
  transfersAt(height: number): number {
    return this.#at(height).transfers;
  }

  readTransfers(asked: QueryAsked, page: ShownPage<Transfer>, reader?: number): void {
    const found = this.#reference.queryTransfers({ ...NO_CONDITION, ...asked, limit: ALL });
    this.#compare(this.#visible(reader, this.#before(page.height, found)), asked, page);
  }

  readAccountTransfers(asked: AccountAsked, page: ShownPage<Transfer>, reader?: number): void {
    const found = this.#sees(reader, asked.accountId) ? this.#ofAccount(asked, page.height) : [];
    this.#compare(found, onAccount(asked), page);
  }

  readBalances(asked: AccountAsked, page: ShownPage<ModelBalance>, reader?: number): void {
    const flags = this.#account(asked.accountId, page.height)?.flags ?? 0;
    const shows = (flags & A.history) !== 0 && this.#sees(reader, asked.accountId);
    const transfers = !shows ? [] : this.#ofAccount(asked, page.height);
    const expected = transfers.map(({ timestamp }): ModelBalance => {
      const { debitAccount, creditAccount } = this.#changeAt.get(timestamp) as ModelChange;
      const { debitsPending, debitsPosted, creditsPending, creditsPosted } =
        debitAccount.id === asked.accountId ? debitAccount : creditAccount;
      return { debitsPending, debitsPosted, creditsPending, creditsPosted, timestamp };
    });
    this.#compare(expected, onAccount(asked), page);
  }

  /**
   * The changes behind `cursor` that the reader may see, in order and without a gap, and whether there were more. Of an
   * account that is another's nothing is shown.
   */
  readEvents(cursor: bigint, { height, rows, next }: ShownPage<SeenChangeEvent>, more: boolean, reader?: number): void {
    const where = (): string => `changes behind ${cursor} at height ${height}`;
    const end = Number(next);
    const expected = this.#reference.changes.slice(Number(cursor), end).flatMap((change, index) => {
      const place = { cursor: cursor + BigInt(index + 1) };
      const { debitAccount, creditAccount } = change;
      if (reader === undefined) return { ...change, ...place };
      const [debit, credit] = [this.#sees(reader, debitAccount.id), this.#sees(reader, creditAccount.id)];
      if (!debit && !credit) return [];
      const seen = {
        debitAccount: debit ? debitAccount : undefined,
        creditAccount: credit ? creditAccount : undefined,
      };
      return { ...change, ...place, ...seen };
    });
    expectSame(this.#verdict, RULE, rows, expected, where);
    const there = this.changesAt(height);
    // A node that is behind the reader has nothing to tell, and says so.
    const within = next >= cursor && (next === cursor || end <= there);
    const moves = next > cursor || !more;
    const told = { more, within, moves };
    expectSame(this.#verdict, RULE, told, { more: end < there, within: true, moves: true }, where);
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

  #sees(reader: number | undefined, account: bigint): boolean {
    return reader === undefined || this.#reference.authorityOf(account) === reader;
  }

  #visible(reader: number | undefined, found: readonly ModelTransfer[]): readonly ModelTransfer[] {
    return found.filter(
      ({ debitAccountId, creditAccountId }) =>
        this.#sees(reader, debitAccountId) || this.#sees(reader, creditAccountId),
    );
  }

  /** A page holds the first of what is to be found, no more than was asked for, and the next one begins before what is left. */
  #compare<Row extends { readonly timestamp: bigint }>(
    found: readonly Row[],
    { limit, flags = 0, timestampMin = 0n, timestampMax = 0n }: QueryAsked,
    { height, rows, next }: ShownPage<Row>,
  ): void {
    const where = (): string => `a page at height ${height}`;
    const newestFirst = (flags & 1) !== 0;
    expectSame(this.#verdict, RULE, rows, found.slice(0, rows.length), where);
    const count = rows.length;
    this.#verdict.expect(count <= limit, RULE, () => `${where()}: ${count} rows, and ${limit} were asked for`);
    const left = found[count];
    if (left !== undefined) {
      const follows = next !== 0n && (newestFirst ? left.timestamp <= next : left.timestamp >= next);
      this.#verdict.expect(follows, RULE, () => `${where()}: the next at ${next} misses ${left.timestamp}`);
    }
    if (next === 0n) return;
    const last = rows.at(-1)?.timestamp;
    const again = last !== undefined && (newestFirst ? last <= next : last >= next);
    this.#verdict.expect(!again, RULE, () => `${where()}: the next at ${next} has ${last} again`);
    const moves = newestFirst ? timestampMax === 0n || next < timestampMax : next > timestampMin;
    this.#verdict.expect(moves, RULE, () => `${where()}: the next at ${next} is no further`);
  }
}

/** A question about an account in the shape of others: there the order has another bit. */
function onAccount({ flags, ...asked }: AccountAsked): QueryAsked {
  return { ...asked, flags: (flags & 4) === 0 ? 0 : 1 };
}

function isWithin({ timestampMin = 0n, timestampMax = 0n }: Partial<ModelQueryFilter>, timestamp: bigint): boolean {
  return timestamp >= timestampMin && (timestampMax === 0n || timestamp <= timestampMax);
}
