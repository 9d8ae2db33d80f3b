/**
 * The state machine beside the reference bank of the simulator, which is written from the documents alone: whatever is asked
 * of assets, reversals, frozen accounts and delegates, every result is the predicted one, and supplies and reversals are
 * those of the models.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { NEWEST_RELEASE } from "../../node/base/release.ts";
import type { Ledger } from "../../node/ledger/ledger.ts";
import { accountFlags, transferFlags } from "../../node/ledger/records.ts";
import { accounts, type Chain, EUR, Party, SECOND, START, transfers } from "../../node/state/chain.test-support.ts";
import type { Command } from "../../node/wire/body.ts";
import { Counters } from "../counts.ts";
import { forgetsCaps, freezesNothing, reversesTwice, trustsDelegates } from "../mutants/accounts.ts";
import type { Point } from "../reached.ts";
import { JudgedChain } from "./judged-chain.test-support.ts";

const SECONDS_OF_START = START / SECOND;
/** An asset that is there from the beginning, and others. */
const CAPPED = 1_002;
const ASSETS = [1_000, 1_001, CAPPED, CAPPED];
const CODES = ["GOLD", "COPPER"];
const OPEN: number = accountFlags.history;
const LIMITED: number = accountFlags.debitsMustNotExceedCredits;
/** Accounts of the bank: in euro, one that may be overdrawn and one that may not, and two in each asset. */
const EUROS = [1n, 2n];
/** A transfer from the first to the second that is there from the beginning. */
const RENT = 9_000n;
const inAsset = (ledger: number): bigint[] => [BigInt(ledger * 10), BigInt(ledger * 10 + 1)];

/** Someone who signs, and something to sign. */
interface Step {
  readonly who: "bank" | "other" | "admin" | "delegate";
  readonly command: (id: bigint) => Command;
}

const amount = fc.constantFrom(1n, 7n, 30n, 100n);
const ledger = fc.constantFrom(...ASSETS);
const euro = fc.constantFrom(...EUROS, 3n);
/** How many steps ago a transfer was asked for; more than there are stands for one of before. */
const ago = fc.oneof(fc.integer({ min: 1, max: 8 }), fc.constant(1_000)).map(BigInt);
const euroTransfer = fc.record({
  debitAccountId: euro,
  creditAccountId: euro,
  amount,
  flags: fc.constantFrom(0, 0, 2),
});

const payment: fc.Arbitrary<Step["command"]> = fc
  .array(euroTransfer, { minLength: 1, maxLength: 3 })
  .map((batch) => (id: bigint) => {
    const last = batch.length - 1;
    return transfers(
      ...batch.map((one, index) => {
        const flags = one.flags | (index < last ? transferFlags.linked : 0);
        return { ...one, id: id + BigInt(index) * 1_000n, flags };
      }),
    );
  });

const command: fc.Arbitrary<Step["command"]> = fc.oneof(
  fc
    .record({
      ledger,
      code: fc.constantFrom(...CODES),
      cap: fc.constantFrom(0n, 50n),
      issuer: fc.constantFrom(5, 5, 6, 9),
    })
    .map((body) => () => ({ kind: "createAsset", body: { ...body, decimals: 2 } }) as const),
  fc.record({ ledger, flags: fc.constantFrom(LIMITED, LIMITED, OPEN) }).map(({ ledger: number, flags }) => () => {
    return accounts(...inAsset(number).map((id: bigint) => ({ id, ledger: number, flags })));
  }),
  fc.record({ kind: fc.constantFrom("issueAsset", "burnAsset"), ledger, place: fc.nat(1), amount }).map(
    ({ kind, place, ...body }) =>
      (id: bigint) =>
        ({ kind, body: { ...body, id, account: inAsset(body.ledger)[place] ?? 0n } }) as const,
  ),
  fc.record({ ledger, amount }).map(({ ledger: number, amount: moved }) => (id: bigint) => {
    const [debitAccountId = 0n, creditAccountId = 0n] = inAsset(number);
    return transfers({ id, debitAccountId, creditAccountId, amount: moved, ledger: number });
  }),
  payment,
  fc.record({ back: ago, amount, again: fc.boolean() }).map(({ back, amount: given, again }) => (id: bigint) => {
    const body = { transfer: id > back ? id - back : RENT, amount: given, id: again ? id - 1n : id };
    return { kind: "reverseTransfer", body } as const;
  }),
  fc.record({ account: euro, frozen: fc.boolean() }).map((body) => () => ({ kind: "freezeAccount", body }) as const),
  fc
    .record({ account: fc.constantFrom(0n, ...EUROS), dailyLimit: amount, seconds: fc.constantFrom(0n, 1_000n) })
    .map(({ seconds, ...terms }) => () => {
      const body = { ...terms, key: keyOfDelegate(), ledger: EUR, expiresAt: SECONDS_OF_START + seconds };
      return { kind: "grantDelegate", body } as const;
    }),
  fc.constant(() => ({ kind: "revokeDelegate", body: { key: keyOfDelegate() } }) as const),
);

/** The delegate does what it is there for, now and then. */
const someStep: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ who: fc.constantFrom("bank", "bank", "bank", "other", "admin", "delegate"), command }),
  },
  { weight: 1, arbitrary: fc.record({ who: fc.constant("delegate"), command: payment }) },
);
const steps = fc.array(someStep, { minLength: 20, maxLength: 60, size: "max" });

function keyOfDelegate(): Uint8Array {
  return new Party({} as Chain, "delegate", 0).publicKey;
}

/** What the oracle finds when all of this is asked, one block each. */
function judged(asked: readonly Step[], reached: Counters<Point>, spoil: (ledger: Ledger) => void): string | undefined {
  const chain = new JudgedChain(reached, spoil);
  const bank = chain.join("bank", "issuer", "participant");
  const other = chain.join("other", "participant");
  bank.must(accounts({ id: 1n }, { id: 2n, flags: LIMITED }));
  other.must(accounts({ id: 3n }));
  const asset = { ledger: CAPPED, code: "SILVER", decimals: 2, issuer: bank.authority, cap: 100n };
  bank.must({ kind: "createAsset", body: asset });
  bank.must(accounts(...inAsset(CAPPED).map((id) => ({ id, ledger: CAPPED, flags: LIMITED }))));
  bank.must(transfers({ id: RENT, debitAccountId: 1n, creditAccountId: 2n, amount: 60n }));
  const terms = { account: 0n, dailyLimit: 100n, expiresAt: SECONDS_OF_START + 1_000n };
  bank.must({ kind: "grantDelegate", body: { ...terms, key: keyOfDelegate(), ledger: EUR } });
  const delegate = new Party(chain, "delegate", bank.authority);
  delegate.must({ kind: "sessionOpen" });
  const parties = { bank, other, admin: chain.admin, delegate };
  for (const [index, step] of asked.entries()) parties[step.who].submit(step.command(BigInt(index + 1)));
  chain.oracle?.compare(1, chain.state, () => "at the end");
  return chain.verdict.failure?.message;
}

/** Finds asked commands at which the oracle disagrees with a ledger that has a bug. */
function findsBug(spoil: (ledger: Ledger) => void): boolean {
  const found = fc.check(
    fc.property(steps, (asked) => judged(asked, new Counters<Point>(), spoil) === undefined),
    { numRuns: 200, endOnFailure: true, seed: 1 },
  );
  return found.failed;
}

/** Nodes that may be added, of few keys and at few addresses, some of which are somebody's already. */
const newNode = fc
  .record({
    name: fc.constantFrom("a", "b", "c", "d", "admin", "node-2"),
    host: fc.constantFrom("x", "y", "z"),
    voter: fc.boolean(),
  })
  .map(({ name, ...rest }) => ({ ...rest, publicKey: new Party({} as Chain, name, 0).publicKey, port: 1 }));
const NOTHING = { id: 1n, debitAccountId: 1n, creditAccountId: 2n, amount: 1n };
const nodeIds = fc.uniqueArray(fc.integer({ min: 1, max: 7 }), { maxLength: 3 });
const memberChange = fc
  .record({
    add: fc.uniqueArray(newNode, { maxLength: 2, selector: ({ host }) => host }),
    remove: fc.oneof({ weight: 9, arbitrary: nodeIds }, { weight: 1, arbitrary: fc.constant<number[]>([1, 2, 3]) }),
    promote: nodeIds,
    demote: fc.option(nodeIds, { nil: undefined }),
  })
  .map(({ add, remove, promote, demote }) => ({
    ...{ add, remove, promote: promote.filter((id) => !remove.includes(id)) },
    ...(demote === undefined ? {} : { demote: demote.filter((id) => ![...remove, ...promote].includes(id)) }),
  }))
  .filter(({ add, remove, promote, demote = [] }) => add.length + remove.length + promote.length + demote.length > 0);
const memberSteps = fc.array(
  fc.record({
    body: memberChange,
    who: fc.constantFrom("admin", "admin", "bank"),
    arrives: fc.boolean(),
    isRaised: fc.boolean(),
  }),
  { minLength: 10, maxLength: 30, size: "max" },
);

describe("the state machine beside the reference bank", () => {
  test("changes its members as predicted, and who has left signs nothing any more", () => {
    const statuses = new Set<string>();
    fc.assert(
      fc.property(memberSteps, (asked) => {
        const chain = new JudgedChain(new Counters<Point>(), () => {});
        const parties = { admin: chain.admin, bank: chain.join("bank", "participant") };
        for (const { body, who, arrives, isRaised } of asked) {
          if (isRaised) chain.release = Math.min(chain.release + 1, NEWEST_RELEASE);
          statuses.add(parties[who].submit({ kind: "changeMembers", body }).status);
          if (arrives) chain.configuration = { ...chain.state.members.wanted, outgoing: [] };
          for (const node of chain.nodes) statuses.add(node.submit(transfers(NOTHING)).status);
          chain.oracle?.compare(1, chain.state, () => "after a change");
        }
        expect(chain.verdict.failure?.message).toBeUndefined();
      }),
      { numRuns: 50 },
    );
    const refusals = ["not_found", "wrong_state", "invalid", "already_exists", "not_authorized", "unknown_key"];
    expect([...statuses]).toEqual(expect.arrayContaining(["ok", ...refusals]));
  });

  test("answers as predicted, whatever is asked", () => {
    const reached = new Counters<Point>();
    fc.assert(
      fc.property(steps, (asked) => {
        expect(judged(asked, reached, () => {})).toBeUndefined();
      }),
      { numRuns: 400 },
    );
    const points = Object.keys(reached.read());
    expect(points).toEqual(
      expect.arrayContaining(["assetCreated", "assetIssued", "assetCapMet", "assetOverdraftRefused"]),
    );
    expect(points).toEqual(expect.arrayContaining(["reversedInPart", "reversalTooMuch", "frozenDebitRefused"]));
    expect(points).toEqual(expect.arrayContaining(["delegateDebited", "delegateLimitMet", "delegateRevoked"]));
  });

  test.each([
    ["forgets caps", forgetsCaps],
    ["reverses twice as much", reversesTwice],
    ["trusts delegates", trustsDelegates],
    ["freezes nothing", freezesNothing],
  ])("a ledger that %s is found out", (_, spoil) => {
    expect(findsBug(spoil)).toBe(true);
  });
});
