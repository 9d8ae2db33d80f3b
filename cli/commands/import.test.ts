import { describe, expect, test } from "vitest";
import type { ImportReport } from "../payments/importer.ts";
import { importText } from "./import.ts";

const REPORT: ImportReport = {
  ...{ payments: 1_230, states: { captured: 1_200, review: 3 }, existing: 10, refused: [], lost: [] },
  ...{ seconds: 2.04, p50Ms: 12.3, p99Ms: 80, maxMs: 99.9, retried: 4 },
};

function refusedPayments(count: number): ImportReport["refused"] {
  return Array.from({ length: count }, (_, index) => ({ id: BigInt(index + 1), reason: "not_found (payee)" }));
}

describe("what an import tells people", () => {
  test("where all went well", () => {
    expect(importText(REPORT).split("\n")).toEqual([
      "what became of them  payments",
      "captured                 1200",
      "review                      3",
      "there before               10",
      "refused                     0",
      "lost                        0",
      "1230 payments in 2.0 s; half within 12.3 ms, 99 % within 80 ms",
    ]);
  });

  test("the first refusals with their reasons, and how many more there are", () => {
    const lines = importText({ ...REPORT, refused: refusedPayments(12) }).split("\n");
    expect(lines).toContain("refused                    12");
    expect(lines.slice(-11)).toEqual([
      ...Array.from({ length: 10 }, (_, index) => `refused: payment ${index + 1}: not_found (payee)`),
      "refused: 2 more; --json lists them",
    ]);
  });

  test("no more than there are", () => {
    expect(
      importText({ ...REPORT, refused: refusedPayments(10) })
        .split("\n")
        .at(-1),
    ).toMatch(/payment 10/);
  });
});
