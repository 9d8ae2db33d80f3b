import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { REGISTER, type RegisterOperation } from "./register.test-support.ts";
import { linearizable } from "./wing-gong.ts";

const NEVER = Number.POSITIVE_INFINITY;

function read(askedUs: number, answeredUs: number, value: string): RegisterOperation {
  return { kind: "read", askedUs, answeredUs, value };
}

function write(askedUs: number, answeredUs: number, value: string): RegisterOperation {
  return { kind: "write", askedUs, answeredUs, value };
}

/** Tries all orders, remembering nothing. */
function naive(history: readonly RegisterOperation[], state = ""): boolean {
  if (history.every((operation) => operation.answeredUs === NEVER)) return true;
  const earliest = Math.min(...history.map((operation) => operation.answeredUs));
  return history.some((operation) => {
    if (operation.askedUs > earliest) return false;
    const after = REGISTER.step(state, operation);
    const rest = history.filter((other) => other !== operation);
    return after !== undefined && naive(rest, after);
  });
}

describe("linearizability by Wing and Gong", () => {
  test("a read may see a write that overlaps it, or not", () => {
    expect(linearizable([write(0, 10, "a"), read(3, 6, "a")], REGISTER)).toBe("ok");
    expect(linearizable([write(0, 10, "a"), read(3, 6, "")], REGISTER)).toBe("ok");
  });

  test("a read that misses what was acknowledged before it is stale", () => {
    expect(linearizable([write(0, 10, "a"), read(11, 12, "")], REGISTER)).toBe("violated");
  });

  test("what one read has seen, no later read may miss", () => {
    expect(linearizable([write(0, 99, "a"), read(10, 20, "a"), read(30, 40, "")], REGISTER)).toBe("violated");
    expect(linearizable([write(0, 99, "a"), read(10, 35, "a"), read(30, 40, "")], REGISTER)).toBe("ok");
  });

  test("a write without an answer may have happened, or not, but not both", () => {
    expect(linearizable([write(0, NEVER, "a"), read(10, 20, "a")], REGISTER)).toBe("ok");
    expect(linearizable([write(0, NEVER, "a"), read(10, 20, "")], REGISTER)).toBe("ok");
    expect(linearizable([write(0, NEVER, "a"), read(10, 20, "a"), read(30, 40, "")], REGISTER)).toBe("violated");
  });

  test("an operation that nothing explains is found among many that are well", () => {
    const history = Array.from({ length: 500 }, (_, i) => write(10 * i, 10 * i + 15, String(i)));
    expect(linearizable([...history, read(5_001, 5_002, "499")], REGISTER)).toBe("ok");
    expect(linearizable([...history, read(5_011, 5_012, "497")], REGISTER)).toBe("violated");
  });

  test("agrees with trying all orders", () => {
    const operation = fc.record({
      kind: fc.constantFrom("read" as const, "write" as const, "cas" as const),
      askedUs: fc.integer({ min: 0, max: 20 }),
      takesUs: fc.integer({ min: 0, max: 10 }),
      answered: fc.boolean(),
      swapped: fc.boolean(),
      value: fc.constantFrom("", "a", "b"),
      replacement: fc.constantFrom("a", "b"),
    });
    fc.assert(
      fc.property(fc.array(operation, { maxLength: 6 }), (drawn) => {
        const history = drawn.map(({ kind, askedUs, takesUs, answered, swapped, value, replacement }) => {
          const known = answered || kind === "read";
          const answeredUs = known ? askedUs + takesUs : NEVER;
          const base = { kind, askedUs, answeredUs, value, replacement };
          return known && kind === "cas" ? { ...base, swapped } : base;
        });
        expect(linearizable(history, REGISTER)).toBe(naive(history) ? "ok" : "violated");
      }),
      { numRuns: 3_000 },
    );
  });
});
