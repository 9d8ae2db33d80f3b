import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { U128_MAX } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { DECIMALS_MAX, formatAmount, formatAmountGrouped, parseAmount } from "./amount.ts";

const decimals = fc.integer({ min: 0, max: DECIMALS_MAX });
const units = fc.bigInt({ min: 0n, max: U128_MAX });

function codeOf(act: () => unknown): string | undefined {
  try {
    act();
    return undefined;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

describe("amounts", () => {
  test.each([
    ["12.50", 2, 1250n],
    ["12.5", 2, 1250n],
    ["12", 2, 1200n],
    ["0.001", 3, 1n],
    ["7", 0, 7n],
    ["0.000000000000000001", 18, 1n],
    [U128_MAX.toString(), 0, U128_MAX],
  ])("%s with %d decimals is %d units", (text, places, expected) => {
    expect(parseAmount(text, places)).toBe(expected);
  });

  test.each([
    ["", 2],
    ["-1", 2],
    ["1.", 2],
    [".5", 2],
    ["1,000.00", 2],
    ["1.005", 2],
    ["1.0", 0],
    ["1e3", 2],
    [" 1", 2],
    ["0x10", 2],
    ["١", 2],
    [(U128_MAX + 1n).toString(), 0],
    [U128_MAX.toString(), 2],
    [12.5, 2],
    [null, 0],
  ])("refuses %j with %d decimals", (text, places) => {
    expect(codeOf(() => parseAmount(text as string, places))).toBe("amount_invalid");
  });

  test("what is printed is read back as the same units, whatever the asset's decimals", () => {
    fc.assert(
      fc.property(units, decimals, (amount, places) => parseAmount(formatAmount(amount, places), places) === amount),
    );
  });

  test("grouping adds commas in the whole part and nothing else", () => {
    fc.assert(
      fc.property(units, decimals, (amount, places) => {
        const grouped = formatAmountGrouped(amount, places);
        expect(grouped.replaceAll(",", "")).toBe(formatAmount(amount, places));
        expect(grouped).toMatch(/^\d{1,3}(,\d{3})*(\.\d+)?$/);
      }),
    );
    expect(formatAmountGrouped(-123456789n, 2)).toBe("-1,234,567.89");
  });
});
