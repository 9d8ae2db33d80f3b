/**
 * Random lives of many payments at once in a town with two currencies, and a model of them that keeps plain sums and
 * shares no code with what it models.
 */
import fc from "fast-check";
import { expect } from "vitest";
import { decodeAccounts } from "../../ledger/records.ts";
import {
  ALICE,
  accounts,
  BOB,
  Chain,
  CORNER_SHOP,
  EUR,
  type Party,
  payment,
  type Result,
  SECOND,
  transfers,
} from "../chain.test-support.ts";

const USD = 840;
const OFFSET = 1_000n;
const HOUR = 3_600n * SECOND;
const REVIEW = 500n;
const DECLINE = 900n;
const MONEY = 2_000n;
const FUNDING = 1n;
const HUB = 2n;
const CLEARING = 3n;
const RESERVE = 5n;
/** Accounts that the admin, the bank and the shop's bank settle with. */
const SETTLEMENT = [4n, 11n, 12n];
const EVERYTHING = { authority: 1, seesAll: true };

/** Accounts of a currency: those of the first are moved up for the second. */
function inLedger(account: bigint, ledger: number): bigint {
  return ledger === EUR ? account : account + OFFSET;
}

interface ModelPayment {
  readonly channel: "wallet" | "card";
  readonly capture: "automatic" | "manual";
  readonly payer: bigint;
  readonly payee: bigint;
  readonly amount: bigint;
  readonly ledger: number;
  state: string;
  deadline: bigint;
  ending: string;
}

/** What should be: payments by id, and for each account what it has and what is held of it. */
class Model {
  readonly payments = new Map<bigint, ModelPayment>();
  readonly has = new Map<bigint, bigint>();

  available(account: bigint): bigint {
    const held = [...this.payments.values()].filter((each) => each.payer === account && isHeld(each));
    return held.reduce((left, each) => left - each.amount, this.has.get(account) ?? 0n);
  }

  move(from: bigint, to: bigint, amount: bigint): void {
    this.has.set(from, (this.has.get(from) ?? 0n) - amount);
    this.has.set(to, (this.has.get(to) ?? 0n) + amount);
  }

  authorize(each: ModelPayment, now: bigint): void {
    if (each.channel === "card") each.state = "authorizing";
    else if (this.available(each.payer) < each.amount) each.state = "failed";
    else if (each.capture === "automatic") this.capture(each);
    else {
      each.state = "authorized";
      each.deadline = now + 7n * 24n * HOUR;
    }
  }

  capture(each: ModelPayment): void {
    each.state = "captured";
    this.move(each.payer, each.payee, each.amount);
  }

  end(each: ModelPayment, ending: string): void {
    each.state = each.channel === "card" ? "voiding" : ending;
    each.ending = ending;
  }

  /** What a block does before its transactions. */
  expire(now: bigint): void {
    for (const each of this.payments.values()) {
      if (each.state === "authorized" && each.deadline <= now) this.end(each, "expired");
    }
  }

  answer(each: ModelPayment, said: "approved" | "declined" | "wrong", now: bigint): void {
    if (each.state === "voiding") each.state = each.ending;
    else if (each.state === "authorizing" && said === "declined") each.state = "failed";
    else if (said !== "approved") this.end(each, "failed");
    else if (each.state === "capturing") this.capture(each);
    else {
      each.state = each.capture === "automatic" ? "capturing" : "authorized";
      each.deadline = now + HOUR;
    }
  }
}

function isHeld({ state }: ModelPayment): boolean {
  return state === "authorized" || state === "capturing";
}

export type PaymentStep =
  | {
      readonly do: "create";
      readonly channel: "wallet" | "card";
      readonly manual: boolean;
      readonly amount: bigint;
      readonly who: bigint;
      readonly ledger: number;
    }
  | { readonly do: "review"; readonly which: number; readonly decision: "approve" | "reject" }
  | { readonly do: "capture" | "void"; readonly which: number }
  | { readonly do: "answer"; readonly which: number; readonly said: "approved" | "declined" | "wrong" }
  | { readonly do: "answerAgain"; readonly which: number; readonly said: "approved" | "declined" | "wrong" }
  | { readonly do: "give"; readonly amount: bigint; readonly ledger: number }
  | { readonly do: "pass"; readonly ns: bigint }
  | { readonly do: "close"; readonly ledger: number };

const which = fc.nat(100);
const said = fc.constantFrom(
  "approved" as const,
  "approved" as const,
  "approved" as const,
  "declined" as const,
  "wrong" as const,
);
const ledger = fc.constantFrom(EUR, USD);
/** Something that happens, in a block of its own. */
export const paymentStep: fc.Arbitrary<PaymentStep> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ do: fc.constant("create" as const), channel: fc.constantFrom("wallet" as const, "card" as const) },
      ...{ manual: fc.boolean(), amount: fc.bigInt({ min: 1n, max: 950n }), who: fc.constantFrom(ALICE, BOB), ledger },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("review" as const),
      which,
      decision: fc.constantFrom("approve" as const, "reject" as const),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constantFrom("capture" as const, "void" as const), which }) },
  { weight: 5, arbitrary: fc.record({ do: fc.constant("answer" as const), which, said }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("answerAgain" as const), which, said }) },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("give" as const), amount: fc.bigInt({ min: 1n, max: 2_000n }), ledger }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ do: fc.constant("pass" as const), ns: fc.constantFrom(SECOND, HOUR, 200n * HOUR) }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant("close" as const), ledger }) },
);

/** A town with two currencies, both settled, and the model of it. */
export class PaymentWorld {
  readonly chain = new Chain();
  readonly model = new Model();
  readonly #bank: Party = this.chain.join("bank", "participant");
  readonly #shopBank: Party = this.chain.join("shop bank", "participant");
  #nextId = 1n;

  constructor() {
    for (const currency of [EUR, USD]) this.#setUp(currency);
  }

  #setUp(currency: number): void {
    const { admin } = this.chain;
    const of = (account: bigint): bigint => inLedger(account, currency);
    const account = (id: bigint, flags = 0) => ({ id: of(id), ledger: currency, flags });
    admin.must(accounts(account(FUNDING), account(HUB), account(CLEARING), account(4n, 2), account(RESERVE)));
    this.#bank.must(accounts(account(11n, 2), account(ALICE, 2), account(BOB, 2)));
    this.#shopBank.must(accounts(account(12n), account(CORNER_SHOP)));
    for (const who of [ALICE, BOB]) this.give(of(FUNDING), of(who), MONEY, currency, admin);
    // Enough to settle with for a while; the model leaves it out.
    const rest = { debitAccountId: of(RESERVE), amount: MONEY / 4n, ledger: currency };
    const credits = SETTLEMENT.slice(0, 2).map((id) => ({ ...rest, id: this.#nextId++, creditAccountId: of(id) }));
    admin.must(transfers(...credits));
    const settlement = { ledger: currency, hubAccount: of(HUB), windowSeconds: 3_600 };
    admin.must({ kind: "configureSettlement", body: settlement });
    for (const [party, id] of [
      [admin, 4n],
      [this.#bank, 11n],
      [this.#shopBank, 12n],
    ] as const) {
      const body = { ledger: currency, authority: party.authority, settlementAccount: of(id) };
      admin.must({ kind: "configureParticipant", body });
    }
    admin.must({
      kind: "configureCard",
      body: { ledger: currency, clearingAccount: of(CLEARING), holdSeconds: 3_600 },
    });
    const velocity = { velocityWindowSeconds: 60, velocityReviewCount: 0, velocityDeclineCount: 0 };
    const amounts = { reviewAmount: REVIEW, declineAmount: DECLINE, velocityDeclineAmount: 0n };
    admin.must({ kind: "configureRisk", body: { ledger: currency, ...amounts, ...velocity } });
  }

  give(from: bigint, to: bigint, amount: bigint, currency: number, by: Party): void {
    const enough = by === this.chain.admin || this.model.available(from) >= amount;
    by.must(transfers({ id: this.#nextId++, debitAccountId: from, creditAccountId: to, amount, ledger: currency }));
    if (enough) this.model.move(from, to, amount);
  }

  run(each: PaymentStep): void {
    switch (each.do) {
      case "create":
        this.#create(each);
        break;
      case "give": {
        const [from, to] = [ALICE, BOB].map((account) => inLedger(account, each.ledger)) as [bigint, bigint];
        this.give(from, to, each.amount, each.ledger, this.#bank);
        break;
      }
      case "pass":
        this.chain.pass(each.ns);
        break;
      case "close":
        this.chain.admin.must({ kind: "closeSettlement", body: { ledger: each.ledger } });
        break;
      case "answer":
      case "answerAgain":
        this.#answer(each);
        break;
      default:
        this.#act(each);
    }
    const { header } = (this.chain.last as NonNullable<Chain["last"]>).block;
    this.model.expire(header.timestamp - BigInt(header.transactionCount * 8_192));
  }

  #create({ channel, manual, amount, who, ledger: currency }: Extract<PaymentStep, { do: "create" }>): void {
    const id = this.#nextId++;
    const capture = manual ? "manual" : "automatic";
    const card = channel === "card";
    const payee = inLedger(CORNER_SHOP, currency);
    const common = { channel, capture, amount, ledger: currency, payee } as const;
    const payer = card ? 5n : inLedger(who, currency);
    const body = { ...common, id, payer, ...(card ? { cardToken: "tok_1" } : {}) };
    (card ? this.#shopBank : this.#bank).must(payment(body));
    const clearing = inLedger(CLEARING, currency);
    const added = { ...common, payer: card ? clearing : payer, state: "review", deadline: 0n, ending: "" };
    if (amount >= DECLINE) added.state = "declined";
    else if (amount < REVIEW) this.model.authorize(added, this.chain.state.timestamp);
    this.model.payments.set(id, added);
  }

  #act(each: Extract<PaymentStep, { do: "review" | "capture" | "void" }>): void {
    const all = [...this.model.payments];
    if (all.length === 0) return;
    const [id, subject] = all[each.which % all.length] as [bigint, ModelPayment];
    const { admin, state } = this.chain;
    if (each.do === "review") {
      const result = admin.submit({ kind: "reviewPayment", body: { id, decision: each.decision } });
      expect(result["status"]).toBe(subject.state === "review" ? "ok" : "wrong_state");
      if (subject.state !== "review") return;
      if (each.decision === "reject") subject.state = "rejected";
      else this.model.authorize(subject, state.timestamp);
      return;
    }
    const signer = subject.channel === "card" ? this.#shopBank : this.#bank;
    const result = signer.submit({ kind: `${each.do}Payment`, body: { id } });
    expect(result["status"]).toBe(subject.state === "authorized" ? "ok" : "wrong_state");
    if (subject.state !== "authorized") return;
    if (each.do === "void") this.model.end(subject, "voided");
    else if (subject.channel === "card") subject.state = "capturing";
    else this.model.capture(subject);
  }

  readonly #answered: bigint[] = [];

  #answer({ do: kind, which: place, said: word }: Extract<PaymentStep, { do: "answer" | "answerAgain" }>): void {
    const open = this.chain.state.openIntents();
    if (kind === "answerAgain") {
      const old = this.#answered[place % Math.max(1, this.#answered.length)];
      if (old !== undefined) expect(this.#report(old, word, 1n)).toMatchObject({ status: "wrong_state" });
      return;
    }
    const intent = open[place % Math.max(1, open.length)];
    if (intent === undefined) return;
    this.#answered.push(intent.id);
    expect(this.#report(intent.id, word, intent.amount)).toMatchObject({ status: "ok" });
    this.model.answer(this.model.payments.get(intent.payment) as ModelPayment, word, this.chain.state.timestamp);
  }

  #report(intent: bigint, word: "approved" | "declined" | "wrong", amount: bigint): Result {
    const outcome = word === "declined" ? "declined" : "approved";
    const body = { intent, outcome, reason: "", networkReference: "ref", amount } as const;
    const node = this.chain.nodes[0] as Party;
    return node.submit({ kind: "channelOutcome", body: word === "wrong" ? { ...body, amount: amount + 1n } : body });
  }

  /** Holds the state machine against the model. */
  check(): void {
    const { state } = this.chain;
    const all = [...this.model.payments];
    const listed = state.query({ type: "payments", after: 0, limit: 1_000 }, EVERYTHING);
    if (listed.type !== "payments") throw new Error("another answer than was asked for");
    const states = listed.payments.map((each) => `${each.id} ${each.state}`);
    expect(states).toEqual(all.map(([id, each]) => `${id} ${each.state}`));
    for (const [account, balance] of this.model.has) expect([account, this.#has(account)]).toEqual([account, balance]);
    const summary = state.query({ type: "summary" }, EVERYTHING);
    if (summary.type !== "summary") throw new Error("another answer than was asked for");
    for (const { ledger: currency, debitsPending, creditsPending } of summary.totals) {
      const held = all.filter(([, each]) => each.ledger === currency && isHeld(each));
      const sum = held.reduce((total, [, { amount }]) => total + amount, 0n).toString();
      expect([debitsPending, creditsPending]).toEqual([sum, sum]);
    }
    const asked = all.filter(([, each]) => ["authorizing", "capturing", "voiding"].includes(each.state));
    const waiting = new Set(state.openIntents().map((intent) => intent.payment));
    expect(waiting).toEqual(new Set(asked.map(([id]) => id)));
    for (const currency of [EUR, USD]) this.#checkSettlement(currency);
  }

  /** Windows hold what was captured, and settling moves money among those who settle only. */
  #checkSettlement(currency: number): void {
    const settlement = this.chain.state.query({ type: "settlement", ledger: currency }, EVERYTHING);
    if (settlement.type !== "settlement") throw new Error("another answer than was asked for");
    const all = [...this.model.payments.values()];
    const captured = all.filter((each) => each.ledger === currency && each.state === "captured");
    const gross = settlement.windows.reduce((total, window) => total + BigInt(window.gross), 0n);
    expect(gross).toBe(captured.reduce((total, { amount }) => total + amount, 0n));
    const settled = SETTLEMENT.map((account) => this.#has(inLedger(account, currency)));
    expect(settled.reduce((total, balance) => total + balance, 0n)).toBe(MONEY / 2n);
    expect(this.#has(inLedger(HUB, currency))).toBe(0n);
  }

  #has(account: bigint): bigint {
    const answer = this.chain.state.query({ type: "accounts", ids: [account] }, EVERYTHING);
    if (answer.type !== "accounts") throw new Error("another answer than was asked for");
    const [found] = decodeAccounts(answer.records);
    return found === undefined ? 0n : found.creditsPosted - found.debitsPosted;
  }
}
