import { createHash } from "node:crypto";
import { beforeAll, describe, expect, test } from "vitest";
import { dataPath, needsData } from "../../node/base/data.test-support.ts";
import { toJson } from "../output.ts";
import { generateDay } from "./generate-day.ts";
import type { PaymentRow } from "./payment-row.ts";
import { readPayments } from "./read-payments.ts";

const HANDBOOK = dataPath("fraud-handbook/transactions_2018-06-18_2018-08-14.csv.gz");

/** Each figure of a day, and how far two days of one kind may lie apart. Amounts in euros, times in hours. */
const FIGURES = {
  payments: 0.05,
  payers: 0.05,
  payees: 0.05,
  paymentsOfBusiestPayer: 0.35,
  shareOfPayersWithOnePayment: 0.1,
  meanAmount: 0.06,
  tenthPercentile: 0.15,
  median: 0.06,
  ninetiethPercentile: 0.05,
  ninetyNinthPercentile: 0.06,
  meanHour: 0.03,
  deviationOfHours: 0.05,
  shareBeforeSix: 0.15,
} as const;

type Shape = { readonly [name in keyof typeof FIGURES]: number };

/** The first day of the handbook's data, 2018-06-18; the last test measures it again where the data is. */
const HANDBOOK_DAY: Shape = {
  payments: 9_737,
  payers: 3_706,
  payees: 6_121,
  paymentsOfBusiestPayer: 12,
  shareOfPayersWithOnePayment: 0.302,
  meanAmount: 54.38,
  tenthPercentile: 9.36,
  median: 45.91,
  ninetiethPercentile: 111.58,
  ninetyNinthPercentile: 170.56,
  meanHour: 12.07,
  deviationOfHours: 5.02,
  shareBeforeSix: 0.123,
};

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/** Payments that only leaked cards make: far above what anybody usually pays. */
function fraudulent(rows: readonly PaymentRow[]): number {
  return rows.filter(({ amount }) => amount > 30_000n).length;
}

function shapeOf(rows: readonly PaymentRow[]): Shape {
  const amounts = rows.map(({ amount }) => Number(amount) / 100).sort((a, b) => a - b);
  const percentile = (share: number): number => amounts[Math.floor(amounts.length * share)] as number;
  const hours = rows.map(({ seconds }) => Number(seconds % 86_400n) / 3_600);
  const byPayer = new Map<bigint, number>();
  for (const { payer } of rows) byPayer.set(payer, (byPayer.get(payer) ?? 0) + 1);
  const counts = [...byPayer.values()];
  return {
    payments: rows.length,
    payers: byPayer.size,
    payees: new Set(rows.map(({ payee }) => payee)).size,
    paymentsOfBusiestPayer: Math.max(...counts),
    shareOfPayersWithOnePayment: counts.filter((count) => count === 1).length / counts.length,
    meanAmount: mean(amounts),
    tenthPercentile: percentile(0.1),
    median: percentile(0.5),
    ninetiethPercentile: percentile(0.9),
    ninetyNinthPercentile: percentile(0.99),
    meanHour: mean(hours),
    deviationOfHours: Math.sqrt(mean(hours.map((hour) => (hour - mean(hours)) ** 2))),
    shareBeforeSix: hours.filter((hour) => hour < 6).length / hours.length,
  };
}

describe("a generated day", () => {
  let day: readonly PaymentRow[];
  beforeAll(() => {
    day = generateDay(1);
  });

  test("is the same for a seed, byte for byte, on every machine", () => {
    expect(toJson(generateDay(1))).toBe(toJson(day));
    const digest = createHash("sha256").update(toJson(day)).digest("hex");
    expect(digest).toMatchInlineSnapshot(`"e48057bc790936d9cefc7af9c70ff84fe78658fbfd45bae87e93617757b84c27"`);
  });

  test("is another for another seed", () => {
    expect(toJson(generateDay(2))).not.toBe(toJson(day));
  });

  test("is one day, sorted by time, with ids from 1 on and whole amounts above 0", () => {
    expect(new Set(day.map(({ seconds }) => seconds / 86_400n)).size).toBe(1);
    expect(day.every(({ seconds }, index) => index === 0 || seconds >= (day[index - 1]?.seconds ?? 0n))).toBe(true);
    expect(day.every(({ id }, index) => id === BigInt(index + 1))).toBe(true);
    expect(day.every(({ amount }) => amount > 0n)).toBe(true);
  });

  test("payers and payees never share a number, and stay among 5,000 and 10,000", () => {
    const payers = day.map(({ payer }) => Number(payer));
    const payees = day.map(({ payee }) => Number(payee));
    expect(Math.min(...payers)).toBeGreaterThanOrEqual(1_000_000);
    expect(Math.max(...payers)).toBeLessThan(1_005_000);
    expect(Math.min(...payees)).toBeGreaterThanOrEqual(2_000_000);
    expect(Math.max(...payees)).toBeLessThan(2_010_000);
  });

  test("payers have places they go to: some pay twice at one terminal, which chance alone would hardly do", () => {
    const pairs = new Set(day.map(({ payer, payee }) => `${payer}:${payee}`));
    // About 78 terminals are near a home; of all 10,000 the expected number of repeated pairs would be 1.5.
    expect(day.length - pairs.size).toBeGreaterThan(50);
  });
});

describe("the shape of the handbook's day", () => {
  describe.each([1, 2, 3])("seed %d", (seed) => {
    const day = generateDay(seed);
    const shape = shapeOf(day);

    test.each(Object.entries(FIGURES) as [keyof Shape, number][])("%s within %d", (name, tolerance) => {
      const expected = HANDBOOK_DAY[name];
      expect(Math.abs(shape[name] - expected) / expected).toBeLessThan(tolerance);
    });

    test("a handful of payments by leaked cards; the handbook's day has 6", () => {
      expect(fraudulent(day)).toBeGreaterThanOrEqual(3);
      expect(fraudulent(day)).toBeLessThanOrEqual(20);
    });
  });

  test("the figures above are those of the data", async (context) => {
    needsData(context, HANDBOOK);
    const day = await readPayments(HANDBOOK, { firstDay: true });
    expect(fraudulent(day)).toBe(6);
    const shape = shapeOf(day);
    for (const [name, expected] of Object.entries(HANDBOOK_DAY) as [keyof Shape, number][]) {
      expect(shape[name], name).toBeCloseTo(expected, 2);
    }
  });
});
