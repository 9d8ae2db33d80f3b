import { describe, expect, test } from "vitest";
import type { ConfigureRiskBody } from "../../wire/kinds.ts";
import {
  ALICE,
  accounts,
  BOB,
  CORNER_SHOP,
  EUR,
  type Party,
  payment,
  type Result,
  SECOND,
  START,
  town,
  transfers,
} from "../chain.test-support.ts";

const MINUTE = 60n * SECOND;

function rules(special: Partial<ConfigureRiskBody>): { kind: "configureRisk"; body: ConfigureRiskBody } {
  const off = { reviewAmount: 0n, declineAmount: 0n, velocityReviewCount: 0, velocityDeclineCount: 0 };
  const body = { ledger: EUR, ...off, velocityWindowSeconds: 60, velocityDeclineAmount: 0n, ...special };
  return { kind: "configureRisk", body };
}

/** A town in which the second payment of a payer in a minute is reviewed. */
function strictTown(special: Partial<ConfigureRiskBody> = { velocityReviewCount: 1 }) {
  const it = town();
  it.chain.admin.must(rules(special));
  it.chain.now = (it.chain.now / MINUTE + 1n) * MINUTE;
  let id = 0n;
  const pay = (how: object = {}, by: Party = it.bank): Result => {
    id += 1n;
    return by.submit(payment({ ...how, id }));
  };
  return { ...it, pay };
}

describe("the verdict is recorded with its reasons", () => {
  test("as the answer, and with the payment", () => {
    const { chain, pay } = strictTown({ declineAmount: 50n });
    expect(pay()).toEqual({
      status: "ok",
      state: "declined",
      verdict: "decline",
      reasons: ["amount_limit"],
      failure: "",
    });
    const answer = chain.state.query({ type: "payment", id: 1n }, { authority: 1, seesAll: true });
    expect(answer).toMatchObject({ payment: { state: "declined", verdict: "decline", reasons: ["amount_limit"] } });
  });

  test("rules hold from the block they stand in, for payments after them", () => {
    const { chain, bank } = strictTown({});
    const [before, after] = [1n, 2n].map((id) => bank.sign(payment({ id })));
    const configure = chain.admin.sign(rules({ declineAmount: 1n }));
    chain.block([before, configure, after].map((each) => each as Uint8Array));
    const summary = chain.state.query({ type: "summary" }, { authority: 1, seesAll: true });
    expect(summary).toMatchObject({
      paymentsByState: { captured: 1, declined: 1 },
      paymentsByReason: { amount_limit: 1 },
    });
  });
});

describe("velocity", () => {
  test("counts a payer's payments within a window of log time, which begins at its edge", () => {
    const { chain, pay } = strictTown();
    const edge = chain.now;
    expect(pay()["verdict"]).toBe("accept");
    chain.now = edge + MINUTE - SECOND;
    expect(pay()).toMatchObject({ state: "review", reasons: ["velocity_count"] });
    chain.now = edge + MINUTE;
    expect(pay()["verdict"]).toBe("accept");
    expect(pay()["verdict"]).toBe("review");
  });

  test("each payer and each currency has a window of its own", () => {
    const { chain, shopBank, pay } = strictTown();
    const USD = 840;
    chain.admin.must(rules({ ledger: USD, velocityReviewCount: 1 }));
    shopBank.must(accounts({ id: 300n, ledger: USD }, { id: 301n, ledger: USD }));
    expect(pay({ payer: ALICE })["verdict"]).toBe("accept");
    expect(pay({ payer: BOB })["verdict"]).toBe("accept");
    const dollars = { payer: 300n, payee: 301n, ledger: USD };
    expect([1, 2].map(() => pay(dollars, shopBank)["verdict"])).toEqual(["accept", "review"]);
    chain.admin.must({ kind: "configureCard", body: { ledger: USD, clearingAccount: 301n, holdSeconds: 60 } });
    const byCard = { payer: ALICE, payee: 300n, ledger: USD, channel: "card", cardToken: "tok_1" };
    expect(pay(byCard, shopBank)["verdict"]).toBe("accept");
    expect(pay({ payer: ALICE })["verdict"]).toBe("review");
  });

  test("sums what a payer pays in a window", () => {
    const { pay } = strictTown({ velocityDeclineAmount: 250n });
    expect([pay(), pay(), pay()].map((result) => result["verdict"])).toEqual(["accept", "accept", "decline"]);
  });

  test("counts what was declined or failed, but nothing that was refused", () => {
    const { chain, bank, pay } = strictTown({ velocityReviewCount: 2, declineAmount: 500n });
    expect(bank.submit(payment({ id: 90n, payee: 999n }))["status"]).toBe("not_found");
    expect(pay({ amount: 600n })["verdict"]).toBe("decline");
    bank.must(transfers({ id: 5n, debitAccountId: ALICE, creditAccountId: BOB, amount: 9_990n }));
    expect(pay()).toMatchObject({ state: "failed", failure: "exceeds_credits", verdict: "accept" });
    expect(pay()["verdict"]).toBe("review");
    expect(chain.state.height).toBeGreaterThan(0);
  });

  test("takes a payment's own time for an import, and never moves a window back", () => {
    const { pay } = strictTown();
    const day = START / SECOND - 86_400n;
    expect(pay({ initiatedAt: day })["verdict"]).toBe("accept");
    expect(pay({ initiatedAt: day + 1n })["verdict"]).toBe("review");
    expect(pay({ initiatedAt: day + 3_600n })["verdict"]).toBe("accept");
    expect(pay({ initiatedAt: day })["verdict"]).toBe("review");
  });

  test("a time that has not come yet is taken for now: windows ahead would all be empty", () => {
    const { chain, pay } = strictTown();
    const now = chain.now / SECOND;
    expect(pay({ initiatedAt: now + 3_600n })["verdict"]).toBe("accept");
    expect(pay({ initiatedAt: now + 7_200n })["verdict"]).toBe("review");
    chain.now += MINUTE;
    expect(pay()["verdict"]).toBe("accept");
  });
});

describe("the block list", () => {
  test("declines a payer in every channel, until it is taken off", () => {
    const { chain, shopBank, pay } = strictTown({});
    const block = (payer: bigint, blocked: boolean): Result =>
      chain.admin.must({ kind: "blockPayer", body: { payer, blocked } });
    block(ALICE, true);
    block(5n, true);
    expect(pay()).toMatchObject({ state: "declined", reasons: ["payer_blocked"] });
    expect(pay({ payer: BOB })["state"]).toBe("captured");
    const byCard = { payer: 5n, payee: CORNER_SHOP, cardToken: "tok_1" };
    expect(pay(byCard, shopBank)).toMatchObject({ state: "declined", reasons: ["payer_blocked"] });
    const operator = { authority: 1, seesAll: true };
    expect(chain.state.query({ type: "risk" }, operator)).toMatchObject({ blocked: ["101", "5"] });
    block(ALICE, false);
    expect(pay()["state"]).toBe("captured");
    expect(chain.state.query({ type: "risk" }, operator)).toMatchObject({ blocked: ["5"] });
  });
});
