/**
 * What the ledger must do, as slowly and plainly as possible: bigints in maps, one sentence of the description a line, a
 * copy of everything at the start of a linked chain, every query a look at everything. It shares no code with the ledger,
 * not even the numbers of flags and statuses, so that a mistake must be made twice to go unseen.
 */

export interface ModelAccount {
  readonly id: bigint;
  readonly debitsPending: bigint;
  readonly debitsPosted: bigint;
  readonly creditsPending: bigint;
  readonly creditsPosted: bigint;
  readonly userData128: bigint;
  readonly userData64: bigint;
  readonly userData32: number;
  readonly ledger: number;
  readonly code: number;
  readonly flags: number;
  readonly timestamp: bigint;
}

/** An account as it is asked for: `reserved` must be zero. */
export interface ModelAccountEvent extends ModelAccount {
  readonly reserved: number;
}

export interface ModelTransfer {
  readonly id: bigint;
  readonly debitAccountId: bigint;
  readonly creditAccountId: bigint;
  readonly amount: bigint;
  readonly pendingId: bigint;
  readonly userData128: bigint;
  readonly userData64: bigint;
  readonly userData32: number;
  readonly timeout: number;
  readonly ledger: number;
  readonly code: number;
  readonly flags: number;
  readonly timestamp: bigint;
}

export interface ModelResult {
  readonly status: string;
  readonly timestamp: bigint;
}

export type ModelPending = "pending" | "posted" | "voided" | "expired";

export type ModelChangeType =
  | "single_phase"
  | "two_phase_pending"
  | "two_phase_posted"
  | "two_phase_voided"
  | "two_phase_expired";

/** A change with both accounts as it left them; `transfer` is the pending one when it expired. */
export interface ModelChange {
  readonly type: ModelChangeType;
  readonly timestamp: bigint;
  readonly transfer: ModelTransfer;
  readonly debitAccount: ModelAccount;
  readonly creditAccount: ModelAccount;
}

export interface ModelAccountFilter {
  readonly accountId: bigint;
  readonly userData128: bigint;
  readonly userData64: bigint;
  readonly userData32: number;
  readonly code: number;
  readonly timestampMin: bigint;
  readonly timestampMax: bigint;
  readonly limit: number;
  readonly flags: number;
}

export interface ModelQueryFilter extends Omit<ModelAccountFilter, "accountId"> {
  readonly ledger: number;
}

export interface ModelBalance {
  readonly debitsPending: bigint;
  readonly debitsPosted: bigint;
  readonly creditsPending: bigint;
  readonly creditsPosted: bigint;
  readonly timestamp: bigint;
}

/** Flags of accounts by their bits. */
export const A = { linked: 1, debitsLimited: 2, creditsLimited: 4, history: 8, imported: 16, closed: 32 } as const;
const FROZEN = 16_384;
const ACCOUNT_FLAGS = 63;

/** Flags of transfers by their bits. */
export const T = {
  linked: 1,
  pending: 2,
  post: 4,
  void: 8,
  balancingDebit: 16,
  balancingCredit: 32,
  closingDebit: 64,
  closingCredit: 128,
  imported: 256,
} as const;
const TRANSFER_FLAGS = 511;

/** Flags of filters by their bits. */
const F = { debits: 1, credits: 2, reversed: 4, queryReversed: 1 } as const;

const MAX_128 = 2n ** 128n - 1n;
const MAX_TIME = 2n ** 63n - 1n;
const SECOND = 1_000_000_000n;
/** Whoever signs with this number may debit any account. */
const SYSTEM = 0xffff_ffff;

/** Status numbers on the wire, as the description lists them: the order is the precedence. */
export const ACCOUNT_STATUS_NUMBERS: Readonly<Record<string, number>> = {
  ...{ linked_event_failed: 1, linked_event_chain_open: 2, imported_event_expected: 22 },
  ...{ imported_event_not_expected: 23, timestamp_must_be_zero: 3, imported_event_timestamp_out_of_range: 24 },
  ...{ imported_event_timestamp_must_not_advance: 25, reserved_field: 4, reserved_flag: 5, id_must_not_be_zero: 6 },
  ...{ id_must_not_be_int_max: 7, exists_with_different_flags: 15, exists_with_different_user_data_128: 16 },
  ...{ exists_with_different_user_data_64: 17, exists_with_different_user_data_32: 18 },
  ...{ exists_with_different_ledger: 19, exists_with_different_code: 20, exists: 21, flags_are_mutually_exclusive: 8 },
  ...{ debits_pending_must_be_zero: 9, debits_posted_must_be_zero: 10, credits_pending_must_be_zero: 11 },
  ...{ credits_posted_must_be_zero: 12, ledger_must_not_be_zero: 13, code_must_not_be_zero: 14 },
  ...{ imported_event_timestamp_must_not_regress: 26, created: 4_294_967_295 },
};

export const TRANSFER_STATUS_NUMBERS: Readonly<Record<string, number>> = {
  ...{ linked_event_failed: 1, linked_event_chain_open: 2, imported_event_expected: 56 },
  ...{ imported_event_not_expected: 57, timestamp_must_be_zero: 3, imported_event_timestamp_out_of_range: 58 },
  ...{ imported_event_timestamp_must_not_advance: 59, reserved_flag: 4, id_must_not_be_zero: 5 },
  ...{ id_must_not_be_int_max: 6, exists_with_different_flags: 36, exists_with_different_pending_id: 40 },
  ...{ exists_with_different_timeout: 44, exists_with_different_debit_account_id: 37 },
  ...{ exists_with_different_credit_account_id: 38, exists_with_different_amount: 39 },
  ...{ exists_with_different_user_data_128: 41, exists_with_different_user_data_64: 42 },
  ...{ exists_with_different_user_data_32: 43, exists_with_different_ledger: 67, exists_with_different_code: 45 },
  ...{ exists: 46, id_already_failed: 68, flags_are_mutually_exclusive: 7, debit_account_id_must_not_be_zero: 8 },
  ...{ debit_account_id_must_not_be_int_max: 9, credit_account_id_must_not_be_zero: 10 },
  ...{ credit_account_id_must_not_be_int_max: 11, accounts_must_be_different: 12, pending_id_must_be_zero: 13 },
  ...{ pending_id_must_not_be_zero: 14, pending_id_must_not_be_int_max: 15, pending_id_must_be_different: 16 },
  ...{ timeout_reserved_for_pending_transfer: 17, closing_transfer_must_be_pending: 64, ledger_must_not_be_zero: 19 },
  ...{ code_must_not_be_zero: 20, debit_account_not_found: 21, credit_account_not_found: 22 },
  ...{ debit_account_not_authorized: 1001, debit_account_frozen: 1002, credit_account_not_authorized: 1005 },
  ...{ flags_not_delegated: 1003, exceeds_delegated_limit: 1004 },
  ...{ accounts_must_have_the_same_ledger: 23 },
  ...{ transfer_must_have_the_same_ledger_as_accounts: 24, pending_transfer_not_found: 25 },
  ...{ pending_transfer_not_pending: 26, pending_transfer_has_different_debit_account_id: 27 },
  ...{ pending_transfer_has_different_credit_account_id: 28, pending_transfer_has_different_ledger: 29 },
  ...{ pending_transfer_has_different_code: 30, exceeds_pending_transfer_amount: 31 },
  ...{ pending_transfer_has_different_amount: 32, pending_transfer_already_posted: 33 },
  ...{ pending_transfer_already_voided: 34, pending_transfer_expired: 35 },
  ...{ imported_event_timestamp_must_not_regress: 60, imported_event_timestamp_must_postdate_debit_account: 61 },
  ...{ imported_event_timestamp_must_postdate_credit_account: 62, imported_event_timeout_must_be_zero: 63 },
  ...{ debit_account_already_closed: 65, credit_account_already_closed: 66, overflows_debits_pending: 47 },
  ...{ overflows_credits_pending: 48, overflows_debits_posted: 49, overflows_credits_posted: 50 },
  ...{ overflows_debits: 51, overflows_credits: 52, overflows_timeout: 53, exceeds_credits: 54, exceeds_debits: 55 },
  created: 4_294_967_295,
};

/** Statuses after which a transfer's id can never be used again. */
const BURNS = new Set([
  "debit_account_not_found",
  "credit_account_not_found",
  "pending_transfer_not_found",
  "exceeds_credits",
  "exceeds_debits",
  "debit_account_already_closed",
  "credit_account_already_closed",
  "debit_account_frozen",
  "exceeds_delegated_limit",
]);

/** How much a delegate may debit in a ledger: from one account, or with 0 from any of the authority. */
interface ModelLimit {
  readonly ledger: number;
  readonly account: bigint;
  readonly amount: bigint;
}

/** A delegate that may debit accounts of an authority, in each ledger up to a limit. */
export interface ModelDelegate {
  readonly authority: number;
  readonly limits: readonly ModelLimit[];
}

interface State {
  readonly accounts: Map<bigint, ModelAccount>;
  readonly authorities: Map<bigint, number>;
  readonly transfers: Map<bigint, ModelTransfer>;
  readonly makers: Map<bigint, number>;
  readonly pending: Map<bigint, ModelPending>;
  readonly changes: ModelChange[];
  /** What delegates have debited under each limit. */
  readonly spent: Map<ModelLimit, bigint>;
}

interface Event {
  readonly flags: number;
  readonly timestamp: bigint;
}

export class ReferenceLedger {
  /** Ids burned by failures; a chain that is undone leaves them burned. */
  readonly burned: Set<bigint> = new Set();
  #state: State = {
    accounts: new Map(),
    authorities: new Map(),
    transfers: new Map(),
    makers: new Map(),
    pending: new Map(),
    changes: [],
    spent: new Map(),
  };

  get accounts(): readonly ModelAccount[] {
    return [...this.#state.accounts.values()];
  }

  get transfers(): readonly ModelTransfer[] {
    return [...this.#state.transfers.values()];
  }

  get transferCount(): number {
    return this.#state.transfers.size;
  }

  /** Transfers that have held something, whatever became of it. */
  get holds(): readonly ModelTransfer[] {
    return [...this.#state.pending.keys()].map((id) => this.transfer(id) as ModelTransfer);
  }

  /** The transfers behind the first so many. */
  *transfersBehind(count: number): Generator<ModelTransfer> {
    let place = 0;
    for (const transfer of this.#state.transfers.values()) {
      place += 1;
      if (place > count) yield transfer;
    }
  }

  account(id: bigint): ModelAccount | undefined {
    return this.#state.accounts.get(id);
  }

  transfer(id: bigint): ModelTransfer | undefined {
    return this.#state.transfers.get(id);
  }

  /** Whose an account is. */
  authorityOf(id: bigint): number | undefined {
    return this.#state.authorities.get(id);
  }

  /** All that happened, in order. */
  get changes(): readonly ModelChange[] {
    return this.#state.changes;
  }

  pendingStatus(id: bigint): ModelPending | "none" {
    return this.#state.pending.get(id) ?? "none";
  }

  createAccounts(events: readonly ModelAccountEvent[], timestamp: bigint, authority: number = SYSTEM): ModelResult[] {
    return this.#run(events, timestamp, A.imported, (event, now) => this.#createAccount(event, now, authority));
  }

  createTransfers(
    events: readonly ModelTransfer[],
    timestamp: bigint,
    signer: number | ModelDelegate = SYSTEM,
  ): ModelResult[] {
    return this.#run(events, timestamp, T.imported, (event, now) => {
      const result = this.#createTransfer(event, now, signer);
      if (BURNS.has(result.status)) this.burned.add(event.id);
      return result;
    });
  }

  freeze(id: bigint, frozen: boolean): boolean {
    const known = this.account(id) !== undefined;
    if (known) this.#change(id, (a) => ({ ...a, flags: frozen ? a.flags | FROZEN : a.flags & ~FROZEN }));
    return known;
  }

  /** What a delegate has debited in a ledger. */
  spent({ limits }: ModelDelegate, ledger: number): bigint {
    const limit = limits.find((one) => one.ledger === ledger);
    return limit === undefined ? 0n : (this.#state.spent.get(limit) ?? 0n);
  }

  /** Expires what is due, at most `limit`; the events bear the last timestamps up to `timestamp`. */
  expire(timestamp: bigint, limit: number): number {
    const due = this.holds
      .filter((transfer) => this.pendingStatus(transfer.id) === "pending" && transfer.timeout > 0)
      .map((transfer) => ({ transfer, at: transfer.timestamp + BigInt(transfer.timeout) * SECOND }))
      .filter(({ at }) => at <= timestamp)
      .sort((a, b) => compare(a.at, b.at) || compare(a.transfer.timestamp, b.transfer.timestamp))
      .slice(0, limit);
    due.forEach(({ transfer }, index) => {
      this.#release(transfer);
      this.#reopen(transfer);
      this.#state.pending.set(transfer.id, "expired");
      this.#note("two_phase_expired", transfer, timestamp - BigInt(due.length - 1 - index));
    });
    return due.length;
  }

  /** Whether anything expires by `timestamp`. */
  nextExpiry(): bigint | undefined {
    const times = this.holds
      .filter((transfer) => this.pendingStatus(transfer.id) === "pending" && transfer.timeout > 0)
      .map((transfer) => transfer.timestamp + BigInt(transfer.timeout) * SECOND);
    return times.sort(compare)[0];
  }

  getAccountTransfers(filter: ModelAccountFilter): ModelTransfer[] {
    if (!validAccountFilter(filter)) return [];
    const debits = (filter.flags & F.debits) !== 0;
    const credits = (filter.flags & F.credits) !== 0;
    const found = this.transfers.filter(
      (t) =>
        ((debits && t.debitAccountId === filter.accountId) || (credits && t.creditAccountId === filter.accountId)) &&
        fits(filter, t),
    );
    return inOrder(found, (filter.flags & F.reversed) !== 0, filter.limit);
  }

  getAccountBalances(filter: ModelAccountFilter): ModelBalance[] {
    const account = this.account(filter.accountId);
    if (account === undefined || (account.flags & A.history) === 0) return [];
    return this.getAccountTransfers(filter).map(({ timestamp, debitAccountId }) => {
      const change = this.#state.changes.find((c) => c.timestamp === timestamp && c.type !== "two_phase_expired");
      if (change === undefined) throw new Error("a transfer without its change");
      const side = debitAccountId === filter.accountId ? change.debitAccount : change.creditAccount;
      const { debitsPending, debitsPosted, creditsPending, creditsPosted } = side;
      return { debitsPending, debitsPosted, creditsPending, creditsPosted, timestamp };
    });
  }

  queryAccounts(filter: ModelQueryFilter): ModelAccount[] {
    return this.#query(filter, this.accounts);
  }

  queryTransfers(filter: ModelQueryFilter): ModelTransfer[] {
    return this.#query(filter, this.transfers);
  }

  getChangeEvents(filter: { timestampMin: bigint; timestampMax: bigint; limit: number }): ModelChange[] {
    if (!validRange(filter) || filter.limit === 0) return [];
    const found = this.#state.changes.filter((change) => inRange(filter, change.timestamp));
    return found.slice(0, filter.limit);
  }

  #query<R extends ModelAccount | ModelTransfer>(filter: ModelQueryFilter, rows: readonly R[]): R[] {
    if (!validRange(filter) || filter.limit === 0 || (filter.flags & ~F.queryReversed) !== 0) return [];
    const found = rows.filter((row) => fits(filter, row) && (filter.ledger === 0 || row.ledger === filter.ledger));
    return inOrder(found, (filter.flags & F.queryReversed) !== 0, filter.limit);
  }

  /** A batch prepared at `timestamp`: event i of n happens at timestamp - n + i + 1. */
  #run<E extends Event>(
    events: readonly E[],
    timestamp: bigint,
    importedFlag: number,
    create: (event: E, now: bigint) => ModelResult,
  ): ModelResult[] {
    const results: ModelResult[] = [];
    const batchIsImported = events.length > 0 && ((events[0] as E).flags & importedFlag) !== 0;
    let chain: { readonly from: number; readonly before: State } | undefined;
    let broken = false;
    events.forEach((event, i) => {
      const now = timestamp - BigInt(events.length) + BigInt(i) + 1n;
      const linked = (event.flags & 1) !== 0;
      if (linked && chain === undefined) chain = { from: i, before: copyOf(this.#state) };
      const open = linked && i === events.length - 1;
      let result: ModelResult;
      if (open) result = { status: "linked_event_chain_open", timestamp: now };
      else if (broken) result = { status: "linked_event_failed", timestamp: now };
      else result = judgeBatch(event, importedFlag, batchIsImported, timestamp, now) ?? create(event, now);
      results.push(result);
      if (chain === undefined) return;
      if (result.status !== "created" && !broken) {
        broken = true;
        this.#state = chain.before;
        for (let j = chain.from; j < i; j++) {
          results[j] = { ...(results[j] as ModelResult), status: "linked_event_failed" };
        }
      }
      if (!linked || open) {
        chain = undefined;
        broken = false;
      }
    });
    return results;
  }

  #createAccount(a: ModelAccountEvent, now: bigint, authority: number): ModelResult {
    const refused = (status: string): ModelResult => ({ status, timestamp: now });
    const { accounts, authorities, transfers } = this.#state;
    if (a.reserved !== 0) return refused("reserved_field");
    if ((a.flags & ~ACCOUNT_FLAGS) !== 0) return refused("reserved_flag");
    if (a.id === 0n) return refused("id_must_not_be_zero");
    if (a.id === MAX_128) return refused("id_must_not_be_int_max");
    const e = accounts.get(a.id);
    if (e !== undefined) {
      if (a.flags !== (e.flags & ~FROZEN)) return refused("exists_with_different_flags");
      if (a.userData128 !== e.userData128) return refused("exists_with_different_user_data_128");
      if (a.userData64 !== e.userData64) return refused("exists_with_different_user_data_64");
      if (a.userData32 !== e.userData32) return refused("exists_with_different_user_data_32");
      if (a.ledger !== e.ledger) return refused("exists_with_different_ledger");
      if (a.code !== e.code) return refused("exists_with_different_code");
      return { status: "exists", timestamp: e.timestamp };
    }
    if ((a.flags & A.debitsLimited) !== 0 && (a.flags & A.creditsLimited) !== 0) {
      return refused("flags_are_mutually_exclusive");
    }
    if (a.debitsPending !== 0n) return refused("debits_pending_must_be_zero");
    if (a.debitsPosted !== 0n) return refused("debits_posted_must_be_zero");
    if (a.creditsPending !== 0n) return refused("credits_pending_must_be_zero");
    if (a.creditsPosted !== 0n) return refused("credits_posted_must_be_zero");
    if (a.ledger === 0) return refused("ledger_must_not_be_zero");
    if (a.code === 0) return refused("code_must_not_be_zero");
    const imported = (a.flags & A.imported) !== 0;
    if (imported) {
      const newest = last([...accounts.values()]);
      const regresses = newest !== undefined && a.timestamp <= newest.timestamp;
      const taken = [...transfers.values()].some((transfer) => transfer.timestamp === a.timestamp);
      if (regresses || taken) return refused("imported_event_timestamp_must_not_regress");
    }
    const timestamp = imported ? a.timestamp : now;
    const { reserved: _, ...account } = a;
    accounts.set(a.id, { ...account, timestamp });
    authorities.set(a.id, authority);
    return { status: "created", timestamp };
  }

  #createTransfer(t: ModelTransfer, now: bigint, signer: number | ModelDelegate): ModelResult {
    const refused = (status: string): ModelResult => ({ status, timestamp: now });
    if ((t.flags & ~TRANSFER_FLAGS) !== 0) return refused("reserved_flag");
    if (t.id === 0n) return refused("id_must_not_be_zero");
    if (t.id === MAX_128) return refused("id_must_not_be_int_max");
    const e = this.transfer(t.id);
    if (e !== undefined) {
      const difference = this.#difference(t, e);
      return difference === undefined ? { status: "exists", timestamp: e.timestamp } : refused(difference);
    }
    if (this.burned.has(t.id)) return refused("id_already_failed");
    const resolves = (t.flags & (T.post | T.void)) !== 0;
    const created = resolves ? this.#resolve(t, now, signer) : this.#transfer(t, now, signer);
    return typeof created === "string" ? refused(created) : { status: "created", timestamp: created };
  }

  /** How a transfer differs from the stored one of its id; undefined when it is the same once more. */
  #difference(t: ModelTransfer, e: ModelTransfer): string | undefined {
    if (t.flags !== e.flags) return "exists_with_different_flags";
    if (t.pendingId !== e.pendingId) return "exists_with_different_pending_id";
    if (t.timeout !== e.timeout) return "exists_with_different_timeout";
    const p = (t.flags & (T.post | T.void)) !== 0 ? this.transfer(t.pendingId) : undefined;
    // A field of a post or void that is zero stands for what the pending transfer has.
    const same = <V>(mine: V, zero: V, pendings: V | undefined, stored: V): boolean =>
      (p !== undefined && mine === zero ? pendings : mine) === stored;
    if (!same(t.debitAccountId, 0n, p?.debitAccountId, e.debitAccountId)) {
      return "exists_with_different_debit_account_id";
    }
    if (!same(t.creditAccountId, 0n, p?.creditAccountId, e.creditAccountId)) {
      return "exists_with_different_credit_account_id";
    }
    if (p === undefined) {
      const balancing = (t.flags & (T.balancingDebit | T.balancingCredit)) !== 0;
      if (balancing ? t.amount < e.amount : t.amount !== e.amount) return "exists_with_different_amount";
    } else {
      const all = (t.flags & T.void) !== 0 ? 0n : MAX_128;
      if ((t.amount === all ? p.amount : t.amount) !== e.amount) return "exists_with_different_amount";
    }
    if (!same(t.userData128, 0n, p?.userData128, e.userData128)) return "exists_with_different_user_data_128";
    if (!same(t.userData64, 0n, p?.userData64, e.userData64)) return "exists_with_different_user_data_64";
    if (!same(t.userData32, 0, p?.userData32, e.userData32)) return "exists_with_different_user_data_32";
    if (!same(t.ledger, 0, p?.ledger, e.ledger)) return "exists_with_different_ledger";
    if (!same(t.code, 0, p?.code, e.code)) return "exists_with_different_code";
    return undefined;
  }

  /** An ordinary or a pending transfer: why it is refused, or its timestamp. */
  #transfer(t: ModelTransfer, now: bigint, signer: number | ModelDelegate): string | bigint {
    const has = (flag: number): boolean => (t.flags & flag) !== 0;
    if (t.debitAccountId === 0n) return "debit_account_id_must_not_be_zero";
    if (t.debitAccountId === MAX_128) return "debit_account_id_must_not_be_int_max";
    if (t.creditAccountId === 0n) return "credit_account_id_must_not_be_zero";
    if (t.creditAccountId === MAX_128) return "credit_account_id_must_not_be_int_max";
    if (t.debitAccountId === t.creditAccountId) return "accounts_must_be_different";
    if (t.pendingId !== 0n) return "pending_id_must_be_zero";
    if (t.timeout !== 0 && !has(T.pending)) return "timeout_reserved_for_pending_transfer";
    if (has(T.closingDebit | T.closingCredit) && !has(T.pending)) return "closing_transfer_must_be_pending";
    if (t.ledger === 0) return "ledger_must_not_be_zero";
    if (t.code === 0) return "code_must_not_be_zero";
    const dr = this.account(t.debitAccountId);
    const cr = this.account(t.creditAccountId);
    if (dr === undefined) return "debit_account_not_found";
    if (cr === undefined) return "credit_account_not_found";
    const owner = this.#state.authorities.get(dr.id);
    if (typeof signer === "number") {
      if (signer !== SYSTEM && owner !== signer) return "debit_account_not_authorized";
    } else {
      const limit = signer.limits.find(({ ledger }) => ledger === dr.ledger);
      if (owner !== signer.authority || limit === undefined) return "debit_account_not_authorized";
      if (limit.account !== 0n && limit.account !== dr.id) return "debit_account_not_authorized";
      if (has(T.balancingDebit | T.balancingCredit | T.closingDebit | T.closingCredit | T.imported)) {
        return "flags_not_delegated";
      }
      if (this.spent(signer, dr.ledger) + t.amount > limit.amount) return "exceeds_delegated_limit";
    }
    const closes = has(T.closingCredit) && signer !== SYSTEM;
    if (closes && this.#state.authorities.get(cr.id) !== signer) return "credit_account_not_authorized";
    if (dr.ledger !== cr.ledger) return "accounts_must_have_the_same_ledger";
    if (t.ledger !== dr.ledger) return "transfer_must_have_the_same_ledger_as_accounts";
    if (has(T.imported)) {
      if (this.#importRegresses(t.timestamp)) return "imported_event_timestamp_must_not_regress";
      if (t.timestamp <= dr.timestamp) return "imported_event_timestamp_must_postdate_debit_account";
      if (t.timestamp <= cr.timestamp) return "imported_event_timestamp_must_postdate_credit_account";
      if (t.timeout !== 0) return "imported_event_timeout_must_be_zero";
    }
    const timestamp = has(T.imported) ? t.timestamp : now;
    if ((dr.flags & FROZEN) !== 0) return "debit_account_frozen";
    if ((dr.flags & A.closed) !== 0) return "debit_account_already_closed";
    if ((cr.flags & A.closed) !== 0) return "credit_account_already_closed";
    let amount = t.amount;
    if (has(T.balancingDebit)) amount = least(amount, headroom(dr.creditsPosted, dr.debitsPosted + dr.debitsPending));
    if (has(T.balancingCredit)) amount = least(amount, headroom(cr.debitsPosted, cr.creditsPosted + cr.creditsPending));
    if (has(T.pending) && dr.debitsPending + amount > MAX_128) return "overflows_debits_pending";
    if (has(T.pending) && cr.creditsPending + amount > MAX_128) return "overflows_credits_pending";
    if (dr.debitsPosted + amount > MAX_128) return "overflows_debits_posted";
    if (cr.creditsPosted + amount > MAX_128) return "overflows_credits_posted";
    if (dr.debitsPending + dr.debitsPosted + amount > MAX_128) return "overflows_debits";
    if (cr.creditsPending + cr.creditsPosted + amount > MAX_128) return "overflows_credits";
    if (timestamp + BigInt(t.timeout) * SECOND > MAX_TIME) return "overflows_timeout";
    if ((dr.flags & A.debitsLimited) !== 0 && dr.debitsPending + dr.debitsPosted + amount > dr.creditsPosted) {
      return "exceeds_credits";
    }
    if ((cr.flags & A.creditsLimited) !== 0 && cr.creditsPending + cr.creditsPosted + amount > cr.debitsPosted) {
      return "exceeds_debits";
    }
    const stored = { ...t, amount, timestamp };
    const add = (balance: bigint): bigint => balance + amount;
    if (has(T.pending)) {
      this.#change(dr.id, (a) => ({ ...a, debitsPending: add(a.debitsPending) }));
      this.#change(cr.id, (a) => ({ ...a, creditsPending: add(a.creditsPending) }));
      this.#state.pending.set(t.id, "pending");
    } else {
      this.#change(dr.id, (a) => ({ ...a, debitsPosted: add(a.debitsPosted) }));
      this.#change(cr.id, (a) => ({ ...a, creditsPosted: add(a.creditsPosted) }));
    }
    if (has(T.closingDebit)) this.#change(dr.id, (a) => ({ ...a, flags: a.flags | A.closed }));
    if (has(T.closingCredit)) this.#change(cr.id, (a) => ({ ...a, flags: a.flags | A.closed }));
    this.#store(stored, typeof signer === "number" ? signer : signer.authority);
    if (typeof signer !== "number") {
      const limit = signer.limits.find(({ ledger }) => ledger === t.ledger);
      if (limit !== undefined) this.#state.spent.set(limit, this.spent(signer, t.ledger) + amount);
    }
    this.#note(has(T.pending) ? "two_phase_pending" : "single_phase", stored, timestamp);
    return timestamp;
  }

  /** A transfer that posts or voids a pending one: why it is refused, or its timestamp. */
  #resolve(t: ModelTransfer, now: bigint, signer: number | ModelDelegate): string | bigint {
    const has = (flag: number): boolean => (t.flags & flag) !== 0;
    if (has(T.post) && has(T.void)) return "flags_are_mutually_exclusive";
    if (has(T.pending | T.balancingDebit | T.balancingCredit | T.closingDebit | T.closingCredit)) {
      return "flags_are_mutually_exclusive";
    }
    if (t.pendingId === 0n) return "pending_id_must_not_be_zero";
    if (t.pendingId === MAX_128) return "pending_id_must_not_be_int_max";
    if (t.pendingId === t.id) return "pending_id_must_be_different";
    if (t.timeout !== 0) return "timeout_reserved_for_pending_transfer";
    const p = this.transfer(t.pendingId);
    if (p === undefined) return "pending_transfer_not_found";
    if ((p.flags & T.pending) === 0) return "pending_transfer_not_pending";
    if (t.debitAccountId !== 0n && t.debitAccountId !== p.debitAccountId) {
      return "pending_transfer_has_different_debit_account_id";
    }
    if (t.creditAccountId !== 0n && t.creditAccountId !== p.creditAccountId) {
      return "pending_transfer_has_different_credit_account_id";
    }
    if (t.ledger !== 0 && t.ledger !== p.ledger) return "pending_transfer_has_different_ledger";
    if (t.code !== 0 && t.code !== p.code) return "pending_transfer_has_different_code";
    const may = typeof signer === "number" && (signer === SYSTEM || this.#state.makers.get(p.id) === signer);
    if (!may) return "debit_account_not_authorized";
    const amount = t.amount === (has(T.void) ? 0n : MAX_128) ? p.amount : t.amount;
    if (amount > p.amount) return "exceeds_pending_transfer_amount";
    if (has(T.void) && amount < p.amount) return "pending_transfer_has_different_amount";
    const status = this.pendingStatus(p.id);
    if (status === "posted") return "pending_transfer_already_posted";
    if (status === "voided") return "pending_transfer_already_voided";
    if (status === "expired") return "pending_transfer_expired";
    if (p.timeout !== 0 && p.timestamp + BigInt(p.timeout) * SECOND <= now) return "pending_transfer_expired";
    if (has(T.imported) && this.#importRegresses(t.timestamp)) return "imported_event_timestamp_must_not_regress";
    const timestamp = has(T.imported) ? t.timestamp : now;
    const flagged = (id: bigint, flag: number): boolean => ((this.account(id) as ModelAccount).flags & flag) !== 0;
    const closed = (id: bigint): boolean => flagged(id, A.closed);
    if (has(T.post) && flagged(p.debitAccountId, FROZEN)) return "debit_account_frozen";
    if (has(T.post) && closed(p.debitAccountId)) return "debit_account_already_closed";
    if (has(T.post) && closed(p.creditAccountId)) return "credit_account_already_closed";
    this.#release(p);
    if (has(T.post)) {
      this.#change(p.debitAccountId, (a) => ({ ...a, debitsPosted: a.debitsPosted + amount }));
      this.#change(p.creditAccountId, (a) => ({ ...a, creditsPosted: a.creditsPosted + amount }));
    } else this.#reopen(p);
    this.#state.pending.set(p.id, has(T.post) ? "posted" : "voided");
    const stored: ModelTransfer = {
      ...t,
      debitAccountId: p.debitAccountId,
      creditAccountId: p.creditAccountId,
      amount,
      userData128: t.userData128 === 0n ? p.userData128 : t.userData128,
      userData64: t.userData64 === 0n ? p.userData64 : t.userData64,
      userData32: t.userData32 === 0 ? p.userData32 : t.userData32,
      ledger: p.ledger,
      code: p.code,
      timestamp,
    };
    this.#store(stored, signer);
    this.#note(has(T.post) ? "two_phase_posted" : "two_phase_voided", stored, timestamp);
    return timestamp;
  }

  #importRegresses(timestamp: bigint): boolean {
    const newest = last(this.transfers);
    const expired = this.#state.changes.filter(({ type }) => type === "two_phase_expired");
    const taken = [...this.accounts, ...expired].some((other) => other.timestamp === timestamp);
    return (newest !== undefined && timestamp <= newest.timestamp) || taken;
  }

  #release(p: ModelTransfer): void {
    this.#change(p.debitAccountId, (a) => ({ ...a, debitsPending: a.debitsPending - p.amount }));
    this.#change(p.creditAccountId, (a) => ({ ...a, creditsPending: a.creditsPending - p.amount }));
  }

  #reopen(p: ModelTransfer): void {
    if ((p.flags & T.closingDebit) !== 0) this.#change(p.debitAccountId, (a) => ({ ...a, flags: a.flags & ~A.closed }));
    if ((p.flags & T.closingCredit) !== 0) {
      this.#change(p.creditAccountId, (a) => ({ ...a, flags: a.flags & ~A.closed }));
    }
  }

  #change(id: bigint, edit: (account: ModelAccount) => ModelAccount): void {
    this.#state.accounts.set(id, edit(this.account(id) as ModelAccount));
  }

  #store(transfer: ModelTransfer, authority: number): void {
    this.#state.transfers.set(transfer.id, transfer);
    this.#state.makers.set(transfer.id, authority);
  }

  #note(type: ModelChangeType, transfer: ModelTransfer, timestamp: bigint): void {
    const [debitAccount, creditAccount] = [transfer.debitAccountId, transfer.creditAccountId].map((id) => {
      const account = this.account(id) as ModelAccount;
      return { ...account, flags: account.flags & ~FROZEN };
    }) as [ModelAccount, ModelAccount];
    this.#state.changes.push({ type, timestamp, transfer, debitAccount, creditAccount });
  }
}

/** What is wrong with an event as a member of its batch. */
function judgeBatch(
  event: Event,
  importedFlag: number,
  batchIsImported: boolean,
  batchTimestamp: bigint,
  now: bigint,
): ModelResult | undefined {
  const refused = (status: string): ModelResult => ({ status, timestamp: now });
  const imported = (event.flags & importedFlag) !== 0;
  if (batchIsImported && !imported) return refused("imported_event_expected");
  if (!batchIsImported && imported) return refused("imported_event_not_expected");
  if (!imported) return event.timestamp === 0n ? undefined : refused("timestamp_must_be_zero");
  if (event.timestamp < 1n || event.timestamp > MAX_TIME) return refused("imported_event_timestamp_out_of_range");
  return event.timestamp >= batchTimestamp ? refused("imported_event_timestamp_must_not_advance") : undefined;
}

function copyOf(state: State): State {
  return {
    accounts: new Map(state.accounts),
    authorities: new Map(state.authorities),
    transfers: new Map(state.transfers),
    makers: new Map(state.makers),
    pending: new Map(state.pending),
    changes: [...state.changes],
    spent: new Map(state.spent),
  };
}

function least(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

function headroom(limit: bigint, used: bigint): bigint {
  return used > limit ? 0n : limit - used;
}

function compare(a: bigint, b: bigint): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function last<V>(values: readonly V[]): V | undefined {
  return values[values.length - 1];
}

interface Range {
  readonly timestampMin: bigint;
  readonly timestampMax: bigint;
}

/** Zero means no bound. */
function validRange({ timestampMin, timestampMax }: Range): boolean {
  const ordered = timestampMax === 0n || timestampMin <= timestampMax;
  return timestampMin <= MAX_TIME && timestampMax <= MAX_TIME && ordered;
}

function inRange({ timestampMin, timestampMax }: Range, timestamp: bigint): boolean {
  return timestamp >= timestampMin && (timestampMax === 0n || timestamp <= timestampMax);
}

function validAccountFilter(filter: ModelAccountFilter): boolean {
  const namesAccount = filter.accountId !== 0n && filter.accountId !== MAX_128;
  const hasSide = (filter.flags & (F.debits | F.credits)) !== 0;
  return namesAccount && validRange(filter) && filter.limit !== 0 && hasSide && filter.flags < 8;
}

/** Zero means no condition. */
function fits(filter: Omit<ModelAccountFilter, "accountId">, row: ModelAccount | ModelTransfer): boolean {
  return (
    inRange(filter, row.timestamp) &&
    (filter.userData128 === 0n || row.userData128 === filter.userData128) &&
    (filter.userData64 === 0n || row.userData64 === filter.userData64) &&
    (filter.userData32 === 0 || row.userData32 === filter.userData32) &&
    (filter.code === 0 || row.code === filter.code)
  );
}

function inOrder<R extends { readonly timestamp: bigint }>(
  rows: readonly R[],
  newestFirst: boolean,
  limit: number,
): R[] {
  const sorted = [...rows].sort((a, b) => compare(a.timestamp, b.timestamp));
  return (newestFirst ? sorted.toReversed() : sorted).slice(0, limit);
}
