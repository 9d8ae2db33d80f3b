import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { U64_MAX, U128_MAX, u128Bytes } from "../base/bytes.ts";
import { type Command, decodeBody, encodeBody, kindOf } from "./body.ts";
import { describeHostileBytes, refusalOf } from "./hostile.contract.ts";
import { CHANNELS, KINDS, kindName, ROLES } from "./kinds.ts";
import { pack, unpack } from "./msgpack.ts";

const u128 = fc.bigInt({ min: 0n, max: U128_MAX });
const u64 = fc.bigInt({ min: 0n, max: U64_MAX });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const ledger = fc.integer({ min: 1, max: 0xffff_ffff });
const seconds = fc.integer({ min: 1, max: 31_536_000 });
const text64 = fc.string({ maxLength: 64 });
const key = fc.uint8Array({ minLength: 32, maxLength: 32 });
const batch = fc.uint8Array({ maxLength: 300 });

/** All commands, kind by kind. */
const COMMANDS: { readonly [K in Command["kind"]]: fc.Arbitrary<Command> } = {
  sessionOpen: fc.constant({ kind: "sessionOpen" }),
  createAccounts: batch.map((bytes) => ({ kind: "createAccounts", batch: bytes })),
  createTransfers: batch.map((bytes) => ({ kind: "createTransfers", batch: bytes })),
  createAuthority: of("createAuthority", {
    name: text64,
    keys: fc.array(key, { maxLength: 16 }),
    threshold: fc.integer({ min: 1, max: 16 }),
    roles: fc.subarray([...ROLES]),
  }),
  configureSettlement: of("configureSettlement", { ledger, hubAccount: u128, windowSeconds: seconds }),
  configureParticipant: of("configureParticipant", { authority: u32, ledger, settlementAccount: u128 }),
  configureCard: of("configureCard", { ledger, clearingAccount: u128, holdSeconds: seconds }),
  configureRisk: of("configureRisk", {
    ...{ ledger, reviewAmount: u128, declineAmount: u128, velocityWindowSeconds: seconds },
    ...{ velocityReviewCount: u32, velocityDeclineCount: u32, velocityDeclineAmount: u128 },
  }),
  blockPayer: of("blockPayer", { payer: u128, blocked: fc.boolean() }),
  replaceKeys: of("replaceKeys", {
    authority: u32,
    keys: fc.array(key, { maxLength: 16 }),
    threshold: fc.integer({ min: 1, max: 16 }),
  }),
  freezeAccount: of("freezeAccount", { account: u128, frozen: fc.boolean() }),
  grantDelegate: of("grantDelegate", { key, ledger, account: u128, dailyLimit: u128, expiresAt: u64 }),
  revokeDelegate: of("revokeDelegate", { key }),
  createPayment: of(
    "createPayment",
    {
      ...{ id: u128, payer: u128, payee: u128, amount: u128, ledger },
      capture: fc.constantFrom("automatic", "manual"),
      channel: fc.constantFrom(...CHANNELS),
      ...{ cardToken: text64, reference: text64, initiatedAt: u64 },
    },
    ["id", "payer", "payee", "amount", "ledger", "capture"],
  ),
  reviewPayment: of("reviewPayment", { id: u128, decision: fc.constantFrom("approve", "reject") }),
  capturePayment: of("capturePayment", { id: u128 }),
  voidPayment: of("voidPayment", { id: u128 }),
  channelOutcome: of("channelOutcome", {
    ...{ intent: u64, outcome: fc.constantFrom("approved", "declined") },
    ...{ reason: text64, networkReference: text64, amount: u128 },
  }),
  closeSettlement: of("closeSettlement", { ledger }),
  createAsset: of("createAsset", {
    ...{ ledger, code: fc.string({ maxLength: 12 }), decimals: fc.integer({ min: 0, max: 18 }) },
    ...{ issuer: u32, cap: u128 },
  }),
  issueAsset: of("issueAsset", { id: u128, ledger, account: u128, amount: u128 }),
  burnAsset: of("burnAsset", { id: u128, ledger, account: u128, amount: u128 }),
  reverseTransfer: of("reverseTransfer", { id: u128, transfer: u128, amount: u128 }),
  changeMembers: of(
    "changeMembers",
    {
      add: fc.array(
        fc.record(
          {
            ...{ publicKey: fc.uint8Array({ minLength: 32, maxLength: 32 }), host: fc.string({ maxLength: 60 }) },
            ...{ port: fc.integer({ min: 1, max: 65_535 }), voter: fc.boolean() },
          },
          { noNullPrototype: true },
        ),
        { maxLength: 9 },
      ),
      remove: fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 9 }),
      promote: fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 9 }),
      demote: fc.array(fc.integer({ min: 1, max: 255 }), { maxLength: 9 }),
    },
    ["add", "remove", "promote"],
  ),
};

function of(
  kind: Command["kind"],
  fields: Readonly<Record<string, fc.Arbitrary<unknown>>>,
  required: readonly string[] = Object.keys(fields),
): fc.Arbitrary<Command> {
  return fc
    .record(fields, { requiredKeys: [...required], noNullPrototype: true })
    .map((body) => ({ kind, body }) as Command);
}

const kinds = Object.keys(COMMANDS) as Command["kind"][];
const isRich = (kind: Command["kind"]): boolean => !["createAccounts", "createTransfers", "sessionOpen"].includes(kind);
const example = (kind: Command["kind"]): Command => fc.sample(COMMANDS[kind], { numRuns: 1, seed: 7 })[0] as Command;

describe("kinds", () => {
  test("their numbers never change, and none is given twice", () => {
    expect(KINDS).toEqual({
      ...{ sessionOpen: 1, createAccounts: 2, createTransfers: 3 },
      ...{
        createAuthority: 10,
        configureSettlement: 11,
        configureParticipant: 12,
        configureCard: 13,
        configureRisk: 14,
      },
      ...{ blockPayer: 15, replaceKeys: 16, freezeAccount: 17, grantDelegate: 18, revokeDelegate: 19 },
      ...{ createPayment: 20, reviewPayment: 21, capturePayment: 22, voidPayment: 23 },
      ...{ channelOutcome: 30, closeSettlement: 40 },
      ...{ createAsset: 50, issueAsset: 51, burnAsset: 52, reverseTransfer: 53, changeMembers: 60 },
    });
    expect(new Set(Object.values(KINDS)).size).toBe(Object.keys(KINDS).length);
    for (const [name, number] of Object.entries(KINDS)) expect(kindName(number)).toBe(name);
    expect(kindName(0)).toBeUndefined();
  });

  test("a number that is no kind is refused", () => {
    const known = new Set<number>(Object.values(KINDS));
    for (let number = 0; number < 300; number++) {
      const refusal = refusalOf((body) => decodeBody(number, body), pack({}));
      expect(refusal === "unknown_kind").toBe(!known.has(number));
    }
  });
});

test.each(kinds)("a body of %s comes back, whatever is in it", (kind) => {
  fc.assert(
    fc.property(COMMANDS[kind], (command) => {
      expect(decodeBody(kindOf(command), encodeBody(command))).toEqual(command);
    }),
    { numRuns: 50 },
  );
});

describe.each(kinds.filter(isRich))("body of %s", (kind) => {
  test("an unknown key, a missing one and a wrong type are refused, whichever it is", () => {
    const number = KINDS[kind];
    const decode = (fields: Readonly<Record<string, unknown>>): string | undefined =>
      refusalOf((body) => decodeBody(number, body), pack(fields));
    const fields = unpack(encodeBody(example(kind))) as Readonly<Record<string, unknown>>;
    const required = Object.keys(fields).filter(
      (name) => !["channel", "cardToken", "reference", "initiatedAt", "demote"].includes(name),
    );
    expect(decode(fields)).toBeUndefined();
    expect(decode({ ...fields, idd: 1 })).toBe("malformed_body");
    for (const name of required) {
      const { [name]: _dropped, ...rest } = fields;
      expect([name, decode(rest)]).toEqual([name, "malformed_body"]);
    }
    for (const name of Object.keys(fields)) {
      for (const wrong of [null, [[]], { a: 1 }, -1, new Uint8Array(5)]) {
        expect([name, wrong, decode({ ...fields, [name]: wrong })]).toEqual([name, wrong, "malformed_body"]);
      }
    }
  });
});

test("what is no map is no body", () => {
  for (const kind of kinds.filter(isRich)) {
    for (const value of [null, 1, "text", [], [1], new Uint8Array(16)]) {
      expect(refusalOf((body) => decodeBody(KINDS[kind], body), pack(value))).toBe("malformed_body");
    }
  }
  expect(refusalOf((body) => decodeBody(KINDS.sessionOpen, body), pack({ a: 1 }))).toBe("malformed_body");
});

test("a field that is left out is not sent; one that is undefined neither", () => {
  const { id, payer, payee, amount } = { id: 1n, payer: 2n, payee: 3n, amount: 4n };
  const body = { id, payer, payee, amount, ledger: 978, capture: "automatic", cardToken: undefined } as const;
  const command = { kind: "createPayment", body } as unknown as Command;
  expect(unpack(encodeBody(command))).toEqual({
    ...{ id: u128Bytes(id), payer: u128Bytes(payer), payee: u128Bytes(payee), amount: u128Bytes(amount) },
    ...{ ledger: 978, capture: "automatic" },
  });
});

for (const kind of kinds.filter(isRich)) {
  describeHostileBytes(`body of ${kind}`, {
    valid: [encodeBody(example(kind))],
    decode: (bytes) => decodeBody(KINDS[kind], bytes),
    encode: encodeBody,
    codes: ["malformed_msgpack", "malformed_body"],
  });
}
