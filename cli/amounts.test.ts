import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { U128_MAX } from "../node/base/bytes.ts";
import { Assets, formatTime, isDigital, parseId, parseTime } from "./amounts.ts";

const EUR = 978;
const JPY = 392;
const KWD = 414;
/** Digital assets, with the most decimals and without any. */
const COIN = 1_000;
const SHARE = 70_000;
const ASSETS = new Assets([
  { ledger: COIN, code: "COIN", decimals: 18 },
  { ledger: SHARE, code: "SHARE7", decimals: 0 },
]);

describe("ledgers", () => {
  test.each([
    ["EUR", 978],
    ["eur", 978],
    ["978", 978],
    ["JPY", 392],
    ["COIN", COIN],
    ["coin", COIN],
    ["1000", COIN],
    ["SHARE7", SHARE],
  ])("%s is ledger %d", (text, ledger) => {
    expect(ASSETS.ledgerOf(text)).toBe(ledger);
  });

  test.each(["", "EURO", "0", "1", "999999", "4294967296", "-1", "1.5", "0x10"])("%j is no ledger", (text) => {
    expect(() => ASSETS.ledgerOf(text)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("a ledger is called by its asset's code, or its number", () => {
    expect([EUR, JPY, COIN, 70_001].map((ledger) => ASSETS.nameOf(ledger))).toEqual(["EUR", "JPY", "COIN", "70001"]);
  });

  test.each([
    ["EUR", false],
    ["eur", false],
    ["978", false],
    ["5", false],
    ["1000", true],
    ["COIN", true],
    ["nonsense", true],
    ["", false],
    ["-1", false],
  ])("whether the cluster must be asked about %j: %s", (text, expected) => {
    expect(isDigital(text)).toBe(expected);
  });
});

describe("amounts", () => {
  test.each([
    ["12.50", EUR, 1250n],
    ["12.5", EUR, 1250n],
    ["12", EUR, 1200n],
    ["0.01", EUR, 1n],
    ["007", EUR, 700n],
    ["12", JPY, 12n],
    ["1.234", KWD, 1234n],
    ["5", SHARE, 5n],
    [U128_MAX.toString(), SHARE, U128_MAX],
    ["12.345678", COIN, 12_345_678_000_000_000_000n],
    ["0.000000000000000001", COIN, 1n],
  ])("%s in ledger %d is %d minor units", (text, ledger, units) => {
    expect(ASSETS.parseAmount(text, ledger)).toBe(units);
  });

  test.each([
    ["too many decimals", "1.234", EUR],
    ["decimals where there are none", "1.5", JPY],
    ["decimals of an asset without any", "1.5", SHARE],
    ["a nineteenth decimal", "0.0000000000000000010", COIN],
    ["negative", "-1", EUR],
    ["plus", "+1", EUR],
    ["thousands", "1,000", EUR],
    ["no digits", ".5", EUR],
    ["a point at the end", "1.", EUR],
    ["exponent", "1e3", EUR],
    ["hexadecimal", "0x10", EUR],
    ["space", " 1", EUR],
    ["empty", "", EUR],
    ["more than 128 bits", (U128_MAX + 1n).toString(), SHARE],
    ["more than 128 bits in minor units", `${(U128_MAX + 1n) / 100n + 1n}`, EUR],
  ])("refused as wrong use: %s", (_, text, ledger) => {
    expect(() => ASSETS.parseAmount(text, ledger)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test.each([
    [123_456_789n, EUR, "1,234,567.89 EUR"],
    [5n, EUR, "0.05 EUR"],
    [-100_000n, EUR, "-1,000.00 EUR"],
    [1_000_000n, JPY, "1,000,000 JPY"],
    [1n, KWD, "0.001 KWD"],
    [1_234n, SHARE, "1,234 SHARE7"],
    [1n, COIN, "0.000000000000000001 COIN"],
    [1_234n, 70_001, "1,234"],
    [0n, EUR, "0.00 EUR"],
  ])("%d in ledger %d is printed as %s", (units, ledger, text) => {
    expect(ASSETS.formatAmount(units, ledger)).toBe(text);
  });

  test("what is printed reads as the same amount again, without its commas and code", () => {
    const ledgers = fc.constantFrom(EUR, JPY, KWD, COIN, SHARE);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: U128_MAX }), ledgers, (units, ledger) => {
        const [digits = ""] = ASSETS.formatAmount(units, ledger).replaceAll(",", "").split(" ");
        expect(ASSETS.parseAmount(digits, ledger)).toBe(units);
      }),
    );
  });
});

describe("ids", () => {
  test.each([
    ["1", 1n],
    ["0x10", 16n],
    ["0xFf", 255n],
    [(U128_MAX - 1n).toString(), U128_MAX - 1n],
  ])("%s", (text, id) => {
    expect(parseId(text)).toBe(id);
  });

  test.each(["", "0", "0x0", "-1", "1.5", "abc", "0x", U128_MAX.toString(), `0x${"f".repeat(33)}`, "1 2"])(
    "%j is no id",
    (text) => {
      expect(() => parseId(text)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );
});

test("log time is printed in UTC with milliseconds", () => {
  expect(formatTime(1_700_000_000_123_456_789n)).toBe("2023-11-14T22:13:20.123Z");
});

describe("times", () => {
  test.each([
    ["1970-01-01", 0n],
    ["2024-02-29", 1_709_164_800_000_000_000n],
    ["2023-11-14T22:13:20Z", 1_700_000_000_000_000_000n],
    ["2023-11-14T23:13:20.125+01:00", 1_700_000_000_125_000_000n],
    ["1700000000123456789", 1_700_000_000_123_456_789n],
  ])("%s is %d ns", (text, ns) => {
    expect(parseTime(text)).toBe(ns);
  });

  test.each([
    ...["", "yesterday", "2026-13-01", "2026-01-01T12:00", "1969-12-31", "-1", "1.5"],
    ...["2026-02-30", "2026-02-29", "2026-04-31T12:00:00Z", "2026-01-00"],
  ])("%j is no time", (text) => {
    expect(() => parseTime(text)).toThrow(expect.objectContaining({ code: "usage" }));
  });
});
