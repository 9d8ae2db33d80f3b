import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { U64_MAX, U128_MAX } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { FRAME_BYTES_MAX, NODE_ID_MAX, QUERY_RESULTS_MAX } from "../base/limits.ts";
import { pack } from "../wire/msgpack.ts";
import { Chain } from "./chain.test-support.ts";
import { PAYMENT_STATES } from "./payments/payment.ts";
import {
  decodeAnswer,
  decodeQuery,
  encodeAnswer,
  encodeQuery,
  isChainQuery,
  type Query,
  type QueryAnswer,
} from "./queries.ts";

const id = fc.bigInt({ min: 0n, max: U128_MAX });
const time = fc.bigInt({ min: 0n, max: U64_MAX });
const limit = fc.integer({ min: 1, max: QUERY_RESULTS_MAX });
const ids = fc.array(id, { maxLength: 20 });
const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
const range = { timestampMin: time, timestampMax: time };
const data = { ...range, userData128: id, userData64: time, userData32: u32, code: fc.nat(0xffff) };
const query: fc.Arbitrary<Query> = fc.oneof(
  fc.record({ type: fc.constant("accounts" as const), ids }),
  fc.record({ type: fc.constant("transfers" as const), ids }),
  fc.record(
    {
      ...{ type: fc.constantFrom("accountTransfers", "accountBalances"), accountId: id, limit },
      ...data,
      flags: fc.nat(7),
    },
    { requiredKeys: ["type", "accountId", "limit", "flags"] },
  ),
  fc.record(
    { type: fc.constantFrom("queryAccounts", "queryTransfers"), limit, ...data, ledger: u32, flags: fc.nat(1) },
    { requiredKeys: ["type", "limit"] },
  ),
  fc.record(
    { type: fc.constant("changeEvents" as const), limit, ...range, cursor: time },
    { requiredKeys: ["type", "limit"] },
  ),
  fc.record({ type: fc.constant("payment" as const), id }),
  fc.record({ type: fc.constant("payments" as const), after: fc.nat(), limit }),
  fc.record({
    ...{ type: fc.constant("payments" as const), after: fc.nat(), limit },
    state: fc.constantFrom(...PAYMENT_STATES),
  }),
  fc.record({ type: fc.constant("settlement" as const), ledger: fc.integer({ min: 1, max: 0xffff_ffff }) }),
  fc.record({ type: fc.constant("authority" as const), key: fc.uint8Array({ minLength: 32, maxLength: 32 }) }),
  fc.constantFrom<Query>({ type: "risk" }, { type: "summary" }, { type: "checkpoint" }),
  fc.record({ type: fc.constant("handOver" as const), to: fc.integer({ min: 1, max: NODE_ID_MAX }) }),
  fc.record({ type: fc.constant("scrub" as const) }),
  fc.record({ type: fc.constant("blocks" as const), from: fc.maxSafeNat() }),
  fc.record({ type: fc.constant("inclusion" as const), height: fc.maxSafeNat(), size: fc.maxSafeNat() }),
  fc.record({ type: fc.constant("consistency" as const), earlier: fc.maxSafeNat(), size: fc.maxSafeNat() }),
);

const ID = new Uint8Array(16);

function codeOf(encoded: Uint8Array): string {
  try {
    decodeQuery(encoded);
    return "understood";
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

describe("queries", () => {
  test("arrive as they were asked", () => {
    const check = fc.property(query, (each) => {
      expect(decodeQuery(encodeQuery(each))).toEqual(each);
    });
    fc.assert(check, { numRuns: 300 });
  });

  test.each([
    ["nothing", null],
    ["a list", [1]],
    ["no type", {}],
    ["a type that is no text", { type: 1 }],
    ["a type that nobody knows", { type: "secrets" }],
    ["a name that every object has", { type: "constructor" }],
    ["an unknown field", { type: "summary", all: true }],
    ["a missing field", { type: "payment" }],
    ["too many ids", { type: "accounts", ids: Array.from({ length: 8_191 }, () => new Uint8Array(16)) }],
    ["more results than there may be", { type: "payments", after: 0, limit: 8_191 }],
    ["no limit", { type: "queryTransfers" }],
    ["a limit of 0", { type: "changeEvents", limit: 0 }],
    ["a flag that does not exist", { type: "queryAccounts", limit: 1, flags: 2 }],
    ["a flag of an account that does not exist", { type: "accountBalances", accountId: ID, limit: 1, flags: 8 }],
    ["an account's transfers without flags", { type: "accountTransfers", accountId: ID, limit: 1 }],
    ["a code of 17 bits", { type: "queryTransfers", limit: 1, code: 0x1_0000 }],
    ["a filter of another query", { type: "changeEvents", limit: 1, code: 1 }],
    ["a negative cursor", { type: "changeEvents", limit: 1, cursor: -1 }],
    ["a leader that no cluster can have", { type: "handOver", to: 0 }],
    ["a state that does not exist", { type: "payments", after: 0, limit: 1, state: "lost" }],
  ])("%s is refused", (_, value) => {
    expect(codeOf(pack(value))).toBe("malformed_body");
  });

  test("of whatever bytes get a code, or an answer that fits in a frame", () => {
    const { state } = new Chain();
    const mutated = fc.tuple(query, fc.nat(200), fc.integer({ min: 0, max: 255 })).map(([each, at, byte]) => {
      const bytes = encodeQuery(each).slice();
      bytes[at % bytes.length] = byte;
      return bytes;
    });
    fc.assert(
      fc.property(fc.oneof(mutated, fc.uint8Array({ maxLength: 100 })), (bytes) => {
        if (codeOf(bytes) !== "understood") return;
        const understood = decodeQuery(bytes);
        if (isChainQuery(understood)) return;
        const answer = state.query(understood, { authority: 1, seesAll: true });
        expect(encodeAnswer(answer).length).toBeLessThan(FRAME_BYTES_MAX);
      }),
      { numRuns: 500 },
    );
  });
});

describe("answers", () => {
  const answer: QueryAnswer = { type: "risk", height: 7, timestamp: "1", rules: [], blocked: ["5"] };

  test("arrive as they were given", () => {
    expect(decodeAnswer("risk", encodeAnswer(answer))).toEqual(answer);
  });

  test.each([
    ["another question's", encodeAnswer(answer)],
    ["none at all", pack(null)],
  ])("%s is refused", (_, bytes) => {
    expect(() => decodeAnswer("summary", bytes)).toThrow("did not answer a query of type summary");
  });
});
