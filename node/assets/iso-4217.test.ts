import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { dataPath, needsData } from "../base/data.test-support.ts";
import { CURRENCIES, currencyOfCode, currencyOfNumber } from "./iso-4217.ts";

const LIST_ONE = dataPath("iso4217/list-one.xml");

/** Changes of the standard after the published list of 2024-06-25. */
const WITHDRAWN_SINCE = ["ANG", "BGN", "CUC"];
const ADDED_SINCE = ["XAD", "XCG"];

interface Published {
  readonly number: number;
  readonly exponent: number | undefined;
}

function publishedList(): Map<string, Published> {
  const list = new Map<string, Published>();
  for (const [entry] of readFileSync(LIST_ONE, "utf8").matchAll(/<CcyNtry>.*?<\/CcyNtry>/gs)) {
    const field = (name: string): string => new RegExp(`<${name}>(.*?)</${name}>`).exec(entry)?.[1] ?? "";
    if (field("Ccy") === "") continue;
    const units = field("CcyMnrUnts");
    list.set(field("Ccy"), {
      number: Number(field("CcyNbr")),
      exponent: units === "N.A." ? undefined : Number(units),
    });
  }
  return list;
}

describe("ISO 4217", () => {
  test("the table says of each currency what the published list says, but for the amendments since", (context) => {
    needsData(context, LIST_ONE);
    const published = publishedList();
    expect(published.size).toBeGreaterThan(170);
    for (const [code, { number, exponent }] of published) {
      const ours = currencyOfCode(code);
      expect({ code, number: ours?.number, exponent: ours?.exponent }).toEqual({ code, number, exponent });
      expect(ours?.withdrawn !== undefined, code).toBe(WITHDRAWN_SINCE.includes(code));
    }
    const inForce = CURRENCIES.filter(({ withdrawn }) => withdrawn === undefined).map(({ code }) => code);
    expect(inForce.filter((code) => !published.has(code))).toEqual(ADDED_SINCE);
  });

  test("codes are unique, and so are numbers of currencies in force", () => {
    expect(new Set(CURRENCIES.map(({ code }) => code)).size).toBe(CURRENCIES.length);
    const inForce = CURRENCIES.filter(({ withdrawn }) => withdrawn === undefined);
    expect(new Set(inForce.map(({ number }) => number)).size).toBe(inForce.length);
  });

  test.each([
    ["EUR", 978, 2],
    ["JPY", 392, 0],
    ["KWD", 414, 3],
    ["CLF", 990, 4],
    ["ALL", 8, 2],
    ["XAU", 959, undefined],
  ])("%s is %d with %s decimals", (code, number, exponent) => {
    expect(currencyOfCode(code)).toMatchObject({ number, exponent });
    expect(currencyOfNumber(number)?.code).toBe(code);
  });

  test("a number that a withdrawn currency left to its successor means the successor", () => {
    expect(currencyOfCode("ANG")).toMatchObject({ number: 532, withdrawn: "2025-03" });
    expect(currencyOfNumber(532)?.code).toBe("XCG");
  });

  test("codes in small letters and unknown numbers are nothing", () => {
    expect(currencyOfCode("eur")).toBeUndefined();
    expect(currencyOfNumber(1)).toBeUndefined();
  });
});
