import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex, U32_MAX, U64_MAX, U128_MAX } from "../base/bytes.ts";
import { FRAME_BYTES_MAX, QUERY_RESULTS_MAX } from "../base/limits.ts";
import { accountFilterFlags } from "../ledger/filters.ts";
import { Ledger } from "../ledger/ledger.ts";
import { decodeAccounts, decodeTransfers } from "../ledger/records.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { Answers } from "./answers.ts";
import { Assets } from "./assets.ts";
import {
  ALICE,
  BANK_SETTLEMENT,
  BOB,
  CLEARING,
  CLUSTER_ID,
  CORNER_SHOP,
  EUR,
  HUB,
  type Party,
  payment,
  SCHEME_SETTLEMENT,
  SHOP_SETTLEMENT,
  type Town,
  town,
  transfers,
} from "./chain.test-support.ts";
import { Members } from "./members.ts";
import { Outbox } from "./outbox.ts";
import type { Payment } from "./payments/payment.ts";
import { Payments } from "./payments/payments.ts";
import { Postings } from "./postings.ts";
import { type decodeAnswer, encodeAnswer, type PaymentView, QueryRefusal, type StateQuery } from "./queries.ts";
import { Registry } from "./registry.ts";
import { Reversals } from "./reversals.ts";
import { Risk } from "./risk/risk.ts";
import { REASONS } from "./risk/rules.ts";
import { Sessions } from "./sessions.ts";
import { Settlement } from "./settlement/settlement.ts";

type Answer<T extends StateQuery["type"]> = ReturnType<typeof decodeAnswer<T>>;

function ask<T extends StateQuery["type"]>(it: Town, by: Party, query: StateQuery & { readonly type: T }): Answer<T> {
  const reader = it.chain.state.readerOf(by.publicKey);
  if (reader === undefined) throw new Error(`${by.name} may read nothing`);
  return it.chain.state.query(query, reader) as Answer<T>;
}

/** The town after a wallet payment, a card payment and a closed window. */
function busyTown(): Town & { readonly auditor: Party; readonly other: Party } {
  const it = town();
  const { chain, bank, shopBank, scheme } = it;
  chain.admin.must({ kind: "configureSettlement", body: { ledger: EUR, hubAccount: HUB, windowSeconds: 60 } });
  const all = [
    [bank, BANK_SETTLEMENT],
    [shopBank, SHOP_SETTLEMENT],
    [scheme, SCHEME_SETTLEMENT],
  ] as const;
  for (const [{ authority }, settlementAccount] of all) {
    chain.admin.must({ kind: "configureParticipant", body: { ledger: EUR, authority, settlementAccount } });
  }
  bank.must(payment({ id: 1n, reference: "bread" }));
  shopBank.must(payment({ id: 2n, payer: 5n, cardToken: "tok_1" }));
  bank.must(payment({ id: 3n, payee: BOB }));
  return { ...it, auditor: chain.join("auditor", "auditor"), other: chain.join("other", "participant") };
}

describe("who sees what", () => {
  test("a key that is not in the registry reads nothing", () => {
    expect(town().chain.state.readerOf(new Uint8Array(32))).toBeUndefined();
  });

  test.each<[Exclude<keyof ReturnType<typeof busyTown>, "chain">, bigint[]]>([
    ["bank", [ALICE, BOB]],
    ["shopBank", [CORNER_SHOP]],
    ["scheme", [CLEARING]],
    ["auditor", [ALICE, BOB, CORNER_SHOP, CLEARING]],
    ["other", []],
  ])("%s sees its own accounts, or all, in the order it asked", (name, seen) => {
    const it = busyTown();
    const { records } = ask(it, it[name], { type: "accounts", ids: [ALICE, 999n, BOB, CORNER_SHOP, CLEARING] });
    expect(decodeAccounts(records).map(({ id }) => id)).toEqual(seen);
  });

  test.each<[Exclude<keyof ReturnType<typeof busyTown>, "chain">, bigint[]]>([
    ["bank", [1n, 3n]],
    ["shopBank", [1n, 2n]],
    ["scheme", [2n]],
    ["auditor", [1n, 2n, 3n]],
    ["other", []],
  ])("%s sees the payments it has made, pays or is paid, or all", (name, seen) => {
    const it = busyTown();
    const one = (id: bigint): PaymentView | null => ask(it, it[name], { type: "payment", id }).payment;
    expect([1n, 2n, 3n].filter((id) => one(id) !== null)).toEqual(seen);
    const all = ask(it, it[name], { type: "payments", after: 0, limit: 10 });
    expect(all.payments.map(({ id }) => BigInt(id))).toEqual(seen);
  });

  test("transfers are seen from either side, and an account's only by its own authority", () => {
    const it = busyTown();
    const hold = BigInt(ask(it, it.auditor, { type: "payment", id: 1n }).payment?.hold ?? "0");
    const filter = { limit: 10, flags: accountFilterFlags.debits | accountFilterFlags.credits };
    const seen = (by: Party): number => decodeTransfers(ask(it, by, { type: "transfers", ids: [hold] }).records).length;
    expect([it.bank, it.shopBank, it.auditor, it.scheme, it.other].map(seen)).toEqual([1, 1, 1, 0, 0]);
    const history = (by: Party): number =>
      decodeTransfers(ask(it, by, { type: "accountTransfers", accountId: CORNER_SHOP, ...filter }).records).length;
    expect([it.shopBank, it.auditor, it.bank].map(history)).toEqual([2, 2, 0]);
  });

  test("windows are seen by all, positions in them by their own", () => {
    const it = busyTown();
    const names = (by: Party): string[] =>
      ask(it, by, { type: "settlement", ledger: EUR }).windows.flatMap(({ positions }) => positions.map((p) => p.name));
    expect([it.bank, it.shopBank, it.other, it.auditor].map(names)).toEqual([
      ["bank"],
      ["shop bank"],
      [],
      ["bank", "shop bank"],
    ]);
  });

  test("what an answer looked at is counted, also what it does not show", () => {
    const it = busyTown();
    const { state } = it.chain;
    const rowsRead = (query: StateQuery): number => {
      const before = state.rowsRead;
      ask(it, it.other, query);
      return state.rowsRead - before;
    };
    expect(rowsRead({ type: "settlement", ledger: EUR })).toBeGreaterThanOrEqual(3);
    expect(rowsRead({ type: "queryTransfers", limit: 10 })).toBeGreaterThan(1);
  });

  test("risk rules and the block list are for those who see all", () => {
    const it = busyTown();
    it.chain.admin.must({ kind: "blockPayer", body: { payer: 5n, blocked: true } });
    expect(ask(it, it.auditor, { type: "risk" }).blocked).toEqual(["5"]);
    expect(ask(it, it.bank, { type: "risk" })).toMatchObject({ rules: [], blocked: [] });
  });

  test("an authority is seen by itself and by those who see all", () => {
    const it = busyTown();
    const key = it.bank.publicKey;
    const view = {
      id: it.bank.authority,
      name: "bank",
      keys: [toHex(key)],
      delegates: [],
      threshold: 1,
      roles: ["participant"],
    };
    expect(ask(it, it.bank, { type: "authority", key }).authority).toEqual(view);
    expect(ask(it, it.auditor, { type: "authority", key }).authority).toEqual(view);
    expect(ask(it, it.other, { type: "authority", key }).authority).toBeNull();
    expect(ask(it, it.auditor, { type: "authority", key: new Uint8Array(32) }).authority).toBeNull();
  });
});

describe("what is told", () => {
  test("where the state stood", () => {
    const it = busyTown();
    const { state } = it.chain;
    const summary = ask(it, it.auditor, { type: "summary" });
    expect(summary).toMatchObject({ height: state.height, timestamp: state.timestamp.toString() });
    expect(summary.digest).toBe(toHex(state.digest));
    expect(summary).toMatchObject({ openIntents: 1, paymentsByState: { captured: 2, authorizing: 1 } });
  });

  test("no summary to who may not see everything", () => {
    const it = busyTown();
    expect(() => ask(it, it.bank, { type: "summary" })).toThrow(QueryRefusal);
  });

  test("a payment as it is", () => {
    const it = busyTown();
    expect(ask(it, it.bank, { type: "payment", id: 1n }).payment).toMatchObject({
      ...{ id: "1", state: "captured", channel: "wallet", payer: "101", payee: "201", amount: "100", ledger: EUR },
      ...{ capture: "automatic", reference: "bread", verdict: "accept", reasons: [], failure: "", window: 1 },
    });
  });

  test("an account's transfers within bounds of log time, both included", () => {
    const it = town();
    for (let i = 1n; i <= 4n; i++) {
      it.bank.must(transfers({ id: 100n + i, debitAccountId: ALICE, creditAccountId: BOB, amount: i }));
    }
    const all = { type: "accountTransfers", accountId: ALICE } as const;
    const { debits, reversed } = accountFilterFlags;
    const list = (special: object): bigint[] => {
      const filter = { limit: 10, flags: debits, ...special };
      return decodeTransfers(ask(it, it.bank, { ...all, ...filter }).records).map(({ amount }) => amount);
    };
    const times = decodeTransfers(ask(it, it.bank, { type: "transfers", ids: [102n, 103n] }).records).map(
      ({ timestamp }) => timestamp,
    );
    const [second = 0n, third = 0n] = times;
    expect(list({})).toEqual([1n, 2n, 3n, 4n]);
    expect(list({ flags: debits | reversed, limit: 2 })).toEqual([4n, 3n]);
    expect(list({ timestampMin: second, timestampMax: third })).toEqual([2n, 3n]);
    expect(list({ timestampMin: second + 1n })).toEqual([3n, 4n]);
  });
});

function answersFrom(payments: Payments): Answers {
  const ledger = new Ledger();
  const postings = new Postings(ledger, sha256);
  const own = {
    settlement: new Settlement(ledger, postings),
    assets: new Assets(ledger, postings),
    reversals: new Reversals(ledger, payments),
  };
  const registry = new Registry();
  const parts = { registry, members: new Members(registry, THREE_VOTERS), sessions: new Sessions(), risk: new Risk() };
  return new Answers({ ...parts, ...own, ledger, payments, outbox: new Outbox(sha256, CLUSTER_ID) });
}

describe("pages of payments", () => {
  const stand = { height: 1, timestamp: U64_MAX, digest: new Uint8Array(32), configuration: THREE_VOTERS };

  test("follow each other without a gap, in one state if that is asked", () => {
    const it = town();
    for (let id = 1n; id <= 7n; id++) {
      it.bank.must(payment({ id, capture: id % 2n === 0n ? "manual" : "automatic", amount: id }));
    }
    const pages = (special: object): string[][] => {
      const found: string[][] = [];
      for (let after = 0; ; ) {
        const page = ask(it, it.bank, { type: "payments", after, limit: 2, ...special });
        found.push(page.payments.map(({ id }) => id));
        if (page.next === 0) return found;
        after = page.next;
      }
    };
    expect(pages({})).toEqual([["1", "2"], ["3", "4"], ["5", "6"], ["7"]]);
    expect(pages({ state: "authorized" })).toEqual([["2", "4"], ["6"]]);
    expect(pages({ state: "expired" })).toEqual([[]]);
    expect(pages({ limit: 7 })).toEqual([["1", "2", "3", "4", "5", "6", "7"]]);
  });

  test("look at so many payments, and go on from there", () => {
    const payments = new Payments();
    for (let slot = 0; slot < 9_000; slot++) {
      payments.add({ ...LARGEST, id: BigInt(slot + 1), state: slot === 8_999 ? "review" : "declined" });
    }
    const answers = answersFrom(payments);
    const page = (after: number, state: "review" | "captured"): readonly [string[], number] => {
      const query = { type: "payments", after, limit: 10, state } as const;
      const found = answers.answer(query, { authority: 1, seesAll: true }, stand) as Answer<"payments">;
      return [found.payments.map(({ id }) => id), found.next];
    };
    expect(page(0, "review")).toEqual([[], 8_192]);
    expect(page(8_192, "review")).toEqual([["9000"], 0]);
    expect(page(8_192, "captured")).toEqual([[], 0]);
  });

  test("count the payments that they looked at", () => {
    const payments = new Payments();
    for (let slot = 0; slot < 100; slot++) payments.add({ ...LARGEST, id: BigInt(slot + 1) });
    const answers = answersFrom(payments);
    const query = { type: "payments", after: 40, limit: 10 } as const;
    answers.answer(query, { authority: 9, seesAll: false }, stand);
    expect(answers.rowsRead).toBe(60);
  });

  test("fit in a frame, however large the payments and the wish", () => {
    const payments = new Payments();
    for (let slot = 0; slot < 4_000; slot++) payments.add({ ...LARGEST, id: U128_MAX - BigInt(slot) });
    const answers = answersFrom(payments);
    const page = (after: number): Answer<"payments"> => {
      const query = { type: "payments", after, limit: QUERY_RESULTS_MAX } as const;
      return answers.answer(query, { authority: 1, seesAll: true }, stand) as Answer<"payments">;
    };
    const first = page(0);
    expect(encodeAnswer(first).length).toBeLessThan(FRAME_BYTES_MAX - 1_000);
    expect(first.next).toBe(first.payments.length);
    expect(first.payments.length + page(first.next).payments.length).toBe(4_000);
  });

  const LARGEST: Payment = {
    ...{ id: U128_MAX, state: "authorizing", channel: "wallet", payer: U128_MAX, payee: U128_MAX, amount: U64_MAX },
    ...{ ledger: U32_MAX, capture: "automatic", cardToken: "", reference: "€".repeat(64), verdict: "decline" },
    ...{ reasons: REASONS, failure: "€".repeat(64), signer: U32_MAX, payerParticipant: 1, payeeParticipant: 1 },
    ...{ hold: U128_MAX, intent: U64_MAX, networkReference: "€".repeat(64), ending: "", window: U32_MAX },
    ...{ initiatedAt: U64_MAX, createdAt: U64_MAX, updatedAt: U64_MAX, deadline: U64_MAX },
  };
});
