import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { Raft } from "./raft.ts";
import { SafetyError } from "./safety.test-support.ts";
import { runScript } from "./script.test-support.ts";

const FOLDER = join(import.meta.dirname, "testdata");

describe("protocol scripts", () => {
  const scripts = readdirSync(FOLDER).filter((name) => name.endsWith(".txt"));

  test.each(scripts)("%s", async (name) => {
    const path = join(FOLDER, name);
    await expect(runScript(readFileSync(path, "utf8"))).toMatchFileSnapshot(path);
  });

  test("a script whose output is wrong is seen", () => {
    const script = "nodes 3\ncampaign 1\n----\n  1 leader t9\n";
    expect(runScript(script)).toBe("nodes 3\ncampaign 1\n----\n  1 preCandidate t0\n");
  });

  test("figure 8 sees a leader that counts replicas of entries of older terms (§5.4.2)", () => {
    class CountsReplicasOfOlderTerms extends Raft {
      protected override quorumIndexIsCommittable(): boolean {
        return true;
      }
    }
    const script = readFileSync(join(FOLDER, "figure8.txt"), "utf8");
    const run = (): string => runScript(script, (options) => new CountsReplicasOfOlderTerms(options));
    expect(run).toThrow(expect.objectContaining({ cause: expect.any(SafetyError) }));
  });

  test("lease.txt sees a promise that is said to hold for longer than it does (§6.4.1)", () => {
    const script = readFileSync(join(FOLDER, "lease.txt"), "utf8");
    expect(runScript(script, (options) => new Raft({ ...options, tickMs: options.tickMs * 2 }))).not.toBe(script);
  });

  test("a script with a mistake says where it is", () => {
    expect(() => runScript("nodes 3\nelect 1\n----\n")).toThrow("in the command: elect 1");
  });
});
