import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CURRENCIES } from "../../assets/iso-4217.ts";
import { PARTICIPANTS_MAX, SETTLEMENT_CURRENCIES_MAX } from "../../base/limits.ts";
import { APART_RELEASE } from "../../base/release.ts";
import { accountFilterFlags } from "../../ledger/filters.ts";
import { accountFlags, decodeAccounts, decodeTransfers } from "../../ledger/records.ts";
import {
  ALICE,
  accounts,
  BANK_SETTLEMENT,
  BOB,
  type Chain,
  EUR,
  FUNDS,
  HUB,
  type Party,
  payment,
  SCHEME_SETTLEMENT,
  SECOND,
  SHOP_SETTLEMENT,
  type Town,
  town,
  transfers,
} from "../chain.test-support.ts";
import type { StateEvent } from "../events.ts";
import type { WindowView } from "../queries.ts";
import { netPositions } from "./netting.ts";

const OPERATOR = { authority: 1, seesAll: true };
const WINDOW = 3_600n * SECOND;
const HAROLD = 202n;

function windows(chain: Chain, ledger: number = EUR): readonly WindowView[] {
  const answer = chain.state.query({ type: "settlement", ledger }, OPERATOR);
  if (answer.type !== "settlement") throw new Error("another answer than was asked for");
  return answer.windows;
}

function balance(chain: Chain, account: bigint): bigint {
  const answer = chain.state.query({ type: "accounts", ids: [account] }, OPERATOR);
  if (answer.type !== "accounts") throw new Error("another answer than was asked for");
  const [found] = decodeAccounts(answer.records);
  return found === undefined ? 0n : found.creditsPosted - found.debitsPosted;
}

function closings(chain: Chain): readonly StateEvent[] {
  return (chain.last?.events ?? []).filter(({ type }) => type === "windowClosed");
}

/** The town with settlement, and `money` in each settlement account. */
function settledTown(money = 1_000n): Town {
  const it = town();
  const { chain, bank, shopBank, scheme } = it;
  chain.admin.must({ kind: "configureSettlement", body: { ledger: EUR, hubAccount: HUB, windowSeconds: 3_600 } });
  shopBank.must(accounts({ id: HAROLD, flags: accountFlags.debitsMustNotExceedCredits }));
  const all = [
    [bank, BANK_SETTLEMENT],
    [shopBank, SHOP_SETTLEMENT],
    [scheme, SCHEME_SETTLEMENT],
  ] as const;
  const giving = [...all.map(([, account]) => account), HAROLD].map((creditAccountId, index) => {
    return { id: BigInt(10 + index), debitAccountId: FUNDS, creditAccountId, amount: money };
  });
  if (money > 0n) chain.admin.must(transfers(...giving));
  for (const [{ authority }, settlementAccount] of all) {
    chain.admin.must({ kind: "configureParticipant", body: { ledger: EUR, authority, settlementAccount } });
  }
  return it;
}

/** The card network approves whatever it is asked, until it is asked nothing. */
function approveAll(chain: Chain): void {
  for (let [open] = chain.state.openIntents(); open !== undefined; [open] = chain.state.openIntents()) {
    const { id: intent, amount } = open;
    const body = { intent, outcome: "approved", reason: "", networkReference: "ref", amount } as const;
    chain.nodes[0]?.must({ kind: "channelOutcome", body });
  }
}

const CLOSE = { kind: "closeSettlement", body: { ledger: EUR } } as const;

describe("a window", () => {
  test("runs from its first payment, closes with the first block after its end, and opens the next", () => {
    const { chain, bank } = settledTown();
    expect(chain.pass(10n * WINDOW).events).toEqual([]);
    expect(chain.state.nextDeadline()).toBeUndefined();
    bank.must(payment({ id: 1n }));
    const opened = chain.state.timestamp;
    expect(chain.state.nextDeadline()).toBe(opened + WINDOW);
    chain.pass(WINDOW - 1n);
    expect(windows(chain).map(({ state }) => state)).toEqual(["open"]);
    chain.pass(1n);
    expect(windows(chain)).toMatchObject([
      { id: 1, state: "settled", payments: 1, gross: "100", net: "100", closedAt: chain.state.timestamp.toString() },
      { id: 2, state: "open", payments: 0, gross: "0" },
    ]);
    expect(closings(chain)).toEqual([
      { type: "windowClosed", ledger: EUR, window: 1, gross: 100n, net: 100n, failed: false },
    ]);
    expect(chain.state.nextDeadline()).toBeUndefined();
  });

  test("takes the payments of its block after it was closed into the next", () => {
    const { chain, bank } = settledTown();
    bank.must(payment({ id: 1n }));
    chain.now += WINDOW + SECOND;
    bank.must(payment({ id: 2n, amount: 7n }));
    expect(windows(chain)).toMatchObject([
      { state: "settled", gross: "100" },
      { state: "open", gross: "7" },
    ]);
  });

  test("closes when an operator says so, and an empty one stays open", () => {
    const { chain, bank } = settledTown();
    expect(chain.admin.submit(CLOSE)).toEqual({ status: "ok", window: 1, state: "open", payments: 0 });
    bank.must(payment({ id: 1n }));
    expect(chain.admin.submit(CLOSE)).toEqual({ status: "ok", window: 1, state: "settled", payments: 1 });
    expect(chain.admin.submit(CLOSE)).toEqual({ status: "ok", window: 2, state: "open", payments: 0 });
  });

  test("of a currency that is not settled is not there, and payments in it are made all the same", () => {
    const { chain, bank } = town();
    expect(chain.admin.submit(CLOSE)).toEqual({ status: "not_configured" });
    bank.must(payment({ id: 1n }));
    expect(windows(chain)).toEqual([]);
    expect(chain.state.query({ type: "payment", id: 1n }, OPERATOR)).toMatchObject({ payment: { window: 0 } });
  });
});

describe("netting", () => {
  test("moves each participant's net through the hub, and leaves nothing there", () => {
    const { chain, bank, shopBank } = settledTown();
    bank.must(payment({ id: 1n, amount: 300n }));
    shopBank.must(payment({ id: 2n, payer: HAROLD, payee: BOB, amount: 40n }));
    shopBank.must(payment({ id: 3n, payer: 5n, cardToken: "tok_1", amount: 25n }));
    approveAll(chain);
    chain.admin.must(CLOSE);
    const [first] = windows(chain);
    expect(first).toMatchObject({ state: "settled", payments: 3, gross: "365", net: "285" });
    const nets = first?.positions.map(({ name, debit, credit, net }) => [name, debit, credit, net]);
    expect(nets).toEqual([
      ["bank", "300", "40", "-260"],
      ["shop bank", "40", "325", "285"],
      ["scheme", "25", "0", "-25"],
    ]);
    const left = [BANK_SETTLEMENT, SHOP_SETTLEMENT, SCHEME_SETTLEMENT, HUB].map((account) => balance(chain, account));
    expect(left).toEqual([740n, 1_285n, 975n, 0n]);
  });

  test("payers who owe each other the same settle without a transfer", () => {
    const { chain, bank, shopBank } = settledTown(100n);
    bank.must(payment({ id: 1n, amount: 50n }));
    shopBank.must(payment({ id: 2n, payer: HAROLD, payee: ALICE, amount: 50n }));
    const before = summary(chain).transfers;
    expect(chain.admin.must(CLOSE)).toMatchObject({ state: "settled" });
    expect(summary(chain).transfers).toBe(before);
    expect(windows(chain)[0]).toMatchObject({ gross: "100", net: "0" });
  });

  function summary(chain: Chain) {
    const found = chain.state.query({ type: "summary" }, OPERATOR);
    if (found.type !== "summary") throw new Error("another answer than was asked for");
    return found;
  }

  test("nets sum to zero and make whole what each has paid and got", () => {
    const sums = fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.bigInt({ min: 1n, max: 10n ** 19n })), { maxLength: 50 });
    fc.assert(
      fc.property(sums, (payments) => {
        const positions = Array.from({ length: 10 }, (_, authority) => {
          const sum = (place: 0 | 1): bigint =>
            payments.filter((each) => each[place] === authority).reduce((total, [, , amount]) => total + amount, 0n);
          return { window: 1, authority, debit: sum(0), credit: sum(1) };
        });
        const { nets, total } = netPositions(positions);
        expect(nets.reduce((sum, { amount }) => sum + amount, 0n)).toBe(0n);
        expect(nets.map(({ authority }) => authority)).toEqual(positions.map(({ authority }) => authority));
        expect(total).toBe(nets.reduce((sum, { amount }) => sum + (amount < 0n ? -amount : 0n), 0n));
      }),
    );
  });

  test("positions that do not sum to zero stop the node", () => {
    expect(() => netPositions([{ window: 1, authority: 1, debit: 1n, credit: 0n }])).toThrow("do not sum to zero");
  });
});

function poorBank(chain: Chain): Party {
  const poor = chain.join("poor bank", "participant");
  poor.must(accounts({ id: 400n }, { id: 401n, flags: accountFlags.debitsMustNotExceedCredits }));
  const body = { ledger: EUR, authority: poor.authority, settlementAccount: 401n };
  chain.admin.must({ kind: "configureParticipant", body });
  return poor;
}

describe("no liquidity", () => {
  test("fails the window as a whole; it is tried again with the next close, the oldest first", () => {
    const { chain, bank } = settledTown(0n);
    bank.must(payment({ id: 1n, amount: 300n }));
    expect(chain.admin.must(CLOSE)).toMatchObject({ window: 1, state: "failed" });
    expect(windows(chain)[0]).toMatchObject({ failure: "exceeds_credits", gross: "300", net: "300" });
    bank.must(payment({ id: 2n, amount: 50n }));
    chain.admin.must(transfers({ id: 90n, debitAccountId: FUNDS, creditAccountId: BANK_SETTLEMENT, amount: 320n }));
    expect(chain.admin.must(CLOSE)).toMatchObject({ window: 2, state: "failed" });
    expect(windows(chain).map(({ state }) => state)).toEqual(["settled", "failed", "open"]);
    expect([SHOP_SETTLEMENT, BANK_SETTLEMENT, HUB].map((account) => balance(chain, account))).toEqual([300n, 20n, 0n]);
    chain.admin.must(transfers({ id: 91n, debitAccountId: FUNDS, creditAccountId: BANK_SETTLEMENT, amount: 30n }));
    expect(chain.admin.must(CLOSE)).toMatchObject({ window: 3, state: "open" });
    expect(closings(chain)).toMatchObject([{ window: 2, failed: false }]);
    expect(windows(chain).map(({ state }) => state)).toEqual(["settled", "settled", "open"]);
    expect(balance(chain, SHOP_SETTLEMENT)).toBe(350n);
  });

  test.each([
    [APART_RELEASE, [2, 1]],
    [APART_RELEASE - 1, [1, 2]],
  ])(
    "at release %i windows are tried in the order %j: what fails again and again must not keep the new one waiting",
    (release, order) => {
      const { chain, bank } = settledTown(0n);
      chain.release = release;
      bank.must(payment({ id: 1n, amount: 300n }));
      chain.admin.must(CLOSE);
      bank.must(payment({ id: 2n, amount: 50n }));
      chain.admin.must(transfers({ id: 90n, debitAccountId: FUNDS, creditAccountId: BANK_SETTLEMENT, amount: 300n }));
      chain.admin.must(CLOSE);
      expect(closings(chain)).toMatchObject(order.map((window) => ({ window })));
      const settled = windows(chain).flatMap(({ id, state }) => (state === "settled" ? id : []));
      expect(settled).toEqual(order.slice(0, 1));
      bank.must(payment({ id: 3n, amount: 1n }));
      chain.admin.must(CLOSE);
      expect(closings(chain)).toHaveLength(2);
    },
  );

  test("that ends within one block is seen within that block", () => {
    const { chain, bank } = settledTown(0n);
    bank.must(payment({ id: 1n, amount: 300n }));
    const { admin } = chain;
    const money = transfers({ id: 90n, debitAccountId: FUNDS, creditAccountId: BANK_SETTLEMENT, amount: 300n });
    chain.block([admin.sign(CLOSE), admin.sign(money), admin.sign(CLOSE)]);
    expect(closings(chain)).toMatchObject([
      { window: 1, failed: true },
      { window: 1, failed: false },
    ]);
    expect(windows(chain)[0]).toMatchObject({ state: "settled", failure: "" });
  });

  test("of one participant holds up nobody's money half-way", () => {
    const { chain, bank } = settledTown(0n);
    const poor = poorBank(chain);
    chain.admin.must(transfers({ id: 90n, debitAccountId: FUNDS, creditAccountId: BANK_SETTLEMENT, amount: 500n }));
    bank.must(payment({ id: 1n, amount: 300n }));
    poor.must(payment({ id: 2n, payer: 400n, amount: 30n }));
    expect(chain.admin.must(CLOSE)).toMatchObject({ state: "failed" });
    expect([BANK_SETTLEMENT, SHOP_SETTLEMENT, HUB].map((account) => balance(chain, account))).toEqual([500n, 0n, 0n]);
  });
});

describe("participants", () => {
  test("a payment in a settled currency needs both banks to have a settlement account", () => {
    const { chain, shopBank } = settledTown();
    const stranger = chain.join("stranger", "participant");
    stranger.must(accounts({ id: 500n }, { id: 501n }));
    const refused = { status: "not_configured", what: "participant" };
    expect(stranger.submit(payment({ id: 1n, payer: 500n }))).toEqual(refused);
    expect(shopBank.submit(payment({ id: 2n, payer: HAROLD, payee: 500n }))).toEqual(refused);
    expect(stranger.submit(payment({ id: 3n, payer: 500n, payee: 501n }))).toMatchObject({ state: "captured" });
    expect(chain.admin.must(CLOSE)).toMatchObject({ state: "settled" });
  });

  test("none settles with the hub itself, whose window could never be settled", () => {
    const { chain } = settledTown();
    chain.release = APART_RELEASE;
    const authority = chain.admin.authority;
    const hub = { ledger: EUR, authority, settlementAccount: HUB };
    expect(chain.admin.submit({ kind: "configureParticipant", body: hub })).toMatchObject({ status: "invalid" });
    const body = { ledger: EUR, hubAccount: BANK_SETTLEMENT, windowSeconds: 3_600 };
    expect(chain.admin.submit({ kind: "configureSettlement", body })).toMatchObject({ status: "invalid" });
  });

  test("a payment made before the currency was settled waits in its window for the missing account", () => {
    const { chain, bank, shopBank } = town();
    bank.must(payment({ id: 1n, capture: "manual" }));
    chain.admin.must({ kind: "configureSettlement", body: { ledger: EUR, hubAccount: HUB, windowSeconds: 60 } });
    bank.must({ kind: "capturePayment", body: { id: 1n } });
    expect(chain.admin.must(CLOSE)).toMatchObject({ state: "failed" });
    expect(windows(chain)[0]?.failure).toBe(`no_settlement_account:${bank.authority}`);
    const named = [
      [bank, BANK_SETTLEMENT],
      [shopBank, SHOP_SETTLEMENT],
    ] as const;
    for (const [{ authority }, settlementAccount] of named) {
      chain.admin.must({ kind: "configureParticipant", body: { ledger: EUR, authority, settlementAccount } });
    }
    chain.admin.must(transfers({ id: 90n, debitAccountId: FUNDS, creditAccountId: BANK_SETTLEMENT, amount: 100n }));
    chain.admin.must(CLOSE);
    expect(windows(chain)[0]).toMatchObject({ state: "settled", failure: "" });
  });

  test("pays for cards who owned the clearing account when it was debited", () => {
    const { chain, shopBank } = settledTown();
    shopBank.must(payment({ id: 1n, payer: 5n, cardToken: "tok_1" }));
    const other = chain.join("other scheme", "participant");
    other.must(accounts({ id: 600n }, { id: 601n }));
    const participant = { ledger: EUR, authority: other.authority, settlementAccount: 601n };
    chain.admin.must({ kind: "configureParticipant", body: participant });
    chain.admin.must({ kind: "configureCard", body: { ledger: EUR, clearingAccount: 600n, holdSeconds: 60 } });
    approveAll(chain);
    chain.admin.must(CLOSE);
    const names = windows(chain)[0]?.positions.map(({ name, net }) => [name, net]);
    expect(names).toEqual([
      ["shop bank", "100"],
      ["other scheme", "-100"],
    ]);
    expect(balance(chain, SCHEME_SETTLEMENT)).toBe(1_000n);
  });

  test.each([
    ["an authority that is not there", { authority: 99 }, { status: "not_found" }],
    ["an account that is not there", { settlementAccount: 999n }, { status: "not_found" }],
    ["an account of another", { settlementAccount: SHOP_SETTLEMENT }, { status: "not_authorized" }],
    ["an account of another currency", { ledger: 840 }, { status: "invalid" }],
  ])("%s cannot settle", (_, wrong, result) => {
    const { chain, bank } = settledTown();
    const body = { ledger: EUR, authority: bank.authority, settlementAccount: BANK_SETTLEMENT, ...wrong };
    expect(chain.admin.submit({ kind: "configureParticipant", body })).toEqual(result);
  });

  test("are at most so many in a currency, and may change their accounts for ever", () => {
    const { chain, bank } = settledTown();
    for (let count = 4; count <= PARTICIPANTS_MAX + 1; count++) {
      const party = chain.join(`bank ${count}`, "participant");
      const settlementAccount = BigInt(10_000 + count);
      party.must(accounts({ id: settlementAccount }));
      const body = { ledger: EUR, authority: party.authority, settlementAccount };
      const { status } = chain.admin.submit({ kind: "configureParticipant", body });
      expect(status).toBe(count > PARTICIPANTS_MAX ? "limit_reached" : "ok");
    }
    bank.must(accounts({ id: 20_000n }));
    const body = { ledger: EUR, authority: bank.authority, settlementAccount: 20_000n };
    chain.admin.must({ kind: "configureParticipant", body });
  });
});

describe("currencies", () => {
  test("are settled each by itself", () => {
    const { chain, bank, shopBank } = settledTown();
    chain.admin.must(accounts({ id: 700n, ledger: 840 }));
    bank.must(accounts({ id: 701n, ledger: 840 }, { id: 702n, ledger: 840 }));
    shopBank.must(accounts({ id: 703n, ledger: 840 }, { id: 704n, ledger: 840 }));
    chain.admin.must({ kind: "configureSettlement", body: { ledger: 840, hubAccount: 700n, windowSeconds: 60 } });
    for (const [{ authority }, settlementAccount] of [
      [bank, 702n],
      [shopBank, 704n],
    ] as const) {
      chain.admin.must({ kind: "configureParticipant", body: { ledger: 840, authority, settlementAccount } });
    }
    bank.must(payment({ id: 1n, amount: 100n }));
    bank.must(payment({ id: 2n, payer: 701n, payee: 703n, amount: 7n, ledger: 840 }));
    chain.pass(60n * SECOND);
    expect(windows(chain, 840)).toMatchObject([{ id: 2, state: "settled", gross: "7" }, { state: "open" }]);
    expect(windows(chain, EUR)).toMatchObject([{ id: 1, state: "open", gross: "100" }]);
    expect([704n, 702n, SHOP_SETTLEMENT].map((account) => balance(chain, account))).toEqual([7n, -7n, 1_000n]);
    chain.pass(WINDOW);
    expect(windows(chain, EUR)[0]).toMatchObject({ id: 1, state: "settled" });
  });

  test.each([
    ["a hub that is not there", { hubAccount: 999n }, { status: "not_found" }],
    ["a hub of another currency", { ledger: 840 }, { status: "invalid" }],
  ])("%s cannot be a hub", (_, wrong, result) => {
    const { chain } = town();
    const body = { ledger: EUR, hubAccount: HUB, windowSeconds: 60, ...wrong };
    expect(chain.admin.submit({ kind: "configureSettlement", body })).toEqual(result);
  });

  test("are at most so many, and may be configured again", () => {
    const { chain } = town();
    const ledgers = CURRENCIES.slice(0, SETTLEMENT_CURRENCIES_MAX + 1).map(({ number }) => number);
    ledgers.forEach((ledger, place) => {
      const hubAccount = BigInt(801 + place);
      chain.admin.must(accounts({ id: hubAccount, ledger }));
      const body = { ledger, hubAccount, windowSeconds: 60 };
      const { status } = chain.admin.submit({ kind: "configureSettlement", body });
      expect(status).toBe(place < SETTLEMENT_CURRENCIES_MAX ? "ok" : "limit_reached");
    });
    const body = { ledger: ledgers[0] as number, hubAccount: 801n, windowSeconds: 120 };
    expect(chain.admin.submit({ kind: "configureSettlement", body }).status).toBe("ok");
  });
});

test("settlement transfers bear their window, and their sum is its net", () => {
  const { chain, bank } = settledTown();
  bank.must(payment({ id: 1n, amount: 300n }));
  chain.admin.must(CLOSE);
  const flags = accountFilterFlags.debits | accountFilterFlags.credits;
  const answer = chain.state.query({ type: "accountTransfers", accountId: HUB, limit: 10, flags }, OPERATOR);
  if (answer.type !== "accountTransfers") throw new Error("another answer than was asked for");
  const through = decodeTransfers(answer.records).map((t) => [
    t.debitAccountId,
    t.creditAccountId,
    t.amount,
    t.userData128,
  ]);
  expect(through).toEqual([
    [BANK_SETTLEMENT, HUB, 300n, 1n],
    [HUB, SHOP_SETTLEMENT, 300n, 1n],
  ]);
});
