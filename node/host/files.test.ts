import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { replaceText } from "./files.ts";

const home = mkdtempSync(join(tmpdir(), "quorate-files-"));
afterAll(() => rmSync(home, { recursive: true }));

test("a text takes the place of another, and nothing else is left", () => {
  const path = join(home, "cluster.json");
  for (const text of ["one", "another, which is longer", "x"]) {
    replaceText(path, text);
    expect([readFileSync(path, "utf8"), readdirSync(home)]).toEqual([text, ["cluster.json"]]);
  }
});

test("what cannot be written is said, and leaves no half of it behind", () => {
  const taken = join(home, "directory");
  mkdirSync(taken);
  const refused = expect.objectContaining({ code: "file_unusable", facts: { path: taken } }) as Error;
  expect(() => replaceText(taken, "x")).toThrow(refused);
  expect(readdirSync(home)).not.toContain("directory.new");
  expect(() => replaceText(join(home, "missing", "file"), "x")).toThrow("cannot be written");
});
