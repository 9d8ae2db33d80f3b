/** Comparing what a node shows with what a reference says, field by field. */
import type { Verdict } from "./verdict.ts";

/** Fails unless two values of the same shape are equal in all fields of the expected one. */
export function expectSame(
  verdict: Verdict,
  checker: string,
  actual: unknown,
  expected: unknown,
  where: () => string,
): void {
  if (same(actual, expected)) return;
  verdict.fail(checker, `${where()}: ${text(actual)}, the reference says ${text(expected)}`);
}

function same(actual: unknown, expected: unknown): boolean {
  if (typeof actual !== "object" || typeof expected !== "object" || actual === null || expected === null) {
    return actual === expected;
  }
  if (Array.isArray(expected) && (actual as readonly unknown[]).length !== expected.length) return false;
  for (const name in expected) {
    if (!same(actual[name as keyof typeof actual], expected[name as keyof typeof expected])) return false;
  }
  return true;
}

function text(value: unknown): string {
  return JSON.stringify(value, (_key, field: unknown) => (typeof field === "bigint" ? `${field}` : field));
}
