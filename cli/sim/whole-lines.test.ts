import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { wholeBytes, wholeLines } from "./whole-lines.ts";

const DIRECTORY = mkdtempSync(join(tmpdir(), "quorate-lines-"));
const FILE = join(DIRECTORY, "file");

afterAll(() => rmSync(DIRECTORY, { recursive: true }));

test.each([
  ["nothing", "", []],
  ["a line that is not ended", "one\ntwo", ["one"]],
  ["an empty one", "one\n\ntwo\n", ["one", "", "two"]],
])("of a file with %s", (_, text, lines) => {
  writeFileSync(FILE, text);
  expect([...wholeLines(FILE)]).toEqual(lines);
  expect(wholeBytes(FILE)).toBe(lines.reduce((bytes, line) => bytes + line.length + 1, 0));
});

test("longer than what is read at once, with a character on the border", () => {
  const long = `${"x".repeat(1_048_575)}\u00fc${"y".repeat(2_000_000)}`;
  writeFileSync(FILE, `${long}\nshort\n${long}`);
  expect([...wholeLines(FILE)]).toEqual([long, "short"]);
  expect(wholeBytes(FILE)).toBe(Buffer.byteLength(`${long}\nshort\n`));
});
