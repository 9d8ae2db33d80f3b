/** Two results of `quorate bench --json` side by side: what a figure is a multiple of. */
import { readFileSync } from "node:fs";
import { CodedError, errorMessage } from "../../node/base/errors.ts";
import type { Settings } from "./arguments.ts";
import { machineDifferences } from "./machine.ts";
import type { BenchResult, BenchRun } from "./report.ts";

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
export function assertComparable(before: Asked, now: Asked): void {
  const was: Readonly<Record<string, SettingValue>> = { load: before.load, ...before.settings };
  const is: Readonly<Record<string, SettingValue>> = { load: now.load, ...now.settings };
  for (const name of Object.keys({ ...was, ...is })) {
    if (was[name] === is[name]) continue;
    throw new CodedError(
      "bench_not_comparable",
      `${name} was ${valueText(was[name])}, and is ${valueText(is[name])} now`,
    );
  }
}

type Asked = Pick<BenchResult, "load" | "settings">;

type SettingValue = Settings[string] | undefined;

function valueText(value: SettingValue): string {
  return value === undefined ? "not told" : String(value);
}

/** What else makes figures differ, of which nobody who compares need be kept: versions, and the machine. */
export function differencesText(before: BenchResult, now: BenchRun): string | undefined {
  const version =
    before.version === now.version ? [] : [`Quorate was ${before.version ?? "unknown"}, and is ${now.version} now`];
  const differences = [...version, ...machineDifferences(before.machine, now.machine)];
  return differences.length === 0 ? undefined : `Measured otherwise: ${differences.join("; ")}`;
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
