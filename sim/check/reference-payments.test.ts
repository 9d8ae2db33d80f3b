/**
 * The state machine beside the references of risk, payments and settlement: whatever happens to payments, each answer and
 * each block is as predicted; and a state machine that judges, ends or settles them otherwise is found out.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { accounts, EUR, type Party, payment, SECOND, START, transfers } from "../../node/state/chain.test-support.ts";
import { type Step as Outcome, PaymentLifeCycle, type PaymentParts } from "../../node/state/payments/life-cycle.ts";
import type { StateParts } from "../../node/state/state-machine.ts";
import type { Command } from "../../node/wire/body.ts";
import { Counters } from "../counts.ts";
import { BlocksNobody, CountsWhatItAccepts, DecidesTwice, PassesOverSums } from "../mutants/payments.ts";
import { ClosesLate, CountsPaymentsTwice, NetsTheWrongWay } from "../mutants/settlement.ts";
import type { Point } from "../reached.ts";
import { JudgedChain } from "./judged-chain.test-support.ts";

const LIMITED = 2;
/** Accounts: those that pay, and may not be overdrawn; the shop's; those to settle with; others. */
const PAYERS = [21n, 22n];
const [SHOP, CLEARING, HUB, FUNDS] = [31n, 41n, 42n, 43n];
const [BANK_SETTLES, SHOP_SETTLES] = [51n, 52n];
const NOBODY = 99n;
const HOLD_SECONDS = 60;
const RULES = {
  ...{ ledger: EUR, reviewAmount: 300n, declineAmount: 500n, velocityWindowSeconds: 20 },
  ...{ velocityReviewCount: 3, velocityDeclineCount: 5, velocityDeclineAmount: 900n },
};

type Who = "bank" | "shop" | "admin" | "node";

interface Step {
  readonly who: Who;
  readonly passes: bigint;
  /** `id` is new; `of` is a payment that was asked for so long ago. */
  readonly command: (id: bigint, of: (back: number) => bigint) => Command;
}

const passes = fc.constantFrom(0n, 0n, 0n, SECOND, 10n * SECOND, 61n * SECOND);
const back = fc.integer({ min: 1, max: 6 });

function step(who: readonly Who[], command: fc.Arbitrary<Step["command"]>, weight: number): fc.WeightedArbitrary<Step> {
  return { weight, arbitrary: fc.record({ who: fc.constantFrom(...who), passes, command }) };
}

const created = fc
  .record({
    payer: fc.constantFrom(...PAYERS, ...PAYERS, NOBODY),
    payee: fc.constantFrom(SHOP, SHOP, SHOP, SHOP, NOBODY + 1n),
    amount: fc.bigInt({ min: 1n, max: 550n }),
    capture: fc.constantFrom("automatic" as const, "manual" as const),
    age: fc.constantFrom(undefined, undefined, -30n, 0n, 30n),
    again: fc.boolean(),
    back,
  })
  .map(({ age, again, back: ago, ...body }): Step["command"] => (id, of) => {
    const initiatedAt = age === undefined ? {} : { initiatedAt: START / SECOND + age };
    return payment({ ...body, ...initiatedAt, id: again && ago === 1 ? of(ago) : id, ledger: EUR });
  });

const byCard = fc
  .record({
    payer: fc.constantFrom(7n, 8n),
    amount: fc.bigInt({ min: 1n, max: 550n }),
    capture: fc.constantFrom("automatic" as const, "manual" as const),
    cardToken: fc.constantFrom("tok_1", "tok_1", "tok_1", ""),
  })
  .map((body): Step["command"] => {
    return (id) => payment({ ...body, id, payee: SHOP, ledger: EUR, channel: "card" });
  });

const ofPayment = fc
  .record({ kind: fc.constantFrom("capturePayment" as const, "voidPayment" as const), back })
  .map(({ kind, back: ago }): Step["command"] => (_, of) => ({ kind, body: { id: of(ago) } }));

const reviewed = fc
  .record({ decision: fc.constantFrom("approve" as const, "reject" as const), back })
  .map(({ decision, back: ago }): Step["command"] => {
    return (_, of) => ({ kind: "reviewPayment", body: { id: of(ago), decision } });
  });

/** The network's answers are found where they are given: see `judged`. */
const answered = fc
  .record({
    outcome: fc.constantFrom("approved" as const, "approved" as const, "approved" as const, "declined" as const),
    wrong: fc.nat(5),
    back,
  })
  .map(({ outcome, wrong, back: ago }): Step["command"] => () => {
    const body = { intent: BigInt(ago), reason: outcome === "declined" ? "lost_card" : "", networkReference: "ref" };
    return { kind: "channelOutcome", body: { ...body, outcome, amount: wrong === 0 ? 1n : 0n } };
  });

const managed = fc.oneof(
  fc.record({ payer: fc.constantFrom(...PAYERS, 7n), blocked: fc.boolean() }).map((body): Step["command"] => {
    return () => ({ kind: "blockPayer", body });
  }),
  fc.constant<Step["command"]>(() => ({ kind: "closeSettlement", body: { ledger: EUR } })),
  fc
    .record({ reviewAmount: fc.constantFrom(0n, 300n), velocityWindowSeconds: fc.constantFrom(5, 20) })
    .map((changed): Step["command"] => () => ({ kind: "configureRisk", body: { ...RULES, ...changed } })),
  fc.record({ account: fc.constantFrom(...PAYERS), frozen: fc.boolean() }).map((body): Step["command"] => {
    return () => ({ kind: "freezeAccount", body });
  }),
);

const emptied = fc.constantFrom(...PAYERS).map((debitAccountId): Step["command"] => {
  return (id) => transfers({ id, debitAccountId, creditAccountId: BANK_SETTLES, amount: 400n });
});

const steps = fc.array(
  fc.oneof(
    step(["bank", "bank", "bank", "shop"], created, 8),
    step(["shop", "shop", "shop", "bank"], byCard, 5),
    step(["bank", "shop"], ofPayment, 6),
    step(["admin", "admin", "admin", "bank"], reviewed, 5),
    step(["node", "node", "node", "node", "shop"], answered, 9),
    step(["admin"], managed, 4),
    step(["bank"], emptied, 1),
  ),
  { minLength: 20, maxLength: 60, size: "max" },
);

/** A bank, a shop, and everything that payments need. */
function founded(reached: Counters<Point>, parts: Partial<StateParts>): [JudgedChain, Record<Who, Party>] {
  const chain = new JudgedChain(reached, () => {}, parts);
  const { admin } = chain;
  const bank = chain.join("bank", "participant");
  const shop = chain.join("shop", "participant");
  bank.must(accounts(...PAYERS.map((id) => ({ id, flags: LIMITED })), { id: BANK_SETTLES }));
  shop.must(accounts({ id: SHOP }, { id: SHOP_SETTLES }));
  admin.must(accounts({ id: CLEARING, flags: LIMITED }, { id: HUB }, { id: FUNDS }));
  for (const [index, creditAccountId] of [...PAYERS, CLEARING].entries()) {
    admin.must(transfers({ id: 900n + BigInt(index), debitAccountId: FUNDS, creditAccountId, amount: 2_000n }));
  }
  expect(admin.submit({ kind: "closeSettlement", body: { ledger: EUR } })["status"]).toBe("not_configured");
  admin.must({ kind: "configureSettlement", body: { ledger: EUR, hubAccount: HUB, windowSeconds: 30 } });
  for (const [{ authority }, settlementAccount] of [
    [bank, BANK_SETTLES],
    [shop, SHOP_SETTLES],
    [admin, CLEARING],
  ] as const) {
    admin.must({ kind: "configureParticipant", body: { ledger: EUR, authority, settlementAccount } });
  }
  const card = { ledger: EUR, clearingAccount: CLEARING, holdSeconds: HOLD_SECONDS };
  admin.must({ kind: "configureCard", body: card });
  admin.must({ kind: "configureRisk", body: RULES });
  const [node] = chain.nodes as [Party, ...Party[]];
  return [chain, { bank, shop, admin, node }];
}

/** What the oracle finds when all of this happens, one block each. */
function judged(asked: readonly Step[], reached: Counters<Point>, parts: Partial<StateParts> = {}): string | undefined {
  const [chain, parties] = founded(reached, parts);
  const payments: bigint[] = [];
  for (const [index, { who, passes: ns, command }] of asked.entries()) {
    const id = BigInt(index + 1);
    chain.now += ns;
    const made = command(id, (ago) => payments.at(-ago) ?? id);
    parties[who].submit(asIntended(chain, made));
    if (made.kind === "createPayment") payments.push(id);
  }
  chain.oracle?.compare(1, chain.state, () => "at the end");
  return chain.verdict.failure?.checker;
}

/** An answer of the network is to a question that is open, if there is one, and mostly about the amount that was asked. */
function asIntended(chain: JudgedChain, command: Command): Command {
  if (command.kind !== "channelOutcome") return command;
  const open = chain.state.openIntents();
  const intent = open[Number(command.body.intent) % (open.length + 1)];
  if (intent === undefined) return command;
  return { ...command, body: { ...command.body, intent: intent.id, amount: intent.amount + command.body.amount } };
}

/** The rule by which a broken part is found, with any of many lists of steps. */
function findsBug(parts: Partial<StateParts>): string | undefined {
  let found: string | undefined;
  fc.check(
    fc.property(steps, (asked) => {
      found = judged(asked, new Counters<Point>(), parts);
      return found === undefined;
    }),
    { numRuns: 200, endOnFailure: true, seed: 1 },
  );
  return found;
}

/** One that is broken by what it does with its parts. */
class BrokenLifeCycle extends PaymentLifeCycle {
  readonly parts: PaymentParts;

  constructor(parts: PaymentParts) {
    super(parts);
    this.parts = parts;
  }
}

/** Whoever knows of a payment may capture it. */
class AsksNobody extends BrokenLifeCycle {
  override capture(...[moment, , id]: Parameters<PaymentLifeCycle["capture"]>): Outcome {
    return super.capture(moment, this.parts.payments.get(id)?.signer ?? 0, id);
  }
}

/** What expires is told as if somebody had voided it. */
class VoidsTheOverdue extends BrokenLifeCycle {
  override expireOverdue(moment: Parameters<PaymentLifeCycle["expireOverdue"]>[0]): void {
    for (;;) {
      const payment = this.parts.payments.overdue(moment.timestamp);
      if (payment === undefined) return;
      this.void(moment, payment.signer, payment.id);
    }
  }
}

/** The network is believed on amounts. */
class BelievesAmounts extends BrokenLifeCycle {
  override outcome(...[moment, body]: Parameters<PaymentLifeCycle["outcome"]>): Outcome {
    const amount = this.parts.outbox.intent(body.intent)?.amount ?? body.amount;
    return super.outcome(moment, { ...body, amount });
  }
}

describe("the state machine beside the reference of payments", () => {
  test("answers as predicted, whatever happens to payments", () => {
    const reached = new Counters<Point>();
    fc.assert(
      fc.property(steps, (asked) => {
        expect(judged(asked, reached)).toBeUndefined();
      }),
      { numRuns: 200 },
    );
    const points = Object.keys(reached.read());
    expect(points).toEqual(expect.arrayContaining(["paymentAccepted", "paymentDeclined", "paymentSetAside"]));
    expect(points).toEqual(expect.arrayContaining(["blockedPayerDeclined", "velocityCountMet", "velocityAmountMet"]));
    expect(points).toEqual(expect.arrayContaining(["reviewApproved", "reviewRejected", "reviewTooLate"]));
    expect(points).toEqual(expect.arrayContaining(["paymentCaptured", "paymentVoided", "paymentExpired"]));
    expect(points).toEqual(expect.arrayContaining(["windowClosed", "windowEnded"]));
  });

  test.each<[string, string, Partial<StateParts>]>([
    ["passes a rule over", "payments", { risk: () => new PassesOverSums() }],
    ["counts only what it accepts", "payments", { risk: () => new CountsWhatItAccepts() }],
    ["blocks nobody", "payments", { risk: () => new BlocksNobody() }],
    ["decides twice", "payments", { lifeCycle: (parts) => new DecidesTwice(parts) }],
    ["asks nobody who may capture", "payments", { lifeCycle: (parts) => new AsksNobody(parts) }],
    ["voids what is overdue", "payments", { lifeCycle: (parts) => new VoidsTheOverdue(parts) }],
    ["believes the network on amounts", "payments", { lifeCycle: (parts) => new BelievesAmounts(parts) }],
    ["counts payments twice", "settlement", { settlement: (...args) => new CountsPaymentsTwice(...args) }],
    ["nets the wrong way", "settlement", { settlement: (...args) => new NetsTheWrongWay(...args) }],
    ["closes windows late", "settlement", { settlement: (...args) => new ClosesLate(...args) }],
  ])("one that %s is found out by the rule %s", (_, rule, parts) => {
    expect(findsBug(parts)).toBe(rule);
  });
});
