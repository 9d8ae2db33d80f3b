import { mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { programHash } from "./program.ts";

const ROOT = mkdtempSync(join(tmpdir(), "quorate-program-"));
for (const folder of ["cli", "consensus", "node/ledger", "sim", "storage"])
  mkdirSync(join(ROOT, folder), { recursive: true });
const MODULE = join(ROOT, "node/ledger/limits.js");

afterAll(() => rmSync(ROOT, { recursive: true }));

test("a program is known by the paths and contents of the modules that decide its runs, and by nothing else", () => {
  writeFileSync(MODULE, "export const LIMIT = 1;\n");
  writeFileSync(join(ROOT, "storage/log.js"), "");
  const before = programHash(ROOT, ".js");
  expect(before).toMatch(/^[0-9a-f]{16}$/);
  writeFileSync(join(ROOT, "cli/output.js"), "export const COLOURS = 16;\n");
  writeFileSync(`${MODULE}.map`, "{}");
  expect(programHash(ROOT, ".js")).toBe(before);
  writeFileSync(MODULE, "export const LIMIT = 2;\n");
  expect(programHash(ROOT, ".js")).not.toBe(before);
  writeFileSync(MODULE, "export const LIMIT = 1;\n");
  renameSync(MODULE, join(ROOT, "node/limits.js"));
  expect(programHash(ROOT, ".js")).not.toBe(before);
});

test("this program is the same each time it is asked", () => {
  expect(programHash()).toBe(programHash());
});
