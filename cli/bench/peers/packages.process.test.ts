/** What an installation may start. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { withoutServices } from "./packages.ts";

const directory = mkdtempSync(join(tmpdir(), "quorate-policy-test-"));
const policyFile = join(directory, "policy-rc.d");

afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
});

test("services are forbidden while something is installed, and not afterwards; a policy that is there stays", () => {
  withoutServices(policyFile, () => expect(spawnSync(policyFile, ["etcd", "start"]).status).toBe(101));
  expect(existsSync(policyFile)).toBe(false);
  const failing = (): void => {
    expect(existsSync(policyFile)).toBe(true);
    throw new Error("no network");
  };
  expect(() => withoutServices(policyFile, failing)).toThrow("no network");
  expect(existsSync(policyFile)).toBe(false);
  writeFileSync(policyFile, "the machine's own");
  withoutServices(policyFile, () => undefined);
  expect(readFileSync(policyFile, "utf8")).toBe("the machine's own");
});
