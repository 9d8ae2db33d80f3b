import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { U128_MAX } from "../base/bytes.ts";
import { DECIMALS_MAX } from "./amount.ts";
import { KnownAssets } from "./known-assets.ts";

const COIN = { ledger: 1_000, code: "COIN", decimals: 18 };
const SHARE = { ledger: 70_000, code: "SHARE7", decimals: 0 };
const ASSETS = new KnownAssets([COIN, SHARE]);

describe("amounts by asset", () => {
  test.each([
    ["12.50", 978, 1_250n, "12.50", "12.50 EUR"],
    ["1250", 392, 1_250n, "1250", "1,250 JPY"],
    ["1.5", 414, 1_500n, "1.500", "1.500 KWD"],
    ["7", 959, 7n, "7", "7 XAU"],
    ["1", COIN.ledger, 10n ** 18n, "1.000000000000000000", "1.000000000000000000 COIN"],
    ["1234", SHARE.ledger, 1_234n, "1234", "1,234 SHARE7"],
  ])("%s in ledger %d", (text, ledger, units, plain, formatted) => {
    expect(ASSETS.parseAmount(text, ledger)).toBe(units);
    expect(ASSETS.plainAmount(units, ledger)).toBe(plain);
    expect(ASSETS.formatAmount(units, ledger)).toBe(formatted);
  });

  test("what is printed plainly is read back as the same units", () => {
    const ledgers = fc.constantFrom(978, 392, 414, 990, 959, COIN.ledger, SHARE.ledger);
    const property = fc.property(fc.bigInt(0n, U128_MAX), ledgers, (units, ledger) => {
      expect(ASSETS.parseAmount(ASSETS.plainAmount(units, ledger), ledger)).toBe(units);
    });
    fc.assert(property);
  });

  test.each([
    ["12.505", 978],
    ["1.0", 392],
    ["0.5", SHARE.ledger],
    ["5", 1_001],
    ["5", 0],
    ["5", Number.NaN],
  ])("%s in ledger %d is not read", (text, ledger) => {
    expect(() => ASSETS.parseAmount(text, ledger)).toThrow(expect.objectContaining({ code: "amount_invalid" }));
  });

  test("of an asset that is not known are printed in minor units, without a code", () => {
    expect([ASSETS.plainAmount(1_250n, 1_001), ASSETS.formatAmount(1_250n, 1_001)]).toEqual(["1250", "1,250"]);
    expect([ASSETS.nameOf(1_001), ASSETS.ledgerOf("1001")]).toEqual(["1001", undefined]);
  });

  test.each([-1, 1.5, DECIMALS_MAX + 1, Number.NaN])("no asset has %d decimals", (decimals) => {
    const asset = { ...COIN, decimals };
    expect(() => new KnownAssets([asset])).toThrow(expect.objectContaining({ code: "amount_invalid" }));
  });
});
