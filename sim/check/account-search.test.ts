import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type AccountOperation, accountIsLinearizable, type Balances } from "./account-search.ts";
import { linearizable, type Model } from "./wing-gong.ts";

const NEVER = Number.POSITIVE_INFINITY;

function add(askedUs: number, answeredUs: number, credits: number): AccountOperation {
  return { kind: "add", askedUs, answeredUs, debits: 0, credits };
}

function read(askedUs: number, answeredUs: number, credits: number): AccountOperation {
  return { kind: "read", askedUs, answeredUs, debits: 0, credits };
}

/** An account for the search that knows nothing of accounts. */
const ACCOUNT: Model<Balances, AccountOperation> = {
  initial: { debits: 0, credits: 0 },
  step: (state, { kind, debits, credits }) => {
    if (kind === "add") return { debits: state.debits + debits, credits: state.credits + credits };
    return state.debits === debits && state.credits === credits ? state : undefined;
  },
  reads: ({ kind }) => kind === "read",
  key: ({ debits, credits }) => `${debits} ${credits}`,
};

describe("linearizability of an account", () => {
  test("a read may see a transfer that overlaps it, or not", () => {
    expect(accountIsLinearizable([add(0, 10, 5), read(3, 6, 5)])).toBe("ok");
    expect(accountIsLinearizable([add(0, 10, 5), read(3, 6, 0)])).toBe("ok");
  });

  test("a read that misses what was acknowledged before it is stale", () => {
    expect(accountIsLinearizable([add(0, 10, 5), read(11, 12, 0)])).toBe("violated");
  });

  test("what one read has seen, no later read may miss", () => {
    expect(accountIsLinearizable([add(0, 100, 5), read(10, 20, 5), read(30, 40, 0)])).toBe("violated");
    expect(accountIsLinearizable([add(0, 100, 5), read(10, 35, 5), read(30, 40, 0)])).toBe("ok");
  });

  test("a read sees nothing that was not asked for yet", () => {
    expect(accountIsLinearizable([read(0, 5, 7), add(6, 8, 7)])).toBe("violated");
  });

  test("a transfer without an answer may have happened or not", () => {
    expect(accountIsLinearizable([add(0, NEVER, 5), read(10, 20, 5)])).toBe("ok");
    expect(accountIsLinearizable([add(0, NEVER, 5), read(10, 20, 0)])).toBe("ok");
    expect(accountIsLinearizable([add(0, NEVER, 5), read(10, 20, 5), read(30, 40, 0)])).toBe("violated");
  });

  test("agrees with the search that knows nothing of accounts", () => {
    const operation = fc.record({
      kind: fc.constantFrom("add" as const, "read" as const),
      askedUs: fc.integer({ min: 0, max: 30 }),
      takesUs: fc.integer({ min: 0, max: 15 }),
      answered: fc.boolean(),
      debits: fc.integer({ min: 0, max: 3 }),
      credits: fc.integer({ min: 0, max: 3 }),
    });
    let violated = 0;
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 10 }), (drawn) => {
        const history = drawn.map(({ kind, askedUs, takesUs, answered, debits, credits }) => ({
          kind,
          askedUs,
          answeredUs: answered || kind === "read" ? askedUs + takesUs : NEVER,
          // Sums of several additions, so that some reads can be explained.
          debits: kind === "read" ? debits * 2 : debits,
          credits: kind === "read" ? credits * 2 : credits,
        }));
        const found = accountIsLinearizable(history);
        if (found === "violated") violated += 1;
        expect(found).toBe(linearizable(history, ACCOUNT));
      }),
      { numRuns: 3_000 },
    );
    expect(violated).toBeGreaterThan(300);
    expect(violated).toBeLessThan(2_700);
  });

  test("long histories with much at a time are judged, whichever way", () => {
    // 40 additions at once, each a power of two, and reads that see them one by one in an order of their own.
    const adds = Array.from({ length: 40 }, (_, i) => add(0, 1_000, 2 ** i));
    const order = adds.map((_, i) => (i * 7) % 40);
    let sum = 0;
    const reads = order.map((index, place) => {
      sum += 2 ** index;
      return read(10 * place + 10, 10 * place + 15, sum);
    });
    expect(accountIsLinearizable([...adds, ...reads])).toBe("ok");
    const stale = read(300, 301, 2 ** (order[0] as number));
    expect(accountIsLinearizable([...adds, ...reads, stale])).toBe("violated");
  });
});
