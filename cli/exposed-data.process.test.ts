/** A node whose data others than its owner may enter runs, and says so in its log. */
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { LocalCluster } from "./processes.ts";
import { Spawned } from "./spawned.contract.ts";

const home = mkdtempSync(join(tmpdir(), "quorate-exposed-"));
afterEach(() => rmSync(home, { recursive: true, force: true }));

test("a data directory is made for its owner only, and one that others may enter is told, with the remedy", {
  timeout: 120_000,
}, async () => {
  const { directory } = await LocalCluster.init({ directory: join(home, "cluster"), nodes: 1, nowMs: Date.now() });
  const config = join(directory, "node-1", "config.json");
  const data = join(directory, "node-1", "data");
  const logOf = async (): Promise<string> => {
    const node = new Spawned(["start", "--config", config]);
    await node.says("node.started");
    node.send("SIGTERM");
    expect(await node.code()).toBe(0);
    return node.err;
  };
  expect(await logOf()).not.toContain("node.data_exposed");
  chmodSync(data, 0o750);
  const lines = (await logOf()).split("\n").filter((line) => line.includes("node.data_exposed"));
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    expect.objectContaining({ level: 40, data, remedy: `chmod 700 ${data}` }),
  ]);
});
