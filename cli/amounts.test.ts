import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { U128_MAX } from "../node/base/bytes.ts";
import { formatAmount, formatTime, ledgerName, parseAmount, parseId, parseLedger } from "./amounts.ts";

const EUR = 978;
const JPY = 392;
const KWD = 414;
/** No currency: no name, no decimals. */
const PRIVATE = 70_000;

describe("ledgers", () => {
  test.each([
    ["EUR", 978],
    ["eur", 978],
    ["978", 978],
    ["JPY", 392],
    ["4294967295", 4_294_967_295],
  ])("%s is ledger %d", (text, ledger) => {
    expect(parseLedger(text)).toBe(ledger);
  });

  test.each(["", "EURO", "0", "4294967296", "-1", "1.5", "0x10"])("%j is no ledger", (text) => {
    expect(() => parseLedger(text)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test("a ledger is called by its currency's code, or its number", () => {
    expect([EUR, JPY, PRIVATE].map(ledgerName)).toEqual(["EUR", "JPY", "70000"]);
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
    ["5", PRIVATE, 5n],
    [U128_MAX.toString(), PRIVATE, U128_MAX],
  ])("%s in ledger %d is %d minor units", (text, ledger, units) => {
    expect(parseAmount(text, ledger)).toBe(units);
  });

  test.each([
    ["too many decimals", "1.234", EUR],
    ["decimals where there are none", "1.5", JPY],
    ["decimals of no currency", "1.5", PRIVATE],
    ["negative", "-1", EUR],
    ["plus", "+1", EUR],
    ["thousands", "1,000", EUR],
    ["no digits", ".5", EUR],
    ["a point at the end", "1.", EUR],
    ["exponent", "1e3", EUR],
    ["hexadecimal", "0x10", EUR],
    ["space", " 1", EUR],
    ["empty", "", EUR],
    ["more than 128 bits", (U128_MAX + 1n).toString(), PRIVATE],
    ["more than 128 bits in minor units", `${(U128_MAX + 1n) / 100n + 1n}`, EUR],
  ])("refused as wrong use: %s", (_, text, ledger) => {
    expect(() => parseAmount(text, ledger)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  test.each([
    [123_456_789n, EUR, "1,234,567.89 EUR"],
    [5n, EUR, "0.05 EUR"],
    [-100_000n, EUR, "-1,000.00 EUR"],
    [1_000_000n, JPY, "1,000,000 JPY"],
    [1n, KWD, "0.001 KWD"],
    [1_234n, PRIVATE, "1,234"],
    [0n, EUR, "0.00 EUR"],
  ])("%d in ledger %d is printed as %s", (units, ledger, text) => {
    expect(formatAmount(units, ledger)).toBe(text);
  });

  test("what is printed reads as the same amount again, without its commas and code", () => {
    const ledgers = fc.constantFrom(EUR, JPY, KWD, PRIVATE);
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: U128_MAX }), ledgers, (units, ledger) => {
        const [digits = ""] = formatAmount(units, ledger).replaceAll(",", "").split(" ");
        expect(parseAmount(digits, ledger)).toBe(units);
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
