import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { utf8 } from "../base/bytes.ts";
import { DELEGATIONS_MAX } from "../base/limits.ts";
import { transferFlags } from "../ledger/records.ts";
import { TransferStatus } from "../ledger/status.ts";
import type { Command } from "../wire/body.ts";
import { leafHash } from "../wire/merkle.ts";
import { batchResults } from "../wire/results.ts";
import { decodeTransaction } from "../wire/transaction.ts";
import { admit } from "./admit.ts";
import {
  ALICE,
  accounts,
  BANK_SETTLEMENT,
  BOB,
  type Chain,
  CORNER_SHOP,
  EUR,
  HUB,
  Party,
  payment,
  type Result,
  resultsOf,
  SECOND,
  SHOP_SETTLEMENT,
  type Town,
  town,
  transfers,
} from "./chain.test-support.ts";

const DAY = 86_400n * SECOND;
const FIRM = 501n;
const CASH = 502n;

interface Firm extends Town {
  /** Two of the three sign for the firm. */
  readonly keys: readonly [Party, Party, Party];
  readonly authority: number;
}

/** The town, and a firm of which two of three keys sign. */
function firm(): Firm {
  const all = town();
  const { chain } = all;
  const keys: [Party, Party, Party] = [party(chain, "ann"), party(chain, "ben"), party(chain, "cem")];
  const body = { name: "firm", keys: keys.map((key) => key.publicKey), threshold: 2, roles: ["participant"] as const };
  const authority = Number(chain.admin.must({ kind: "createAuthority", body })["id"]);
  for (const key of keys) key.must({ kind: "sessionOpen" });
  expect(chain.submit(keys[1].cosign(keys[0].sign(accounts({ id: FIRM }, { id: CASH })))).status).toBe("ok");
  return { ...all, keys, authority };
}

function party(chain: Chain, name: string): Party {
  return new Party(chain, name, 0);
}

let lastId = 10_000n;
function move(from: bigint, to: bigint, amount: bigint, flags = 0): Command {
  lastId += 1n;
  return transfers({ id: lastId, debitAccountId: from, creditAccountId: to, amount, flags });
}

function hashOf(transaction: Uint8Array): Uint8Array {
  return leafHash(sha256, transaction);
}

function status(result: Result, index = 0): number | string | undefined {
  return result.status === "ok" ? batchResults(result)[index]?.status : result.status;
}

function debited({ chain }: Town, id: bigint): bigint {
  const answer = chain.state.query({ type: "accounts", ids: [id] }, { authority: 1, seesAll: true });
  if (answer.type !== "accounts") throw new Error("another answer than was asked for");
  return new DataView(answer.records.buffer, answer.records.byteOffset).getBigUint64(32, true);
}

describe("several signatures", () => {
  test("fewer than the threshold do nothing and leave the number free; so many, or more, execute", () => {
    const it = firm();
    const { chain } = it;
    const [ann, ben, cem] = it.keys;
    const two = ann.sign(move(FIRM, CASH, 1n));
    expect(chain.submit(two)).toEqual({ status: "threshold_not_met" });
    expect(chain.state.admission(decodeTransaction(two), hashOf(two), chain.now)).toBe("threshold_not_met");
    expect(status(chain.submit(cem.cosign(two)))).toBe(TransferStatus.created);
    expect(status(chain.submit(ann.cosign(ben.cosign(cem.sign(move(FIRM, CASH, 1n))))))).toBe(TransferStatus.created);
    expect(debited(it, FIRM)).toBe(2n);
  });

  test("whoever has co-signed it, it is the same transaction: executed once, and always answered the same", () => {
    const it = firm();
    const { chain } = it;
    const [ann, ben, cem] = it.keys;
    const signed = ann.sign(move(FIRM, CASH, 1n));
    const first = chain.submit(ben.cosign(signed));
    const again = [cem.cosign(signed), cem.cosign(ben.cosign(signed)), signed, ben.cosign(signed)];
    for (const other of again) {
      expect(chain.submit(other)).toEqual(first);
      expect(chain.last?.duplicates).toEqual([true]);
      expect(chain.state.admission(decodeTransaction(other), hashOf(other), chain.now)).toBeUndefined();
    }
    const another = ben.cosign(ann.sign(move(FIRM, CASH, 1n), { sequence: decodeTransaction(signed).sequence }));
    expect(chain.submit(another)).toEqual({ status: "sequence_reused" });
    expect(debited(it, FIRM)).toBe(1n);
  });

  test("also in one block", () => {
    const it = firm();
    const [ann, ben, cem] = it.keys;
    const signed = ann.sign(move(FIRM, CASH, 1n));
    const block = it.chain.block([signed, ben.cosign(signed), cem.cosign(signed), signed]);
    expect(block.duplicates).toEqual([false, false, true, true]);
    expect(debited(it, FIRM)).toBe(1n);
  });

  test("a signature that is not of the authority's refuses the whole, and takes nothing from it", () => {
    const it = firm();
    const { chain, bank } = it;
    const [ann, ben] = it.keys;
    const signed = ben.cosign(ann.sign(move(FIRM, CASH, 1n)));
    for (const other of [bank, chain.admin, party(chain, "stranger")]) {
      expect(chain.submit(other.cosign(signed))).toEqual({ status: "unknown_cosigner" });
    }
    expect(chain.submit(ann.cosign(bank.sign(move(FIRM, CASH, 1n))))).toEqual({ status: "unknown_cosigner" });
    expect(status(chain.submit(signed))).toBe(TransferStatus.created);
  });

  test("more than one may sign where one is enough", () => {
    const { chain, bank } = town();
    const second = party(chain, "second");
    const keys = [bank.publicKey, second.publicKey];
    bank.must({ kind: "replaceKeys", body: { authority: bank.authority, keys, threshold: 1 } });
    const signed = second.cosign(bank.sign(move(ALICE, BOB, 1n)));
    expect(status(chain.submit(signed))).toBe(TransferStatus.created);
  });
});

/** Keys that nobody has yet. */
function next({ chain }: Firm, ...names: readonly string[]): Party[] {
  return names.map((name) => party(chain, name));
}

function rotation({ authority }: Firm, parties: readonly Party[], threshold: number): Command {
  const keys = parties.map(({ publicKey }) => publicKey);
  return { kind: "replaceKeys", body: { authority, keys, threshold } };
}

describe("replaced keys", () => {
  test("hold at once: for what follows in the block, and in sessions that are open", () => {
    const it = firm();
    const { chain } = it;
    const [ann, ben, cem] = it.keys;
    const [dan] = next(it, "dan") as [Party];
    const before = ben.cosign(ann.sign(move(FIRM, CASH, 1n)));
    const rotate = ben.cosign(ann.sign(rotation(it, [ann, dan], 2)));
    const late = [ann.cosign(ben.sign(move(FIRM, CASH, 1n))), cem.cosign(ann.sign(move(FIRM, CASH, 1n)))];
    const still = dan.cosign(ann.sign(move(FIRM, CASH, 1n)));
    const results = resultsOf(chain.block([before, rotate, ...late, still]));
    expect(results.map((result) => result.status)).toEqual(["ok", "ok", "unknown_key", "unknown_cosigner", "ok"]);
    expect(debited(it, FIRM)).toBe(2n);
    // What was executed before is answered still, also to those who may sign no more.
    expect(status(chain.submit(before))).toBe(TransferStatus.created);
    expect(chain.submit(rotate)).toMatchObject({ status: "ok", id: it.authority });
    expect(chain.last?.duplicates).toEqual([true]);
    expect(ben.submit({ kind: "sessionOpen" })).toEqual({ status: "unknown_key" });
    expect(chain.state.readerOf(ben.publicKey)).toBeUndefined();
  });

  test("a revoked key comes back nowhere", () => {
    const it = firm();
    const { chain, bank } = it;
    const [ann, ben, cem] = it.keys;
    expect(chain.submit(ben.cosign(ann.sign(rotation(it, [ann, ben], 1)))).status).toBe("ok");
    const { publicKey: key } = cem;
    const taken = { status: "already_exists", what: "key" };
    expect(ann.submit(rotation(it, [ann, cem], 1))).toEqual(taken);
    expect(
      bank.submit({ kind: "replaceKeys", body: { authority: bank.authority, keys: [key], threshold: 1 } }),
    ).toEqual(taken);
    const grant = { key, ledger: EUR, account: 0n, dailyLimit: 1n, expiresAt: 2n ** 40n };
    expect(bank.submit({ kind: "grantDelegate", body: grant })).toEqual(taken);
    const body = { name: "x", keys: [key], threshold: 1, roles: [] };
    expect(chain.admin.submit({ kind: "createAuthority", body })).toEqual({ status: "already_exists" });
    expect(ann.submit(rotation(it, [ann, bank], 1))).toEqual(taken);
  });

  test("are for the authority itself and for admins; those of nodes stand in the genesis", () => {
    const it = firm();
    const { chain, bank } = it;
    const [ann, ben] = it.keys;
    const fresh = next(it, "dan");
    expect(bank.submit(rotation(it, fresh, 1))).toEqual({ status: "not_authorized", what: "authority" });
    expect(ann.submit(rotation(it, fresh, 1))).toEqual({ status: "threshold_not_met" });
    expect(chain.admin.submit(rotation({ ...it, authority: 99 }, fresh, 1))).toEqual({
      ...{ status: "not_found", what: "authority" },
    });
    for (const [index, node] of chain.nodes.entries()) {
      const own = rotation({ ...it, authority: index + 2 }, fresh, 1);
      for (const signer of [node, chain.admin]) expect(signer.submit(own)).toEqual({ status: "invalid", what: "node" });
    }
    expect(chain.admin.submit(rotation(it, fresh, 1)).status).toBe("ok");
    expect(chain.submit(ben.cosign(ann.sign(move(FIRM, CASH, 1n))))).toEqual({ status: "unknown_key" });
    expect(chain.admin.submit(rotation({ ...it, authority: 1 }, next(it, "new admin"), 1)).status).toBe("ok");
    expect(chain.admin.submit(move(HUB, ALICE, 1n))).toEqual({ status: "unknown_key" });
  });

  test.each<readonly [string, readonly number[], number]>([
    ["no key", [], 1],
    ["a key twice", [1, 1], 1],
    ["a threshold above the keys", [1, 2], 3],
  ])("%s is refused before the log", (_, names, threshold) => {
    const { bank } = town();
    const keys = names.map((name) => new Uint8Array(32).fill(name));
    const encoded = bank.sign({ kind: "replaceKeys", body: { authority: bank.authority, keys, threshold } });
    expect(() => admit(encoded)).toThrow(expect.objectContaining({ code: "invalid_command" }));
  });
});

function freeze(account: bigint, frozen: boolean): Command {
  return { kind: "freezeAccount", body: { account, frozen } };
}

/** The town, where the two banks settle with each other. */
function settled(): Town {
  const it = town();
  it.chain.admin.must({
    ...{ kind: "configureSettlement", body: { ledger: EUR, hubAccount: HUB, windowSeconds: 60 } },
  });
  for (const [{ authority }, settlementAccount] of [
    [it.bank, BANK_SETTLEMENT],
    [it.shopBank, SHOP_SETTLEMENT],
  ] as const) {
    it.chain.admin.must({ kind: "configureParticipant", body: { authority, ledger: EUR, settlementAccount } });
  }
  return it;
}

describe("a frozen account", () => {
  test("is not debited until it is thawed, and there must be such an account", () => {
    const { chain, bank } = town();
    expect(chain.admin.submit(freeze(ALICE, true))).toEqual({ status: "ok" });
    expect(chain.admin.submit(freeze(ALICE, true))).toEqual({ status: "ok" });
    expect(status(bank.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.debitAccountFrozen);
    expect(status(bank.submit(move(BOB, ALICE, 1n)))).toBe(TransferStatus.created);
    chain.admin.must(freeze(ALICE, false));
    expect(status(bank.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.created);
    expect(chain.admin.submit(freeze(999n, true))).toEqual({ status: "not_found" });
  });

  test("makes another state digest in the very block", () => {
    const [frozen, not] = [town(), town()];
    frozen.chain.admin.must(freeze(ALICE, true));
    not.chain.admin.must(freeze(ALICE, false));
    expect(frozen.chain.last?.effectsHash).not.toEqual(not.chain.last?.effectsHash);
  });

  test("pays nothing by wallet, and what it had promised is taken back instead of captured", () => {
    const { chain, bank } = settled();
    expect(bank.must(payment({ id: 1n, capture: "manual" }))).toMatchObject({ state: "authorized" });
    expect(bank.must(payment({ id: 2n, capture: "manual" }))).toMatchObject({ state: "authorized" });
    chain.admin.must(freeze(ALICE, true));
    const failed = { state: "failed", failure: "debit_account_frozen" };
    expect(bank.must(payment({ id: 3n }))).toMatchObject(failed);
    expect(bank.must({ kind: "capturePayment", body: { id: 1n } })).toMatchObject(failed);
    expect(bank.must({ kind: "voidPayment", body: { id: 2n } })).toMatchObject({ state: "voided" });
    chain.admin.must(freeze(ALICE, false));
    expect(bank.must(payment({ id: 4n }))).toMatchObject({ state: "captured" });
  });

  test("is paid still, and holds up the settlement of a window that it must pay for", () => {
    const { chain, bank } = settled();
    chain.admin.must(transfers({ id: 9n, debitAccountId: HUB, creditAccountId: BANK_SETTLEMENT, amount: 500n }));
    chain.admin.must(freeze(CORNER_SHOP, true));
    expect(bank.must(payment({ id: 1n }))).toMatchObject({ state: "captured" });
    chain.admin.must(freeze(BANK_SETTLEMENT, true));
    const close: Command = { kind: "closeSettlement", body: { ledger: EUR } };
    expect(chain.admin.must(close)).toMatchObject({ state: "failed" });
    chain.admin.must(freeze(BANK_SETTLEMENT, false));
    chain.admin.must(close);
    const answer = chain.state.query({ type: "settlement", ledger: EUR }, { authority: 1, seesAll: true });
    expect(answer).toMatchObject({ windows: [{ id: 1, state: "settled" }, { id: 2 }] });
  });
});

describe("a delegate", () => {
  const EXPIRES = 30n;

  function withDelegate(limit: { account?: bigint; dailyLimit?: bigint } = {}): Town & { readonly del: Party } {
    const it = town();
    const del = party(it.chain, "delegate");
    it.bank.must(grant(it.chain, del, limit));
    del.must({ kind: "sessionOpen" });
    return { ...it, del };
  }

  function grant(
    chain: Chain,
    to: Party,
    limit: { account?: bigint; dailyLimit?: bigint; ledger?: number } = {},
  ): Command {
    const expiresAt = (chain.now + EXPIRES * DAY) / SECOND;
    const terms = { ledger: EUR, account: 0n, dailyLimit: 100n, ...limit };
    return { kind: "grantDelegate", body: { key: to.publicKey, ...terms, expiresAt } };
  }

  /** The next midnight, UTC. */
  function midnight({ now }: Chain): bigint {
    return (now / DAY + 1n) * DAY;
  }

  test("debits up to its limit a day, and the next day again", () => {
    const it = withDelegate();
    const { chain, del } = it;
    expect(status(del.submit(move(ALICE, BOB, 60n)))).toBe(TransferStatus.created);
    expect(status(del.submit(move(BOB, ALICE, 41n)))).toBe(TransferStatus.exceedsDelegatedLimit);
    expect(status(del.submit(move(BOB, ALICE, 40n, transferFlags.pending)))).toBe(TransferStatus.created);
    chain.now = midnight(chain) - SECOND;
    expect(status(del.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.exceedsDelegatedLimit);
    chain.now = midnight(chain);
    expect(status(del.submit(move(ALICE, BOB, 100n)))).toBe(TransferStatus.created);
    expect(status(del.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.exceedsDelegatedLimit);
    expect(debited(it, ALICE)).toBe(160n);
  });

  test("a retry is answered and counts once; so does what failed, not at all", () => {
    const { chain, del } = withDelegate();
    const once = del.sign(move(ALICE, BOB, 60n));
    chain.block([once, once]);
    expect(chain.submit(once).status).toBe("ok");
    expect(status(del.submit(move(ALICE, 999n, 40n)))).toBe(TransferStatus.creditAccountNotFound);
    expect(status(del.submit(move(ALICE, BOB, 40n)))).toBe(TransferStatus.created);
  });

  test("does nothing else, reads nothing, and needs nobody's signature but its own", () => {
    const { chain, bank, del } = withDelegate();
    const refused = { status: "not_authorized", what: "delegate" };
    const body = { authority: bank.authority, keys: [del.publicKey], threshold: 1 };
    for (const command of [
      accounts({ id: 990n }),
      payment({ id: 990n }),
      { kind: "replaceKeys", body },
      grant(chain, party(chain, "another")),
      { kind: "revokeDelegate", body: { key: del.publicKey } },
    ] as const) {
      expect(del.submit(command)).toEqual(refused);
    }
    expect(chain.state.readerOf(del.publicKey)).toBeUndefined();
    expect(chain.submit(bank.cosign(del.sign(move(ALICE, BOB, 1n))))).toEqual({ status: "unknown_cosigner" });
    expect(chain.submit(del.cosign(bank.sign(move(ALICE, BOB, 1n))))).toEqual({ status: "unknown_cosigner" });
  });

  test("of an authority with a threshold signs alone, and goes on when its keys are replaced", () => {
    const it = firm();
    const { chain } = it;
    const [ann, ben] = it.keys;
    const del = party(chain, "delegate");
    expect(chain.submit(ben.cosign(ann.sign(grant(chain, del, { account: FIRM })))).status).toBe("ok");
    del.must({ kind: "sessionOpen" });
    expect(status(del.submit(move(CASH, FIRM, 1n)))).toBe(TransferStatus.debitAccountNotAuthorized);
    const keys = [party(chain, "dan").publicKey];
    chain.admin.must({ kind: "replaceKeys", body: { authority: it.authority, keys, threshold: 1 } });
    expect(status(del.submit(move(FIRM, CASH, 1n)))).toBe(TransferStatus.created);
  });

  test("ends with its time, and with its revocation for good", () => {
    const { chain, bank, shopBank, del } = withDelegate();
    chain.now += EXPIRES * DAY - SECOND;
    expect(status(del.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.created);
    chain.now += SECOND;
    expect(status(del.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.debitAccountNotAuthorized);
    bank.must(grant(chain, del));
    expect(status(del.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.created);
    const revoke: Command = { kind: "revokeDelegate", body: { key: del.publicKey } };
    expect(shopBank.submit(revoke)).toEqual({ status: "not_authorized", what: "delegate" });
    bank.must(revoke);
    expect(del.submit(move(ALICE, BOB, 1n))).toEqual({ status: "unknown_key" });
    expect(bank.submit(revoke)).toEqual({ status: "not_found", what: "delegate" });
    expect(bank.submit(grant(chain, del))).toEqual({ status: "already_exists", what: "key" });
  });

  test("an admin may revoke it", () => {
    const { chain, del } = withDelegate();
    chain.admin.must({ kind: "revokeDelegate", body: { key: del.publicKey } });
    expect(del.submit(move(ALICE, BOB, 1n))).toEqual({ status: "unknown_key" });
  });

  test("other terms hold at once, and what was spent today stays spent", () => {
    const { chain, bank, del } = withDelegate();
    del.must(move(ALICE, BOB, 60n));
    bank.must(grant(chain, del, { dailyLimit: 50n }));
    expect(status(del.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.exceedsDelegatedLimit);
    bank.must(grant(chain, del, { dailyLimit: 61n, account: BOB }));
    expect(status(del.submit(move(ALICE, BOB, 1n)))).toBe(TransferStatus.debitAccountNotAuthorized);
    expect(status(del.submit(move(BOB, ALICE, 1n)))).toBe(TransferStatus.created);
    const { publicKey: key } = bank;
    expect(chain.state.query({ type: "authority", key }, { authority: 1, seesAll: true })).toMatchObject({
      authority: { delegates: [{ account: BOB.toString(), dailyLimit: "61", spentToday: "61" }] },
    });
  });

  test("has a limit of its own in each ledger", () => {
    const { chain, bank, del } = withDelegate();
    bank.must(accounts({ id: 601n, ledger: 840 }, { id: 602n, ledger: 840 }));
    const dollars = transfers({ id: 1n << 90n, debitAccountId: 601n, creditAccountId: 602n, amount: 7n, ledger: 840 });
    expect(status(del.submit(dollars))).toBe(TransferStatus.debitAccountNotAuthorized);
    bank.must(grant(chain, del, { ledger: 840, dailyLimit: 7n }));
    del.must(move(ALICE, BOB, 100n));
    expect(status(del.submit(dollars))).toBe(TransferStatus.created);
  });

  test.each<readonly [string, (it: Town) => Command, object]>([
    [
      "over an account of another's",
      (it) => grant(it.chain, party(it.chain, "d"), { account: CORNER_SHOP }),
      { status: "not_authorized", what: "account" },
    ],
    [
      "over no account",
      (it) => grant(it.chain, party(it.chain, "d"), { account: 999n }),
      { status: "not_found", what: "account" },
    ],
    [
      "in another ledger than the account's",
      (it) => grant(it.chain, party(it.chain, "d"), { account: ALICE, ledger: 840 }),
      { status: "invalid", what: "ledger" },
    ],
    ["to a key of its own", (it) => grant(it.chain, it.bank), { status: "already_exists", what: "key" }],
    ["to a key of another's", (it) => grant(it.chain, it.shopBank), { status: "already_exists", what: "key" }],
  ])("is not made %s", (_, command, refusal) => {
    const it = town();
    expect(it.bank.submit(command(it))).toEqual(refusal);
  });

  test("is not made of another's delegate, nor with an end in the past, nor too often", () => {
    const { chain, bank, shopBank, del } = withDelegate();
    expect(shopBank.submit(grant(chain, del))).toEqual({ status: "already_exists", what: "key" });
    const body = { key: del.publicKey, ledger: EUR, account: 0n, dailyLimit: 1n, expiresAt: chain.now / SECOND };
    expect(bank.submit({ kind: "grantDelegate", body })).toEqual({ status: "invalid", what: "expiresAt" });
    const grants = Array.from({ length: DELEGATIONS_MAX - 1 }, (_, index) => {
      const key = sha256(utf8(`delegate ${index}`));
      return bank.sign({ kind: "grantDelegate", body: { ...body, key, expiresAt: body.expiresAt + 86_400n } });
    });
    chain.block(grants);
    expect(bank.submit(grant(chain, party(chain, "one more")))).toEqual({
      status: "limit_reached",
      what: "delegations",
    });
    bank.must({ kind: "revokeDelegate", body: { key: del.publicKey } });
    bank.must(grant(chain, party(chain, "one more")));
  });
});
