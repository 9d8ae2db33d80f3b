import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { U64_MAX, U128_MAX, u128Bytes } from "../base/bytes.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import {
  boolean,
  bytes,
  bytesBetween,
  check,
  integer,
  list,
  object,
  oneOf,
  type Schema,
  safeInteger,
  text,
  tuple,
  u32,
  u64,
  u128,
} from "./schema.ts";

/** What a schema makes of a value that has travelled; the message of its refusal as text. */
function judge<T>(schema: Schema<T>, value: unknown): T | string {
  try {
    return check(schema, unpack(pack(value)), "malformed_body");
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    expect(error.code).toBe("malformed_body");
    return error.message;
  }
}

/** Values of every sort, many of them at the edge of what a schema below takes. */
const POOL: readonly unknown[] = [
  ...[null, true, false, "", "abc", "äöü", "abcd", "wallet", "card", "Wallet", "constructor", "12", "true"],
  ...[-(2n ** 62n), -3, -2, -1, 0, 1, 5, 6, 6n, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER, 2n ** 53n, U64_MAX],
  ...[0, 1, 2, 3, 4, 15, 16, 17].map((length) => new Uint8Array(length)),
  ...[[], [1], [1, 2], [1, 2, 3], [1, "2"], [1, true], [1, true, 2], [true, 1], [[1, 2]]],
  ...[
    {},
    { 0: 1 },
    { a: 1 },
    { b: true },
    { a: 1, b: true },
    { a: 1, b: 1 },
    { a: 1, c: 1 },
    { a: "1" },
    { length: 0 },
  ],
];

const isInteger = (value: unknown): value is number | bigint => typeof value === "number" || typeof value === "bigint";
const within =
  (min: number | bigint, max: number | bigint) =>
  (value: unknown): boolean =>
    isInteger(value) && value >= min && value <= max;
const isMap = (value: unknown): value is object =>
  typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Uint8Array);
const byteCount =
  (...lengths: readonly number[]) =>
  (value: unknown): boolean =>
    value instanceof Uint8Array && lengths.includes(value.length);

describe("schemas", () => {
  const cases: readonly [string, Schema<unknown>, (value: unknown) => boolean][] = [
    ["integer", integer(-2, 5), within(-2, 5)],
    ["u32", u32, within(0, 2 ** 32 - 1)],
    ["safe integer", safeInteger, within(0, Number.MAX_SAFE_INTEGER)],
    ["u64", u64, within(0, U64_MAX)],
    ["u128", u128, byteCount(16)],
    ["bytes", bytes(3), byteCount(3)],
    ["bytes between", bytesBetween(1, 2), byteCount(1, 2)],
    ["text", text(3), (value) => typeof value === "string" && value.length <= 3],
    ["boolean", boolean, (value) => value === true || value === false],
    ["one of", oneOf("wallet", "card"), (value) => value === "wallet" || value === "card"],
    [
      "list",
      list(integer(0, 9), 2),
      (value) => Array.isArray(value) && value.length <= 2 && value.every((item) => within(0, 9)(item)),
    ],
    [
      "tuple",
      tuple(u32, boolean),
      (value) => Array.isArray(value) && value.length === 2 && isInteger(value[0]) && typeof value[1] === "boolean",
    ],
    [
      "object",
      object({ a: u32 }, { b: boolean }),
      (value) =>
        isMap(value) &&
        Object.keys(value).every((key) => key === "a" || key === "b") &&
        isInteger((value as { a?: unknown }).a) &&
        ["undefined", "boolean"].includes(typeof (value as { b?: unknown }).b),
    ],
  ];

  test.each(cases)("%s takes what it says, whole, and nothing else", (_name, schema, fits) => {
    expect(POOL.filter(fits).length).toBeGreaterThan(0);
    for (const value of POOL) {
      const result = judge(schema, value);
      if (!fits(value)) expect([value, result]).toEqual([value, expect.stringMatching(/ must be /)]);
      else if (isInteger(value)) expect(result).toBe(schema === u64 ? BigInt(value) : Number(value));
      else if (schema !== u128) expect(result).toEqual(value);
    }
  });

  test("u128 is 16 little-endian bytes", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: U128_MAX }), (value) => {
        expect(judge(u128, u128Bytes(value))).toBe(value);
      }),
    );
  });

  test("u64 is a bigint and an integer a number, whatever the width on the wire", () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: BigInt(Number.MAX_SAFE_INTEGER) }), (value) => {
        expect(judge(u64, value)).toBe(value);
        expect(judge(safeInteger, value)).toBe(Number(value));
      }),
    );
  });
});

const buggy: Schema<number> = () => {
  throw new RangeError("a bug");
};

describe("what a refusal says", () => {
  const schema = object({ id: u32, name: text(4), parts: list(tuple(u32, object({ x: u32 })), 3) }, { note: text(9) });
  const good = { id: 1, name: "a", parts: [[1, { x: 1 }]] };

  test.each([
    ["the value must be a map", [1]],
    ["the value must be a map", null],
    ["the value must be a map", new Uint8Array(2)],
    ["id must be present", { name: "a", parts: [] }],
    ["id must be an integer from 0 to 4294967295", { ...good, id: "1" }],
    ["name must be text of at most 4 characters", { ...good, name: "abcde" }],
    ["note must be text of at most 9 characters", { ...good, note: null }],
    ["typo must be absent: no such field", { ...good, typo: 1 }],
    ["constructor must be absent: no such field", { ...good, constructor: 1 }],
    ["parts must be a list of at most 3", { ...good, parts: [1, 2, 3, 4] }],
    ["parts[1] must be a list of 2", { ...good, parts: [[1, { x: 1 }], [1]] }],
    ["parts[0][1].x must be present", { ...good, parts: [[1, {}]] }],
    ["parts[0][1].y must be absent: no such field", { ...good, parts: [[1, { x: 1, y: 2 }]] }],
  ])("%s", (message, value) => {
    expect(judge(schema, value)).toBe(message);
  });

  test("a field that JavaScript inherits is not there", () => {
    expect(judge(object({ toString: u32 }), {})).toBe("toString must be present");
  });

  test("any set of fields: taken when all required are there and no other than those and the optional ones", () => {
    const names = ["a", "b", "c", "d"] as const;
    fc.assert(
      fc.property(fc.subarray([...names]), (present) => {
        const schemaOfFour = object({ a: u32, b: u32 }, { c: u32 });
        const value = Object.fromEntries(present.map((name) => [name, 1]));
        const fits = present.includes("a") && present.includes("b") && !present.includes("d");
        expect(typeof judge(schemaOfFour, value) === "object").toBe(fits);
      }),
    );
  });

  test("an error that is no mismatch passes through", () => {
    expect(() => check(buggy, 1, "malformed_body")).toThrow(RangeError);
  });

  test.each<readonly [string, unknown]>([
    ["the value must be a list of 2", 1],
    ["[0].a[1] must be an integer from 0 to 4294967295", [{ a: [1, "2"] }, 3]],
    ["[0].a must be a list of at most 2", [{ a: 1 }, 3]],
    ["[0].a must be present", [{}, 3]],
    ["[0].c must be absent: no such field", [{ a: [], c: 1 }, 3]],
    ["[1] must be true or false", [{ a: [] }, 3]],
  ])("a mismatch names the place: %s", (message, value) => {
    expect(judge(tuple(object({ a: list(u32, 2) }), boolean), value)).toBe(message);
  });
});
