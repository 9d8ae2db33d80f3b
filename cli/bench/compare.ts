/** Two results of `quorate bench --json` side by side: what a figure is a multiple of. */
import { readFileSync } from "node:fs";
import { CodedError, errorMessage } from "../../node/base/errors.ts";
import type { BenchResult } from "./report.ts";

/** One figure before and now; `ratio` is now / before. */
export interface Compared {
  readonly figure: string;
  readonly before: number;
  readonly now: number;
  readonly ratio: number;
}

/**
 * Reads the result in the last line of a file that `quorate bench --json` has written; throws `CodedError`
 * `bench_not_comparable`.
 */
export function readResult(path: string): BenchResult {
  try {
    const result = JSON.parse(readFileSync(path, "utf8").trim().split("\n").at(-1) ?? "") as BenchResult;
    if (typeof result.load === "string" && typeof result.figures === "object" && result.figures !== null) return result;
  } catch (error) {
    throw new CodedError("bench_not_comparable", `${path} cannot be read: ${errorMessage(error)}`, {}, error);
  }
  throw new CodedError("bench_not_comparable", `${path} is not what "quorate bench --json" writes`);
}

/** Whether two results may be compared at all; throws `CodedError` `bench_not_comparable` with the setting that differs. */
export function assertComparable(before: BenchResult, now: Pick<BenchResult, "load" | "settings">): void {
  const settings = { load: before.load, ...before.settings };
  for (const [name, value] of Object.entries({ load: now.load, ...now.settings })) {
    const other = (settings as Readonly<Record<string, unknown>>)[name];
    if (other === value) continue;
    throw new CodedError("bench_not_comparable", `${name} was ${String(other)}, and is ${String(value)} now`);
  }
}

/** All numbers that both have, in the order of the present result. */
export function compareFigures(before: BenchResult, now: BenchResult): readonly Compared[] {
  const old = numbersIn(before.figures);
  return [...numbersIn(now.figures)].flatMap(([figure, value]) => {
    const was = old.get(figure);
    if (was === undefined || was === 0) return [];
    return [{ figure, before: was, now: value, ratio: Math.round((value / was) * 1_000) / 1_000 }];
  });
}

/** By their paths: `batchLatencyMs.p50`. */
function numbersIn(figures: object, path = ""): Map<string, number> {
  const found = new Map<string, number>();
  for (const [name, value] of Object.entries(figures)) {
    if (typeof value === "number") found.set(path + name, value);
    else if (typeof value === "object" && value !== null) {
      for (const [inner, number] of numbersIn(value, `${path}${name}.`)) found.set(inner, number);
    }
  }
  return found;
}
