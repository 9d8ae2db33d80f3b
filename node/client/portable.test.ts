import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

const IMPORT = /^(?:import|export)\s+(?!type )(?:[\w\s{},*$]+\s+from\s+)?"([^"]+)"/gm;

/** Everything that a module loads, directly or not: files, and packages by name. */
function loadedBy(path: string, seen = new Set<string>()): ReadonlySet<string> {
  if (seen.has(path)) return seen;
  seen.add(path);
  for (const [, specifier = ""] of readFileSync(path, "utf8").matchAll(IMPORT)) {
    if (specifier.startsWith(".")) loadedBy(join(dirname(path), specifier), seen);
    else seen.add(specifier);
  }
  return seen;
}

function packagesOf(file: string): string[] {
  return [...loadedBy(join(import.meta.dirname, file))].filter((name) => !existsSync(name)).sort();
}

test("the portable part loads nothing of Node and no socket", () => {
  expect(packagesOf("portable.ts")).toEqual([
    "@noble/curves/ed25519.js",
    "@noble/curves/utils.js",
    "@noble/hashes/sha2.js",
    "@noble/hashes/utils.js",
    "msgpackr",
  ]);
});

test("the check sees what the whole library loads", () => {
  expect(packagesOf("index.ts")).toEqual(expect.arrayContaining(["node:fs", "ws"]));
});
