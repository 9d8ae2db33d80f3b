import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AccountOperation, linearizable } from "./linearizable.ts";

const NEVER = Number.POSITIVE_INFINITY;

function add(askedUs: number, answeredUs: number, credits: number): AccountOperation {
  return { kind: "add", askedUs, answeredUs, debits: 0, credits };
}

function read(askedUs: number, answeredUs: number, credits: number): AccountOperation {
  return { kind: "read", askedUs, answeredUs, debits: 0, credits };
}

/** Tries all orders. */
function naive(history: readonly AccountOperation[], credits = 0): boolean {
  if (history.every((operation) => operation.answeredUs === NEVER)) return true;
  const earliest = Math.min(...history.map((operation) => operation.answeredUs));
  return history.some((operation) => {
    if (operation.askedUs > earliest) return false;
    const rest = history.filter((other) => other !== operation);
    if (operation.kind === "add") return naive(rest, credits + operation.credits);
    return operation.credits === credits && naive(rest, credits);
  });
}

describe("linearizability of an account", () => {
  test("a read may see a transfer that overlaps it, or not", () => {
    expect(linearizable([add(0, 10, 5), read(3, 6, 5)])).toBe("ok");
    expect(linearizable([add(0, 10, 5), read(3, 6, 0)])).toBe("ok");
  });

  test("a read that misses what was acknowledged before it is stale", () => {
    expect(linearizable([add(0, 10, 5), read(11, 12, 0)])).toBe("violated");
  });

  test("what one read has seen, no later read may miss", () => {
    expect(linearizable([add(0, 100, 5), read(10, 20, 5), read(30, 40, 0)])).toBe("violated");
    expect(linearizable([add(0, 100, 5), read(10, 35, 5), read(30, 40, 0)])).toBe("ok");
  });

  test("a read sees nothing that was not asked for yet", () => {
    expect(linearizable([read(0, 5, 7), add(6, 8, 7)])).toBe("violated");
  });

  test("a transfer without an answer may have happened or not", () => {
    expect(linearizable([add(0, NEVER, 5), read(10, 20, 5)])).toBe("ok");
    expect(linearizable([add(0, NEVER, 5), read(10, 20, 0)])).toBe("ok");
    expect(linearizable([add(0, NEVER, 5), read(10, 20, 5), read(30, 40, 0)])).toBe("violated");
  });

  test("agrees with trying all orders", () => {
    const operation = fc.record({
      kind: fc.constantFrom("add" as const, "read" as const),
      askedUs: fc.integer({ min: 0, max: 20 }),
      takesUs: fc.integer({ min: 0, max: 10 }),
      answered: fc.boolean(),
      credits: fc.integer({ min: 1, max: 4 }),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 7 }), (drawn) => {
        const history = drawn.map(({ kind, askedUs, takesUs, answered, credits }) => ({
          kind,
          askedUs,
          answeredUs: answered || kind === "read" ? askedUs + takesUs : NEVER,
          debits: 0,
          credits: kind === "read" ? credits * 2 - 2 : credits,
        }));
        expect(linearizable(history)).toBe(naive(history) ? "ok" : "violated");
      }),
      { numRuns: 2_000 },
    );
  });
});
