import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { accountFlags, transferFlags } from "../../ledger/records.ts";
import type { ChannelOutcomeBody, CreatePaymentBody } from "../../wire/kinds.ts";
import {
  ALICE,
  accounts,
  BOB,
  CLEARING,
  CORNER_SHOP,
  EUR,
  HOLD_SECONDS,
  MONEY,
  type Party,
  payment,
  type Result,
  SECOND,
  type Town,
  town,
  transfers,
} from "../chain.test-support.ts";
import type { Intent } from "../outbox.ts";
import type { PaymentView } from "../queries.ts";

const DAY = 86_400n * SECOND;
const ID = 7n;
const CARD = { payer: 5n, cardToken: "tok_1" };
const NETWORK = { reason: "", networkReference: "auth-1" };

/** One payment in a town of its own, and everything that may happen to it. */
class Life {
  readonly town: Town = town();
  readonly #signer: Party;
  readonly #body: Partial<CreatePaymentBody>;

  constructor(channel: "wallet" | "card", capture: "automatic" | "manual") {
    const { chain, bank, shopBank } = this.town;
    const rules = { reviewAmount: 500n, declineAmount: 900n, velocityDeclineAmount: 0n };
    const velocity = { velocityWindowSeconds: 60, velocityReviewCount: 0, velocityDeclineCount: 0 };
    chain.admin.must({ kind: "configureRisk", body: { ledger: EUR, ...rules, ...velocity } });
    this.#signer = channel === "card" ? shopBank : bank;
    this.#body = { channel, capture, ...(channel === "card" ? CARD : {}) };
  }

  create(amount = 100n): Result {
    return this.#signer.submit(payment({ id: ID, ...this.#body, amount }));
  }

  review(decision: "approve" | "reject"): Result {
    return this.town.chain.admin.submit({ kind: "reviewPayment", body: { id: ID, decision } });
  }

  capture(by: Party = this.#signer): Result {
    return by.submit({ kind: "capturePayment", body: { id: ID } });
  }

  void(by: Party = this.#signer): Result {
    return by.submit({ kind: "voidPayment", body: { id: ID } });
  }

  /** The network answers the open question, or where there is none the last one. */
  answer(special: Partial<ChannelOutcomeBody> = {}): Result {
    const { id, amount } = this.intent() ?? { id: this.#lastIntent, amount: 100n };
    const body = { intent: id, outcome: "approved", ...NETWORK, amount, ...special } as const;
    this.#lastIntent = id;
    return this.town.chain.nodes[1]?.submit({ kind: "channelOutcome", body }) as Result;
  }

  #lastIntent = 0n;

  intent(): Intent | undefined {
    return this.town.chain.state.openIntents()[0];
  }

  pass(ns: bigint): void {
    this.town.chain.pass(ns);
  }

  get now(): PaymentView {
    const answer = this.town.chain.state.query({ type: "payment", id: ID }, { authority: 1, seesAll: true });
    if (answer.type !== "payment" || answer.payment === null) throw new Error("the payment is not there");
    return answer.payment;
  }

  balance(account: bigint): { pending: bigint; posted: bigint } {
    const answer = this.town.chain.state.query({ type: "accounts", ids: [account] }, { authority: 1, seesAll: true });
    if (answer.type !== "accounts") throw new Error("another answer than was asked for");
    const view = new DataView(answer.records.buffer, answer.records.byteOffset);
    const [debitsPending, debits, creditsPending, credits] = [16, 32, 48, 64].map((at) => view.getBigUint64(at, true));
    return {
      pending: (creditsPending as bigint) - (debitsPending as bigint),
      posted: (credits as bigint) - (debits as bigint),
    };
  }
}

/** How a payment comes into a state; the states are those of docs/payments.md. */
const WAYS: Readonly<Record<string, (life: Life) => void>> = {
  "wallet review": (life) => life.create(600n),
  "wallet authorized": (life) => life.create(),
  "card review": (life) => life.create(600n),
  "card authorizing": (life) => life.create(),
  "card authorized": (life) => {
    life.create();
    life.answer();
  },
  "card capturing": (life) => {
    life.create();
    life.answer();
    if (life.now.state === "authorized") life.capture();
  },
  "card voiding to voided": (life) => {
    life.create();
    life.answer();
    life.void();
  },
  "card voiding to expired": (life) => {
    life.create();
    life.answer();
    life.pass(2n * DAY);
  },
  "card voiding to failed": (life) => {
    life.create();
    life.answer({ amount: 1n });
  },
  "wallet captured": (life) => life.create(),
  "wallet voided": (life) => {
    life.create();
    life.void();
  },
  "wallet expired": (life) => {
    life.create();
    life.pass(8n * DAY);
  },
  "wallet declined": (life) => life.create(900n),
  "wallet rejected": (life) => {
    life.create(600n);
    life.review("reject");
  },
  "wallet failed": (life) => {
    const move = transfers({ id: 50n, debitAccountId: ALICE, creditAccountId: BOB, amount: MONEY });
    life.town.bank.must(move);
    life.create();
  },
};

/** What may happen, under its heading in the tables. */
const EVENTS: Readonly<Record<string, (life: Life) => Result | undefined>> = {
  approve: (life) => life.review("approve"),
  reject: (life) => life.review("reject"),
  capture: (life) => life.capture(),
  void: (life) => life.void(),
  deadline: (life) => {
    life.pass(8n * DAY);
    return undefined;
  },
  "network approves": (life) => life.answer(),
  "network declines": (life) => life.answer({ outcome: "declined", reason: "do_not_honor", amount: 0n }),
  "another amount": (life) => life.answer({ amount: 99n }),
};

interface Case {
  readonly channel: "wallet" | "card";
  readonly capture: "automatic" | "manual";
  readonly state: string;
  readonly event: string;
  readonly next: string;
}

/** Every cell of the tables of states in docs/payments.md. */
function documented(): Case[] {
  const text = readFileSync(join(import.meta.dirname, "../../../docs/payments.md"), "utf8");
  const cases: Case[] = [];
  for (const table of text.matchAll(/^\| capture \| state \|(.*)\n\|[ -|]*\n((?:\|.*\n)+)/gm)) {
    const events = cellsOf(table[1] ?? "");
    for (const row of (table[2] ?? "").trimEnd().split("\n")) {
      const [capture, state = "", ...states] = cellsOf(row.slice(1));
      const channel = events.includes("network approves") ? "card" : "wallet";
      events.forEach((event, place) => {
        cases.push({ channel, capture: capture as Case["capture"], state, event, next: states[place] ?? "" });
      });
    }
  }
  return cases;
}

function cellsOf(row: string): string[] {
  return row
    .split("|")
    .map((cell) => cell.trim())
    .slice(0, -1);
}

describe("docs/payments.md tells what happens", () => {
  const cases = documented();

  test("in every state and with every event", () => {
    expect(cases).toHaveLength(3 * 5 + 9 * 8 + 6 * 5);
    expect([...new Set(cases.map(({ state }) => state.split(" ")[0]))]).toHaveLength(11);
  });

  test.each(cases)("$channel, $capture, $state: $event -> $next", ({ channel, capture, state, event, next }) => {
    const life = new Life(channel, capture);
    WAYS[`${channel} ${state}`]?.(life);
    const before = state.split(" ")[0] as string;
    expect(life.now.state).toBe(before);
    const result = EVENTS[event]?.(life);
    if (next !== "") expect(result ?? { status: "ok" }).toMatchObject({ status: "ok" });
    else if (event.startsWith("network") || event === "another amount") expect(result?.status).not.toBe("ok");
    else if (event !== "deadline") expect(result).toEqual({ status: "wrong_state", what: before });
    expect(life.now.state).toBe(next === "" ? before : next);
    const held = ["authorized", "capturing"].includes(life.now.state) ? BigInt(life.now.amount) : 0n;
    expect(life.balance(CORNER_SHOP).pending).toBe(held);
    expect(life.balance(CORNER_SHOP).posted).toBe(life.now.state === "captured" ? BigInt(life.now.amount) : 0n);
  });
});

describe("creation", () => {
  test.each<[string, Partial<CreatePaymentBody>, "bank" | "shopBank", string, string]>([
    ["to nobody", { payee: 999n }, "bank", "not_found", "payee"],
    ["from nobody", { payer: 999n }, "bank", "not_found", "payer"],
    [
      "from nobody, as a wallet in spite of a token",
      { payer: 999n, channel: "wallet", cardToken: "t" },
      "bank",
      "not_found",
      "payer",
    ],
    ["in a currency that the payee does not have", { ledger: 840 }, "bank", "invalid", "ledger"],
    ["in a currency that the payer does not have", { payee: 300n, ledger: 840 }, "bank", "invalid", "ledger"],
    ["out of another's pocket", {}, "shopBank", "not_authorized", "payer"],
    ["by card without a token", { channel: "card" }, "shopBank", "invalid", "cardToken"],
    ["by card with an empty token", { channel: "card", cardToken: "" }, "shopBank", "invalid", "cardToken"],
    ["by card for another's shop", { ...CARD }, "bank", "not_authorized", "payee"],
    ["by card where none are taken", { ...CARD, payee: 300n, ledger: 840 }, "shopBank", "not_configured", "card"],
  ])("%s is refused, and makes no payment", (_, special, by, status, what) => {
    const it = town();
    it.shopBank.must(accounts({ id: 300n, ledger: 840 }));
    expect(it[by].submit(payment({ id: ID, ...special }))).toEqual({ status, what });
    const answer = it.chain.state.query({ type: "payment", id: ID }, { authority: 1, seesAll: true });
    expect(answer).toMatchObject({ payment: null });
  });

  test("under an id that is taken is refused, whoever asks and whatever became of the first", () => {
    for (const amount of [100n, 600n, 900n]) {
      const life = new Life("wallet", "automatic");
      life.create(amount);
      expect(life.create(100n)).toEqual({ status: "already_exists", what: "id" });
    }
  });

  test("without a channel takes the wallet where the payer is an account, else the card", () => {
    const { bank, shopBank } = town();
    expect(bank.submit(payment({ id: 1n, cardToken: "tok_1" }))["state"]).toBe("captured");
    expect(shopBank.submit(payment({ id: 2n, ...CARD }))["state"]).toBe("authorizing");
  });

  test("fails where the payer has not enough, and moves nothing", () => {
    const life = new Life("wallet", "automatic");
    const most = life.town.bank.submit(payment({ id: 1n, payer: BOB, amount: 499n }));
    expect(most["state"]).toBe("captured");
    life.town.bank.must(transfers({ id: 50n, debitAccountId: ALICE, creditAccountId: BOB, amount: MONEY - 99n }));
    expect(life.create()).toMatchObject({ state: "failed", verdict: "accept", failure: "exceeds_credits" });
    expect(life.balance(ALICE)).toEqual({ pending: 0n, posted: 99n });
  });
});

describe("who may", () => {
  test("only the authority that created a payment captures or voids it", () => {
    const life = new Life("wallet", "manual");
    life.create();
    for (const party of [life.town.shopBank, life.town.chain.admin]) {
      expect(life.capture(party)).toEqual({ status: "not_authorized", what: "payment" });
      expect(life.void(party)).toEqual({ status: "not_authorized", what: "payment" });
    }
    expect(life.now.state).toBe("authorized");
  });

  test("nobody acts on a payment that is not there", () => {
    const life = new Life("wallet", "manual");
    const gone = { status: "not_found", what: "payment" };
    expect([life.capture(), life.void(), life.review("approve")]).toEqual([gone, gone, gone]);
    expect(life.answer({ intent: 1n })).toEqual({ status: "not_found", what: "intent" });
    expect(life.answer({ intent: 0n })).toEqual({ status: "not_found", what: "intent" });
  });

  test("a hold of the system is not lifted from outside", () => {
    const life = new Life("wallet", "manual");
    life.create();
    const pendingId = BigInt(life.now.hold);
    const zero = { debitAccountId: 0n, creditAccountId: 0n, amount: 0n };
    const lift = { id: 60n, ...zero, pendingId, flags: transferFlags.voidPendingTransfer, code: 0, ledger: 0 };
    life.town.bank.must(transfers(lift));
    expect(life.balance(ALICE).pending).toBe(-100n);
    expect(life.capture()["state"]).toBe("captured");
  });
});

describe("the deadline of an authorised payment", () => {
  test("holds to the nanosecond, in the block before its expiry, too", () => {
    for (const early of [1n, 0n]) {
      const life = new Life("card", "manual");
      life.create();
      life.answer();
      const { chain, shopBank } = life.town;
      const deadline = BigInt(life.now.updatedAt) + BigInt(HOLD_SECONDS) * SECOND;
      expect(chain.state.nextDeadline()).toBe(deadline);
      chain.now = deadline - early;
      const [result] = [shopBank.submit({ kind: "capturePayment", body: { id: ID } })];
      if (early === 1n) expect(result).toMatchObject({ state: "capturing" });
      else expect(result).toEqual({ status: "wrong_state", what: "expired" });
    }
  });

  test("frees the money of a wallet", () => {
    const life = new Life("wallet", "manual");
    life.create();
    expect(life.balance(ALICE)).toEqual({ pending: -100n, posted: MONEY });
    life.pass(7n * DAY);
    expect(life.now).toMatchObject({ state: "expired", failure: "" });
    expect(life.balance(ALICE)).toEqual({ pending: 0n, posted: MONEY });
    expect(life.town.chain.state.nextDeadline()).toBeUndefined();
  });

  test("that many reach at once is met over several blocks", () => {
    const { chain, bank } = town();
    const ids = Array.from({ length: 600 }, (_, index) => BigInt(index + 1));
    for (let at = 0; at < ids.length; at += 200) {
      chain.block(ids.slice(at, at + 200).map((id) => bank.sign(payment({ id, capture: "manual", amount: 1n }))));
    }
    const expired = (): unknown => chain.state.query({ type: "summary" }, { authority: 1, seesAll: true });
    chain.pass(8n * DAY);
    expect(expired()).toMatchObject({ paymentsByState: { expired: 512, authorized: 88 } });
    expect(chain.state.nextDeadline()).toBeLessThan(chain.now);
    chain.block();
    expect(expired()).toMatchObject({ paymentsByState: { expired: 600 } });
  });
});

describe("what the network says", () => {
  test("asks for exactly what the payment is about, each step under a key of its own", () => {
    const life = new Life("card", "manual");
    life.create();
    const authorize = life.intent();
    expect(authorize).toMatchObject({
      action: "authorize",
      payment: ID,
      amount: 100n,
      ledger: EUR,
      cardToken: "tok_1",
    });
    life.answer();
    life.capture();
    const capture = life.intent();
    expect(capture).toMatchObject({ action: "capture", payment: ID, amount: 100n, networkReference: "auth-1" });
    life.answer({ networkReference: "" });
    expect(life.now).toMatchObject({ state: "captured", networkReference: "auth-1" });
    expect(authorize?.idempotencyKey).toMatch(/^[0-9a-f]{32}$/);
    expect(capture?.idempotencyKey).not.toBe(authorize?.idempotencyKey);
    expect(life.balance(CLEARING).posted).toBe(-100n);
  });

  test("that contradicts the one that counts is told of, and no other", () => {
    const life = new Life("card", "automatic");
    life.create();
    const id = life.intent()?.id as bigint;
    life.answer();
    const { chain } = life.town;
    const tell = (outcome: "approved" | "declined") => {
      const body = { intent: id, outcome, ...NETWORK, amount: 100n };
      return chain.block([chain.nodes[1]?.sign({ kind: "channelOutcome", body }) as Uint8Array]).events;
    };
    expect(tell("approved")).toEqual([]);
    const contradiction = { type: "answerContradicted", id, payment: ID, counted: "approved", other: "declined" };
    expect(tell("declined")).toEqual([contradiction]);
    expect(life.now.state).toBe("capturing");
  });

  test("is taken once: the same again, and the contrary, are refused and change nothing", () => {
    const life = new Life("card", "automatic");
    life.create();
    const first = life.intent()?.id as bigint;
    life.answer();
    const closed = { status: "wrong_state", what: "closed" };
    expect(life.answer({ intent: first })).toEqual(closed);
    expect(life.answer({ intent: first, outcome: "declined", reason: "do_not_honor" })).toEqual(closed);
    expect(life.answer({ intent: first, amount: 1n })).toEqual(closed);
    expect(life.now.state).toBe("capturing");
    const second = life.intent()?.id as bigint;
    life.answer();
    expect(life.answer({ intent: second, outcome: "declined", reason: "do_not_honor" })).toEqual(closed);
    expect(life.now).toMatchObject({ state: "captured", failure: "" });
    expect(life.balance(CORNER_SHOP).posted).toBe(100n);
  });

  test("an answer of another node, in the same block, comes too late", () => {
    const life = new Life("card", "automatic");
    life.create();
    const { chain } = life.town;
    const intent = life.intent()?.id as bigint;
    const body = { intent, outcome: "approved", ...NETWORK, amount: 100n } as const;
    const transactions = chain.nodes.map((node) => node.sign({ kind: "channelOutcome", body }));
    const { results } = chain.block(transactions);
    expect(new Set(results.slice(1).map(String)).size).toBe(1);
    expect(chain.state.openIntents().map(({ action }) => action)).toEqual(["capture"]);
  });

  test.each<[string, Partial<ChannelOutcomeBody>, string]>([
    ["declined", { outcome: "declined", reason: "expired_card", networkReference: "", amount: 0n }, "expired_card"],
    ["approved over another amount", { amount: 101n }, "integrity_failure"],
  ])("a capture that is %s is voided at the network, and the hold with it", (_, said, failure) => {
    const life = new Life("card", "automatic");
    life.create();
    life.answer();
    life.answer(said);
    expect(life.now).toMatchObject({ state: "voiding", failure });
    expect(life.balance(CORNER_SHOP)).toEqual({ pending: 0n, posted: 0n });
    expect(life.intent()).toMatchObject({ action: "void", networkReference: "auth-1" });
    life.answer();
    expect(life.now).toMatchObject({ state: "failed", failure });
    expect(life.intent()).toBeUndefined();
  });

  test("an authorisation over another amount is undone under the reference it came with", () => {
    const life = new Life("card", "automatic");
    life.create();
    life.answer({ amount: 99n });
    expect(life.intent()).toMatchObject({ action: "void", amount: 100n, networkReference: "auth-1" });
    life.answer();
    expect(life.now).toMatchObject({ state: "failed", failure: "integrity_failure" });
  });

  test("an authorisation that the clearing account cannot cover is undone", () => {
    const life = new Life("card", "automatic");
    const { chain, scheme } = life.town;
    scheme.must(accounts({ id: 20n, flags: accountFlags.debitsMustNotExceedCredits }));
    chain.admin.must({ kind: "configureCard", body: { ledger: EUR, clearingAccount: 20n, holdSeconds: 60 } });
    life.create();
    life.answer();
    expect(life.now).toMatchObject({ state: "voiding", failure: "exceeds_credits" });
    life.answer();
    expect(life.now).toMatchObject({ state: "failed", failure: "exceeds_credits" });
  });

  test("a capture that the ledger cannot post any more is taken back at the network", () => {
    const life = new Life("card", "automatic");
    life.create();
    life.answer();
    const { shopBank } = life.town;
    const close = { debitAccountId: CORNER_SHOP, creditAccountId: 12n, amount: 0n };
    shopBank.must(transfers({ id: 70n, ...close, flags: transferFlags.pending | transferFlags.closingDebit }));
    life.answer();
    expect(life.now).toMatchObject({ state: "voiding", failure: "credit_account_already_closed" });
    expect(life.intent()).toMatchObject({ action: "void" });
    life.answer();
    expect(life.now.state).toBe("failed");
    expect(life.balance(CORNER_SHOP)).toEqual({ pending: 0n, posted: 0n });
  });
});
