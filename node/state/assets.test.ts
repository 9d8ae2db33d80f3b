import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ASSETS_MAX } from "../base/limits.ts";
import { accountFlags, decodeAccounts } from "../ledger/records.ts";
import { TransferStatus } from "../ledger/status.ts";
import type { Command } from "../wire/body.ts";
import type { CreateAssetBody, MoveSupplyBody } from "../wire/kinds.ts";
import { batchResults } from "../wire/results.ts";
import { accounts, Chain, type Party, type Result, transfers } from "./chain.test-support.ts";
import type { AssetView, QueryAnswer } from "./queries.ts";

const GOLD = 1_000;
const EVERYTHING = { authority: 1, seesAll: true };
const NO_OVERDRAFT: number = accountFlags.debitsMustNotExceedCredits;
/** The issuer's account, and two holders'. */
const VAULT = 1n;
const HOLDERS = [2n, 3n] as const;

interface Mint {
  readonly chain: Chain;
  readonly issuer: Party;
  readonly holder: Party;
}

/** An issuer and a holder, without an asset. */
function mint(): Mint {
  const chain = new Chain();
  return { chain, issuer: chain.join("issuer", "issuer", "participant"), holder: chain.join("holder", "participant") };
}

function createGold({ issuer }: Pick<Mint, "issuer">, special: Partial<CreateAssetBody> = {}): Command {
  const body = { ledger: GOLD, code: "GOLD", decimals: 6, issuer: issuer.authority, cap: 0n, ...special };
  return { kind: "createAsset", body };
}

/** An asset with the accounts of its issuer and its holders. */
function minted(cap: bigint): Mint {
  const it = mint();
  it.issuer.must(createGold(it, { cap }));
  it.issuer.must(accounts({ id: VAULT, ledger: GOLD, flags: NO_OVERDRAFT }));
  it.holder.must(accounts(...HOLDERS.map((id) => ({ id, ledger: GOLD, flags: NO_OVERDRAFT }))));
  return it;
}

function issue(special: Partial<MoveSupplyBody> & Pick<MoveSupplyBody, "id" | "amount">): Command {
  return { kind: "issueAsset", body: { ledger: GOLD, account: VAULT, ...special } };
}

function burn(special: Partial<MoveSupplyBody> & Pick<MoveSupplyBody, "id" | "amount">): Command {
  return { kind: "burnAsset", body: { ledger: GOLD, account: VAULT, ...special } };
}

function statusOf(result: Result): number | string | undefined {
  return result.status === "ok" ? batchResults(result)[0]?.status : result.status;
}

function assetsOf(
  { chain }: Pick<Mint, "chain">,
  which: { ledger?: number; code?: string } = {},
): readonly AssetView[] {
  const answer: QueryAnswer = chain.state.query({ type: "assets", ...which }, { authority: 99, seesAll: false });
  if (answer.type !== "assets") throw new Error("another answer than was asked for");
  return answer.assets;
}

function balance({ chain }: Pick<Mint, "chain">, id: bigint): bigint {
  const answer = chain.state.query({ type: "accounts", ids: [id] }, EVERYTHING);
  if (answer.type !== "accounts") throw new Error("another answer than was asked for");
  return decodeAccounts(answer.records).reduce((sum, each) => sum + each.creditsPosted - each.debitsPosted, 0n);
}

describe("accounts are opened under an asset", () => {
  test.each([
    ["a currency", 978, "ok", undefined],
    ["a metal, which has no minor unit", 959, "ok", undefined],
    ["a number that a successor took over", 532, "ok", undefined],
    ["a number that is none", 1, "asset_unknown", "ledger 1"],
    ["a withdrawn currency", 975, "asset_unknown", "ledger 975"],
    ["a number that is no asset yet", GOLD, "asset_unknown", "ledger 1000"],
    ["the highest number", 0xffff_ffff, "asset_unknown", "ledger 4294967295"],
  ])("%s", (_, ledger, status, what) => {
    const { holder } = mint();
    const result = holder.submit(accounts({ id: 7n }, { id: 8n, ledger, flags: NO_OVERDRAFT }, { id: 9n }));
    expect({ status: result.status, what: result["what"] }).toEqual({ status, what });
  });

  test("a refused batch opens none of its accounts", () => {
    const it = mint();
    it.holder.submit(accounts({ id: 7n }, { id: 8n, ledger: 1 }));
    expect(it.holder.submit(accounts({ id: 7n }))).toMatchObject({ status: "ok", count: 1 });
    expect(it.chain.state.query({ type: "accounts", ids: [7n, 8n] }, EVERYTHING)).toMatchObject({
      records: expect.objectContaining({ length: 128 }),
    });
  });

  test("ledger 0 is refused by the ledger's own rule", () => {
    const result = mint().holder.must(accounts({ id: 7n, ledger: 0 }));
    expect(batchResults(result)[0]?.status).not.toBe(TransferStatus.created);
  });

  test("an account of an asset that could be overdrawn would make units of it, and is refused", () => {
    const { issuer, holder } = minted(0n);
    for (const flags of [0, accountFlags.history, accountFlags.creditsMustNotExceedDebits]) {
      for (const party of [issuer, holder]) {
        expect(party.submit(accounts({ id: 7n, ledger: GOLD, flags }))).toEqual({ status: "invalid", what: "flags" });
      }
    }
  });
});

describe("creating", () => {
  test("an asset is there with its terms, for everybody to see, and no unit of it", () => {
    const it = minted(5_000_000n);
    expect(assetsOf(it)).toMatchObject([
      { ledger: GOLD, code: "GOLD", decimals: 6, issuer: it.issuer.authority, issuerName: "issuer", cap: "5000000" },
    ]);
    expect(assetsOf(it)).toMatchObject([{ issued: "0", burned: "0", supply: "0" }]);
    expect(assetsOf(it, { code: "GOLD" })).toEqual(assetsOf(it, { ledger: GOLD }));
    expect(assetsOf(it, { code: "EUR" })).toEqual([]);
  });

  test.each<[string, (it: Mint) => Party, (it: Mint) => Partial<CreateAssetBody>, Result]>([
    ["by a participant", (it) => it.holder, () => ({ ledger: 1_001 }), { status: "not_authorized", what: "role" }],
    [
      "by an issuer for another",
      (it) => it.chain.join("other", "issuer"),
      () => ({ ledger: 1_001, code: "SILVER" }),
      { status: "not_authorized", what: "issuer" },
    ],
    [
      "for nobody",
      (it) => it.chain.admin,
      () => ({ ledger: 1_001, code: "SILVER", issuer: 99 }),
      { status: "not_found", what: "issuer" },
    ],
    [
      "for one who is no issuer",
      (it) => it.chain.admin,
      (it) => ({ ledger: 1_001, code: "SILVER", issuer: it.holder.authority }),
      { status: "invalid", what: "issuer" },
    ],
    ["under a number that is taken", (it) => it.issuer, () => ({ code: "SILVER" }), { status: "already_exists" }],
    ["under a code that is taken", (it) => it.issuer, () => ({ ledger: 1_001 }), { status: "already_exists" }],
  ])("is refused %s", (_, who, special, expected) => {
    const it = minted(0n);
    expect(who(it).submit(createGold(it, special(it)))).toEqual(expected);
    expect(assetsOf(it)).toHaveLength(1);
  });

  test("the admin creates one for an issuer", () => {
    const it = mint();
    it.chain.admin.must(createGold(it));
    expect(statusOf(it.issuer.submit(issue({ id: 1n, amount: 1n })))).toBe(TransferStatus.creditAccountNotFound);
  });

  test("there is a limit to how many", () => {
    const it = mint();
    const create = (index: number): Command => createGold(it, { ledger: GOLD + index, code: `A${index}` });
    for (let index = 0; index < ASSETS_MAX; index += 128) {
      it.chain.block(Array.from({ length: 128 }, (_, place) => it.issuer.sign(create(index + place))));
    }
    expect(it.issuer.submit(create(ASSETS_MAX))).toEqual({ status: "limit_reached" });
    expect(assetsOf(it)).toHaveLength(ASSETS_MAX);
  });
});

describe("supply", () => {
  test("is issued into an account and burned out of it; a retried id happens once", () => {
    const it = minted(0n);
    expect(statusOf(it.issuer.submit(issue({ id: 1n, amount: 70n })))).toBe(TransferStatus.created);
    expect(statusOf(it.issuer.submit(issue({ id: 1n, amount: 70n })))).toBe(TransferStatus.exists);
    expect(statusOf(it.issuer.submit(burn({ id: 2n, amount: 20n })))).toBe(TransferStatus.created);
    expect(statusOf(it.issuer.submit(burn({ id: 3n, amount: 51n })))).toBe(TransferStatus.exceedsCredits);
    expect(assetsOf(it)).toMatchObject([{ issued: "70", burned: "20", supply: "50" }]);
    expect(balance(it, VAULT)).toBe(50n);
  });

  test("never rises above the cap, and what was burned may be issued again", () => {
    const it = minted(100n);
    expect(statusOf(it.issuer.submit(issue({ id: 1n, amount: 101n })))).toBe(TransferStatus.exceedsCredits);
    expect(statusOf(it.issuer.submit(issue({ id: 2n, amount: 100n })))).toBe(TransferStatus.created);
    expect(statusOf(it.issuer.submit(issue({ id: 3n, amount: 1n })))).toBe(TransferStatus.exceedsCredits);
    expect(statusOf(it.issuer.submit(burn({ id: 4n, amount: 30n })))).toBe(TransferStatus.created);
    expect(statusOf(it.issuer.submit(issue({ id: 5n, amount: 30n })))).toBe(TransferStatus.created);
    expect(assetsOf(it)).toMatchObject([{ issued: "130", burned: "30", supply: "100" }]);
  });

  test.each([1n, 2n ** 127n - 1n])("a cap of %d", (cap) => {
    const it = minted(cap);
    expect(statusOf(it.issuer.submit(issue({ id: 1n, amount: cap })))).toBe(TransferStatus.created);
    expect(statusOf(it.issuer.submit(issue({ id: 2n, amount: 1n })))).not.toBe(TransferStatus.created);
    expect(balance(it, VAULT)).toBe(cap);
  });

  test("nobody but its issuer moves it, and the issuer burns nobody else's", () => {
    const it = minted(0n);
    const other = it.chain.join("other", "issuer");
    it.issuer.must(issue({ id: 1n, amount: 70n, account: HOLDERS[0] }));
    expect(it.holder.submit(issue({ id: 2n, amount: 1n }))).toEqual({ status: "not_authorized", what: "role" });
    expect(other.submit(issue({ id: 2n, amount: 1n }))).toEqual({ status: "not_authorized", what: "issuer" });
    expect(other.submit(burn({ id: 2n, amount: 1n }))).toEqual({ status: "not_authorized", what: "issuer" });
    expect(it.issuer.submit(issue({ id: 2n, amount: 1n, ledger: 978 }))).toMatchObject({ status: "asset_unknown" });
    const foreign = burn({ id: 2n, amount: 1n, account: HOLDERS[0] });
    expect(statusOf(it.issuer.submit(foreign))).toBe(TransferStatus.debitAccountNotAuthorized);
  });

  test("the issuance account is the system's: what is sent there is burned, and nobody gets it out", () => {
    const it = minted(100n);
    const issuance = BigInt(assetsOf(it)[0]?.issuanceAccount ?? 0);
    it.issuer.must(issue({ id: 1n, amount: 100n, account: HOLDERS[0] }));
    const special = { ledger: GOLD, amount: 40n };
    const there = { ...special, id: 2n, debitAccountId: HOLDERS[0], creditAccountId: issuance };
    const back = { ...special, id: 3n, debitAccountId: issuance, creditAccountId: HOLDERS[0] };
    expect(statusOf(it.holder.submit(transfers(there)))).toBe(TransferStatus.created);
    for (const [index, party] of [it.holder, it.issuer, it.chain.admin].entries()) {
      const result = party.submit(transfers({ ...back, id: 3n + BigInt(index) }));
      expect(statusOf(result)).toBe(TransferStatus.debitAccountNotAuthorized);
    }
    expect(assetsOf(it)).toMatchObject([{ issued: "100", burned: "40", supply: "60" }]);
  });
});

type Step =
  | { readonly do: "issue"; readonly amount: bigint; readonly to: bigint }
  | { readonly do: "burn"; readonly amount: bigint; readonly to: bigint }
  | { readonly do: "pay"; readonly amount: bigint; readonly from: bigint; readonly to: bigint };

const amount = fc.bigInt({ min: 1n, max: 60n });
const account = fc.constantFrom(VAULT, ...HOLDERS);
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ do: fc.constant("issue" as const), amount, to: account }),
  fc.record({ do: fc.constant("burn" as const), amount, to: account }),
  fc.record({ do: fc.constant("pay" as const), amount, from: account, to: account }),
);

describe("random lives of an asset", () => {
  test("agree with a map of balances: supply is what the accounts have, never above the cap", () => {
    const cap = fc.constantFrom(0n, 100n);
    fc.assert(
      fc.property(cap, fc.array(step, { maxLength: 40 }), (limit, steps) => {
        const it = minted(limit);
        const has = new Map([VAULT, ...HOLDERS].map((id) => [id, 0n]));
        const inCirculation = (): bigint => [...has.values()].reduce((sum, each) => sum + each, 0n);
        const change = (id: bigint, by: bigint): void => void has.set(id, (has.get(id) ?? 0n) + by);
        steps.forEach((each, index) => {
          const id = BigInt(index + 1);
          if (each.do === "issue") {
            const fits = limit === 0n || inCirculation() + each.amount <= limit;
            const result = it.issuer.submit(issue({ id, amount: each.amount, account: each.to }));
            expect(statusOf(result) === TransferStatus.created).toBe(fits);
            if (fits) change(each.to, each.amount);
          } else if (each.do === "burn") {
            const fits = each.to === VAULT && (has.get(VAULT) ?? 0n) >= each.amount;
            const result = it.issuer.submit(burn({ id, amount: each.amount, account: each.to }));
            expect(statusOf(result) === TransferStatus.created).toBe(fits);
            if (fits) change(VAULT, -each.amount);
          } else {
            const fits = each.from !== each.to && (has.get(each.from) ?? 0n) >= each.amount;
            const between = { debitAccountId: each.from, creditAccountId: each.to };
            const owner = each.from === VAULT ? it.issuer : it.holder;
            const result = owner.submit(transfers({ id, ...between, amount: each.amount, ledger: GOLD }));
            expect(statusOf(result) === TransferStatus.created).toBe(fits);
            if (fits) change(each.from, -each.amount);
            if (fits) change(each.to, each.amount);
          }
          expect(BigInt(assetsOf(it)[0]?.supply ?? -1)).toBe(inCirculation());
          for (const [holder, balanceOf] of has) expect(balance(it, holder)).toBe(balanceOf);
        });
      }),
      { numRuns: 40 },
    );
  });
});
