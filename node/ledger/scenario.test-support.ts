/**
 * Random histories for the ledger and its model: what fast-check draws are small choices, which are turned into events
 * by looking at what the model has by then. So most events are nearly right, and go deep into the rules before one thing
 * about them is wrong.
 */
import fc from "fast-check";
import {
  A,
  type ModelAccount,
  type ModelAccountEvent,
  type ModelAccountFilter,
  type ModelQueryFilter,
  type ModelTransfer,
  type ReferenceLedger,
  T,
} from "../../sim/check/reference-ledger.ts";
import type { Pair } from "./pair.test-support.ts";

const MAX_32 = 2 ** 32 - 1;
const MAX_63 = 2n ** 63n - 1n;
const MAX_64 = 2n ** 64n - 1n;
const MAX_128 = 2n ** 128n - 1n;
const SECOND = 1_000_000_000n;
const WHOLE_SECOND = "second" as const;

/** When the history begins: at once, today, or so late that timeouts leave the range of timestamps. */
const STARTS: readonly bigint[] = [1_000n, 1_700_000_000_000_000_000n, MAX_63 - 40n * SECOND];

const amounts: fc.Arbitrary<bigint> = fc.oneof(
  { weight: 12, arbitrary: fc.bigInt(0n, 20n) },
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      2n ** 32n - 1n,
      2n ** 32n,
      2n ** 64n - 1n,
      2n ** 64n,
      2n ** 64n + 1n,
      2n ** 96n,
      2n ** 127n - 1n,
      2n ** 127n,
      MAX_128 - 20n,
      MAX_128 - 1n,
      MAX_128,
    ),
  },
);

/** Mostly zero. */
function rarely<V>(zero: V, arbitrary: fc.Arbitrary<V>, weight = 1): fc.Arbitrary<V> {
  return fc.oneof({ weight: 8, arbitrary: fc.constant(zero) }, { weight, arbitrary });
}

function flagsOf(...bits: readonly number[]): fc.Arbitrary<number> {
  return fc.subarray([...bits]).map((chosen) => chosen.reduce((flags, bit) => flags | bit, 0));
}

const userData = {
  userData128: rarely(0n, fc.constantFrom(1n, 2n, 2n ** 64n, MAX_128), 3),
  userData64: rarely(0n, fc.constantFrom(1n, 2n, 2n ** 32n, MAX_64), 3),
  userData32: rarely(0, fc.constantFrom(1, 2, MAX_32), 3),
};

/** One field, changed. */
const accountFault: fc.Arbitrary<Partial<ModelAccountEvent>> = fc.oneof(
  fc.record({ flags: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ flags: fc.integer({ min: 0, max: 63 }) }),
  fc.record({ reserved: fc.constantFrom(1, MAX_32) }),
  fc.record({ id: fc.constantFrom(0n, MAX_128) }),
  fc.record({ userData128: fc.constantFrom(0n, 3n, 2n ** 96n) }),
  fc.record({ userData64: fc.constantFrom(0n, 3n, 2n ** 40n) }),
  fc.record({ userData32: fc.constantFrom(0, 3) }),
  fc.record({ ledger: fc.constantFrom(0, 3) }),
  fc.record({ code: fc.constantFrom(0, 3) }),
  fc.record({ timestamp: fc.constantFrom(1n, MAX_64) }),
  fc.record({ debitsPending: amounts }),
  fc.record({ debitsPosted: amounts }),
  fc.record({ creditsPending: amounts }),
  fc.record({ creditsPosted: amounts }),
);

const transferFault: fc.Arbitrary<Partial<ModelTransfer>> = fc.oneof(
  fc.record({ flags: fc.integer({ min: 0, max: 0xffff }) }),
  fc.record({ flags: fc.integer({ min: 0, max: 511 }) }),
  fc.record({ id: fc.constantFrom(0n, MAX_128) }),
  fc.record({ debitAccountId: fc.constantFrom(0n, 1n, 2n, 99n, MAX_128) }),
  fc.record({ creditAccountId: fc.constantFrom(0n, 1n, 2n, 99n, MAX_128) }),
  fc.record({ amount: amounts }),
  fc.record({ pendingId: fc.constantFrom(0n, 1n, 2n, 99n, MAX_128) }),
  fc.record({ userData128: fc.constantFrom(0n, 3n, 2n ** 96n) }),
  fc.record({ userData64: fc.constantFrom(0n, 3n, 2n ** 40n) }),
  fc.record({ userData32: fc.constantFrom(0, 3) }),
  fc.record({ timeout: fc.constantFrom(0, 1, 7, MAX_32) }),
  fc.record({ ledger: fc.constantFrom(0, 3) }),
  fc.record({ code: fc.constantFrom(0, 3) }),
  fc.record({ timestamp: fc.constantFrom(1n, MAX_64) }),
);

/** Which timestamp an imported event claims: near one of those that are there, or out of range. */
const claim = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({ near: fc.constant("newest"), which: fc.constant(0), offset: fc.constantFrom(1n, 2n) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      near: fc.constantFrom("newest", "account", "account", "account", "expiry", "batch", "zero", "outside"),
      which: fc.nat(20),
      offset: fc.constantFrom(-1n, 0n, 1n),
    }),
  },
);
type Claim = typeof claim extends fc.Arbitrary<infer V> ? V : never;

const openingFlags: fc.Arbitrary<number> = fc.constantFrom(
  ...[0, 0, A.history, A.history, A.debitsLimited, A.debitsLimited | A.history, A.creditsLimited],
  A.creditsLimited | A.history,
);

const accountSpec = fc.record({
  id: fc.nat(15),
  ledger: fc.constantFrom(1, 1, 1, 1, 2),
  code: fc.constantFrom(1, 1, 2),
  flags: fc.oneof(
    { weight: 4, arbitrary: fc.constant(0) },
    { weight: 4, arbitrary: flagsOf(A.history, A.debitsLimited) },
    { weight: 2, arbitrary: flagsOf(A.history, A.creditsLimited) },
    { weight: 1, arbitrary: flagsOf(A.history, A.debitsLimited, A.creditsLimited, A.closed) },
  ),
  linked: rarely(false, fc.constant(true)),
  ...userData,
  claim,
  fault: rarely({}, accountFault, 4),
});
type AccountSpec = typeof accountSpec extends fc.Arbitrary<infer V> ? V : never;

const transferSpec = fc.record({
  shape: fc.constantFrom("new", "new", "new", "new", "resolve", "resolve", "retry", "retry"),
  /** Which of the earlier transfers is meant. */
  which: fc.nat(60),
  id: fc.constantFrom("rising", "rising", "rising", "rising", "any"),
  anyId: fc.bigInt(1n, 40n),
  debit: fc.nat(9),
  credit: fc.nat(9),
  amount: amounts,
  flags: fc.oneof(
    { weight: 5, arbitrary: fc.constant(0) },
    { weight: 5, arbitrary: fc.constant(T.pending) },
    { weight: 3, arbitrary: flagsOf(T.balancingDebit, T.balancingCredit, T.pending) },
    { weight: 1, arbitrary: flagsOf(T.closingDebit, T.closingCredit).map((flags) => flags | T.pending) },
  ),
  timeout: rarely(0, fc.constantFrom(1, 2, 3, 30, 60, MAX_32), 4),
  how: fc.constantFrom(T.post, T.post, T.void, T.void, T.post | T.void),
  share: fc.constantFrom("zero", "part", "exact", "more", "all"),
  /** What a resolution names as the pending transfer. */
  target: rarely("pending", fc.constantFrom("itself", "other")),
  /** Whether a resolution, or a retry of one, names what it would inherit. */
  explicit: fc.boolean(),
  linked: rarely(false, fc.constant(true)),
  ...userData,
  claim,
  fault: rarely({}, transferFault, 2),
});
type TransferSpec = typeof transferSpec extends fc.Arbitrary<infer V> ? V : never;

const filterSpec = fc.record({
  accountId: fc.constantFrom(0n, 1n, 2n, 3n, 4n, 5n, 6n, 1n, 2n, 3n, 4n, 5n, 99n, MAX_128),
  userData128: rarely(0n, fc.constantFrom(1n, 2n, 2n ** 64n, MAX_128)),
  userData64: rarely(0n, fc.constantFrom(1n, 2n, 2n ** 32n, MAX_64)),
  userData32: rarely(0, fc.constantFrom(1, 2, MAX_32)),
  ledger: rarely(0, fc.constantFrom(1, 2, 3), 3),
  code: rarely(0, fc.constantFrom(1, 2, 3), 3),
  from: rarely("none", fc.constantFrom("account", "transfer", "transfer", "outside"), 4),
  to: rarely("none", fc.constantFrom("account", "transfer", "transfer", "outside"), 4),
  which: fc.tuple(fc.nat(60), fc.nat(60)),
  limit: fc.constantFrom(0, 1, 2, 5, 100, 100, MAX_32),
  flags: fc.constantFrom(0, 1, 1, 2, 3, 3, 3, 4, 5, 6, 7, 7, 8),
});
type FilterSpec = typeof filterSpec extends fc.Arbitrary<infer V> ? V : never;

const authority = rarely(undefined, fc.constantFrom(1, 2));
const limitIn = (ledger: number) =>
  fc.record({
    ledger: fc.constant(ledger),
    account: fc.constantFrom(0n, 0n, 0n, 1n, 2n),
    amount: fc.constantFrom(5n, 100n, 1_000n, 2n ** 128n - 1n),
  });
const signer = fc.oneof(
  { weight: 7, arbitrary: authority },
  {
    weight: 1,
    arbitrary: fc.record({
      authority: fc.constantFrom(1, 2),
      limits: fc.subarray([1, 2], { minLength: 1 }).chain((ledgers) => fc.tuple(...ledgers.map(limitIn))),
    }),
  },
);
/** Nanoseconds, or until a whole second: clocks are coarse, so timeouts of different batches end at the same moment. */
const pause = fc.constantFrom(0n, 0n, 3n, 100n, SECOND, 2n * SECOND, 10n * SECOND, WHOLE_SECOND);
const imported = rarely(false, fc.constant(true));
/** An event that is not imported in an imported batch, or the other way round. */
const odd = rarely(-1, fc.nat(5));
/** Whether a chain may be left open at the end of the batch. */
const open = rarely(false, fc.constant(true));

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("accounts" as const),
      ...{ pause, authority, imported, odd, open, batch: fc.array(accountSpec, { maxLength: 6, size: "max" }) },
    }),
  },
  {
    weight: 9,
    arbitrary: fc.record({
      type: fc.constant("transfers" as const),
      ...{ pause, signer, imported, odd, open, batch: fc.array(transferSpec, { maxLength: 8, size: "max" }) },
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constant("expire" as const), pause, limit: fc.constantFrom(1, 2, 100) }),
  },
  { weight: 3, arbitrary: fc.record({ type: fc.constant("query" as const), filter: filterSpec }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("restart" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("freeze" as const), which: fc.nat(8), frozen: fc.boolean() }),
  },
);
type Step = typeof step extends fc.Arbitrary<infer V> ? V : never;

/** Flags of the accounts that are there from the beginning: six of a ledger, two of another. */
const opening = fc.tuple(...Array.from({ length: 8 }, () => openingFlags));

const scenarioOf = <S>(oneStep: fc.Arbitrary<S>) =>
  fc.record({
    opening,
    start: fc.constantFrom(...STARTS),
    segmentRows: fc.constantFrom(2, 4, 8, 64),
    steps: fc.array(oneStep, { minLength: 1, maxLength: 30, size: "max" }),
  });

export const scenario = scenarioOf(step);

/** Nothing but small holds with short timeouts, in chains of which many fail, at whole seconds. */
const hold = transferSpec.map((spec) => ({
  ...spec,
  ...{ shape: "new" as const, amount: BigInt(spec.which), flags: T.pending, timeout: 1 + (spec.which % 4) },
  linked: spec.explicit,
}));
const calm = { pause: fc.constant(WHOLE_SECOND), imported: fc.constant(false), odd: fc.constant(-1) } as const;
const holding = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant("transfers" as const),
      ...{ ...calm, signer: fc.constant(undefined), open, batch: fc.array(hold, { maxLength: 3, size: "max" }) },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ type: fc.constant("expire" as const), pause: calm.pause, limit: fc.constantFrom(1, 100) }),
  },
);
export const holds = scenarioOf(holding);

export type Scenario = typeof scenario extends fc.Arbitrary<infer V> ? V : never;

/** Carries out a scenario on both, comparing as it goes. */
export function run(pair: Pair, { start, opening: flags, steps }: Scenario): void {
  const history = new History(pair, start);
  history.open(flags);
  for (const one of steps) history.carryOut(one);
  pair.compareAll();
}

class History {
  readonly #pair: Pair;
  /** Everything that was asked for, for retries. */
  readonly #asked: ModelTransfer[] = [];
  #now: bigint;
  #nextId = 1_000n;

  constructor(pair: Pair, start: bigint) {
    this.#pair = pair;
    this.#now = start;
  }

  get #model(): ReferenceLedger {
    return this.#pair.model;
  }

  /** The accounts that every history begins with; between their timestamps there is room for imported events. */
  open(flags: readonly number[]): void {
    flags.forEach((bits, index) => {
      const end = this.#pass(10n, 1);
      const account = { ...BLANK_ACCOUNT, id: BigInt(index + 1), ledger: index < 6 ? 1 : 2, flags: bits };
      if (end !== undefined) this.#pair.createAccounts([account], end, 1 + (index % 2));
    });
  }

  carryOut(one: Step): void {
    switch (one.type) {
      case "accounts": {
        const end = this.#pass(one.pause, one.batch.length);
        if (end === undefined) return;
        const batch = one.batch.map((spec, index) => {
          const isImported = one.imported !== (index === one.odd);
          const account = this.#account(spec, isImported, end);
          return isLast(one, index) ? { ...account, flags: account.flags & ~A.linked } : account;
        });
        this.#pair.createAccounts(batch, end, one.authority);
        return;
      }
      case "transfers": {
        const end = this.#pass(one.pause, one.batch.length);
        if (end === undefined) return;
        const batch = one.batch.map((spec, index) => {
          const isImported = one.imported !== (index === one.odd);
          const transfer = this.#transfer(spec, isImported, end);
          return isLast(one, index) ? { ...transfer, flags: transfer.flags & ~T.linked } : transfer;
        });
        this.#asked.push(...batch);
        this.#pair.createTransfers(batch, end, one.signer);
        return;
      }
      case "expire": {
        const end = this.#pass(one.pause, one.limit);
        if (end !== undefined) this.#pair.expire(end, one.limit);
        return;
      }
      case "query":
        this.#query(one.filter);
        return;
      case "freeze":
        this.#pair.freeze(BigInt(one.which + 1), one.frozen);
        return;
      case "restart":
        this.#pair.restart();
        return;
    }
  }

  /** The time of the last of `count` events, after a pause; undefined when time is up. */
  #pass(pause: bigint | typeof WHOLE_SECOND, count: number): bigint | undefined {
    const first = pause === WHOLE_SECOND ? (this.#now / SECOND + 1n) * SECOND : this.#now + pause + 2n;
    const end = first + BigInt(count) - 1n;
    if (end > MAX_63) return undefined;
    this.#now = end;
    return end;
  }

  #account(spec: AccountSpec, isImported: boolean, end: bigint): ModelAccountEvent {
    const { fault, linked, claim: claimed, flags, ...rest } = spec;
    const newest = this.#model.accounts.at(-1)?.timestamp ?? 0n;
    return {
      ...rest,
      id: BigInt(spec.id + 1),
      ...{ debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n, reserved: 0 },
      flags: flags | (linked ? A.linked : 0) | (isImported ? A.imported : 0),
      timestamp: isImported ? this.#claimed(claimed, newest, end) : 0n,
      ...fault,
    };
  }

  #transfer(spec: TransferSpec, isImported: boolean, end: bigint): ModelTransfer {
    const retried = this.#asked[spec.which % Math.max(1, this.#asked.length)];
    const pending = this.#model.transfers.filter(({ flags }) => (flags & T.pending) !== 0);
    const held = pending[spec.which % Math.max(1, pending.length)];
    if (spec.shape === "retry" && retried !== undefined) return { ...this.#retry(retried, spec), ...spec.fault };
    const newest = this.#model.transfers.at(-1)?.timestamp ?? 0n;
    const common = {
      id: spec.id === "any" ? spec.anyId : this.#nextId++,
      ...{ userData128: spec.userData128, userData64: spec.userData64, userData32: spec.userData32 },
      timestamp: isImported ? this.#claimed(spec.claim, newest, end) : 0n,
    };
    const batchFlags = (spec.linked ? T.linked : 0) | (isImported ? T.imported : 0);
    if (spec.shape === "resolve" && held !== undefined) {
      const others = this.#model.transfers;
      const target = spec.target === "other" ? (others[spec.which % others.length] ?? held) : held;
      return {
        ...common,
        pendingId: spec.target === "itself" ? common.id : target.id,
        debitAccountId: spec.explicit ? held.debitAccountId : 0n,
        creditAccountId: spec.explicit ? held.creditAccountId : 0n,
        amount: shareOf(held.amount, spec.share),
        timeout: 0,
        ledger: spec.explicit ? held.ledger : 0,
        code: spec.explicit ? held.code : 0,
        flags: spec.how | batchFlags,
        ...spec.fault,
      };
    }
    const debit = this.#anyAccount(spec.debit);
    const others = this.#model.accounts.filter(({ id, ledger }) => id !== debit?.id && ledger === debit?.ledger);
    const credit = others[spec.credit % Math.max(1, others.length)];
    return {
      ...common,
      debitAccountId: debit?.id ?? 1n,
      creditAccountId: credit?.id ?? 2n,
      amount: spec.amount,
      pendingId: 0n,
      timeout: (spec.flags & T.pending) === 0 || (isImported && !spec.explicit) ? 0 : spec.timeout,
      ledger: debit?.ledger ?? 1,
      code: 1,
      flags: spec.flags | batchFlags,
      ...spec.fault,
    };
  }

  /** The same once more; a resolution sometimes with what it inherited, a balancing transfer with another limit. */
  #retry(asked: ModelTransfer, spec: TransferSpec): ModelTransfer {
    const stored = this.#model.transfer(asked.id);
    if (stored === undefined || !spec.explicit) return asked;
    const { timestamp } = asked;
    return (asked.flags & (T.balancingDebit | T.balancingCredit)) !== 0
      ? { ...asked, amount: spec.amount }
      : { ...stored, timestamp };
  }

  #anyAccount(which: number): ModelAccount | undefined {
    const { accounts } = this.#model;
    return accounts[which % Math.max(1, accounts.length)];
  }

  #claimed({ near, which, offset }: Claim, newest: bigint, end: bigint): bigint {
    if (near === "zero") return 0n;
    if (near === "outside") return which % 2 === 0 ? MAX_63 + 1n : MAX_64;
    const changes = this.#model.getChangeEvents({ timestampMin: 0n, timestampMax: 0n, limit: 1_000 });
    const expiries = changes.filter(({ type }) => type === "two_phase_expired");
    const base = {
      newest,
      batch: end,
      account: this.#anyAccount(which)?.timestamp ?? 0n,
      expiry: expiries[which % Math.max(1, expiries.length)]?.timestamp ?? newest,
    }[near];
    const claimed = (base ?? 0n) + offset;
    return claimed < 0n ? 0n : claimed;
  }

  #query(spec: FilterSpec): void {
    const { from, to, which, ledger, accountId, ...rest } = spec;
    const range = { timestampMin: this.#bound(from, which[0]), timestampMax: this.#bound(to, which[1]) };
    const accountFilter: ModelAccountFilter = { accountId, ...rest, ...range };
    const queryFilter: ModelQueryFilter = { ledger, ...rest, ...range, flags: spec.flags >> 2 };
    this.#pair.getAccountTransfers(accountFilter);
    this.#pair.getAccountBalances(accountFilter);
    this.#pair.queryAccounts(queryFilter);
    this.#pair.queryTransfers(queryFilter);
    this.#pair.getChangeEvents({ ...range, limit: spec.limit });
  }

  #bound(kind: string, which: number): bigint {
    if (kind === "none") return 0n;
    if (kind === "outside") return MAX_63 + BigInt(which % 2);
    const rows = kind === "account" ? this.#model.accounts : this.#model.transfers;
    return rows[which % Math.max(1, rows.length)]?.timestamp ?? 1n;
  }
}

const BLANK_ACCOUNT: ModelAccountEvent = {
  ...{ id: 0n, debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n },
  ...{ userData128: 0n, userData64: 0n, userData32: 0, reserved: 0, ledger: 0, code: 1, flags: 0, timestamp: 0n },
};

function isLast(one: { readonly open: boolean; readonly batch: readonly unknown[] }, index: number): boolean {
  return !one.open && index === one.batch.length - 1;
}

function shareOf(amount: bigint, share: string): bigint {
  if (share === "zero") return 0n;
  if (share === "part") return amount / 2n;
  if (share === "exact") return amount;
  return share === "all" || amount === MAX_128 ? MAX_128 : amount + 1n;
}
