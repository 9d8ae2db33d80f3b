import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { assertComparable, compareFigures, differencesText, readResult } from "./compare.ts";
import type { BenchResult } from "./report.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-compare-"));
afterAll(() => rmSync(directory, { recursive: true }));

const MACHINE = { cpu: "x", cores: 2, memoryGiB: 24, node: "v20", openssl: "3", loadAverage: 0 };
const result = (figures: object, settings: BenchResult["settings"] = { nodes: 3 }): BenchResult => ({
  ...{ load: "bulk", version: "1.0.0", machine: MACHINE, durability: "all", settings },
  figures: { ...figures },
});

function fileOf(text: string): string {
  const path = join(directory, "result.json");
  writeFileSync(path, text);
  return path;
}

test("each number that both have is told with its ratio, whatever it stands in", () => {
  const before = result({ seconds: 4, latency: { p50: 10, gone: 1 }, zero: 0, note: "x" });
  const now = result({ seconds: 3, latency: { p50: 25, added: 1 }, zero: 0, note: "y" });
  expect(compareFigures(before, now)).toEqual([
    { figure: "seconds", before: 4, now: 3, ratio: 0.75 },
    { figure: "latency.p50", before: 10, now: 25, ratio: 2.5 },
  ]);
});

test("a result is the last line of its file", () => {
  const written = result({ seconds: 1 });
  expect(readResult(fileOf(`{"progress": 1}\n${JSON.stringify(written)}\n`))).toEqual(written);
});

test.each(["", "seconds 4", "3", "null", '{"load": "bulk"}'])("%j is no result", (text) => {
  expect(() => readResult(fileOf(text))).toThrow(expect.objectContaining({ code: "bench_not_comparable" }));
});

test("what was measured otherwise is not compared", () => {
  const before = result({}, { nodes: 3, batch: 8_190 });
  expect(() => assertComparable(before, before)).not.toThrow();
  expect(() => assertComparable(before, { load: "signed", settings: before.settings })).toThrow("load was bulk");
  expect(() => assertComparable(before, result({}, { nodes: 5, batch: 8_190 }))).toThrow("nodes was 3, and is 5 now");
  expect(() => assertComparable(before, result({}, { nodes: 3 }))).toThrow("batch was 8190, and is not told now");
});

test("another machine or version is told, and how busy it is is not", () => {
  const before = result({});
  expect(differencesText(before, { ...before, machine: { ...MACHINE, loadAverage: 7 } })).toBeUndefined();
  const machine = { ...MACHINE, cores: 64, disk: { fileSystem: "ext4", syncMs: 1 } };
  expect(differencesText(before, { ...before, version: "1.1.0", machine })).toBe(
    "Measured otherwise: Quorate was 1.0.0, and is 1.1.0 now; cores was 2, and is 64 now; fileSystem was unknown, and is ext4 now",
  );
});
