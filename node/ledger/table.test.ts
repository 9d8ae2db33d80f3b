/** The tables in testdata: every rule with an example, in its order of precedence. `vitest -u` writes what came out. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { ACCOUNT_STATUS_NUMBERS, TRANSFER_STATUS_NUMBERS } from "../../sim/check/reference-ledger.ts";
import { runScript } from "./table.test-support.ts";

const FOLDER = join(import.meta.dirname, "testdata");
const NAMES: readonly string[] = readdirSync(FOLDER);

function read(name: string): string {
  return readFileSync(join(FOLDER, name), "utf8");
}

describe("tables", () => {
  test.each(NAMES)("%s", async (name) => {
    await expect(runScript(read(name))).toMatchFileSnapshot(join(FOLDER, name));
  });

  test("have an example of every status", () => {
    const words = new Set(NAMES.flatMap((name) => read(name).split(/[\s@]+/)));
    const statuses = [...Object.keys(ACCOUNT_STATUS_NUMBERS), ...Object.keys(TRANSFER_STATUS_NUMBERS)];
    expect(statuses.filter((status) => !words.has(status))).toEqual([]);
  });
});
