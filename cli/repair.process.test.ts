/** A real cluster in which logs are damaged: what one node has lost the others give back, and what all have lost is said. */
import { closeSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../node/client/ask.ts";
import { QuorateClient } from "../node/client/index.ts";
import { accountBatches, TransferBatches } from "../node/ledger/flat-batches.ts";
import { agreed, endCluster, freshCluster } from "./fresh-cluster.test-support.ts";
import { waitReady } from "./node-status.ts";
import type { LocalCluster } from "./processes.ts";
import { ran } from "./run.contract.ts";
import { until } from "./waiting.test-support.ts";

const PATIENCE_MS = 120_000;
const EXIT_FATAL = 70;
const SHAPE = { accounts: 1_000, ledger: 978, code: 1 };
/** Of 1 MiB each: the logs fill several files. */
const BATCHES = 24;
const EVENTS = 8_190;

let local: LocalCluster;
const exits: string[] = [];

beforeAll(async () => {
  local = await freshCluster({
    ...{ name: "repair", nodes: 3, patienceMs: PATIENCE_MS },
    prepare: (made) => {
      made.onUnexpectedExit = (name, ending) => exits.push(`${name} ${ending}`);
      for (const id of made.nodeIds) {
        const path = join(made.directory, `node-${id}`, "config.json");
        const config = JSON.parse(readFileSync(path, "utf8")) as object;
        const small = { checkpointBlocks: 4, segmentBytes: 8_388_608, cacheBytes: 1_048_576 };
        writeFileSync(path, JSON.stringify({ ...config, ...small }));
      }
    },
  });
  const client = await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
  for (const batch of accountBatches(SHAPE)) await client.submit({ kind: "createAccounts", batch });
  const transfers = new TransferBatches(SHAPE, 1, 1);
  for (let i = 0; i < BATCHES; i++) await client.submit({ kind: "createTransfers", batch: transfers.next(EVENTS) });
  client.close();
  await agreed(local);
}, PATIENCE_MS);

afterAll(async () => await endCluster(local));

function logOf(id: number): string {
  return join(local.directory, `node-${id}`, "data", "log");
}

function segmentsOf(id: number): string[] {
  return readdirSync(logOf(id)).filter((name) => name.endsWith(".wal"));
}

/** Flips a bit in a file of a node's log. */
function damage(id: number, name: string, offset: number): void {
  const file = openSync(join(logOf(id), name), "r+");
  const byte = new Uint8Array(1);
  readSync(file, byte, 0, 1, offset);
  writeSync(file, Uint8Array.of((byte[0] ?? 0) ^ 4), 0, 1, offset);
  closeSync(file);
}

async function expectSound(): Promise<void> {
  const nodes = await agreed(local);
  expect(new Set(nodes.map(({ digest }) => digest)).size).toBe(1);
  await Promise.all(local.nodeIds.map((node) => local.stopNode(node)));
  const { code, out } = await ran("verify", local.directory, "--json");
  expect([code, (JSON.parse(out) as { problems: unknown }).problems]).toEqual([0, []]);
  for (const id of local.nodeIds) local.startNode(id);
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
}

test("an old file with a flipped bit, and the end of the newest, come back from the others", {
  timeout: PATIENCE_MS,
}, async () => {
  await local.stopNode(3);
  const [first = "", second = ""] = segmentsOf(3);
  const newest = segmentsOf(3).at(-1) ?? "";
  expect(segmentsOf(3).length).toBeGreaterThan(2);
  damage(3, first, 1_500_000);
  rmSync(join(logOf(3), second));
  const used = readFileSync(join(logOf(3), newest)).findLastIndex((byte) => byte !== 0);
  damage(3, newest, used - 100); // in the last block, of which a mark behind it tells
  const before = await ran("scrub", join(local.directory, "node-3"), "--json");
  expect(before.code).toBe(1);
  local.startNode(3);
  const nodes = await agreed(local);
  expect(Number(nodes[2]?.sections["repair"]?.["repairedBlocks"])).toBeGreaterThan(5);
  expect(readFileSync(local.logOf("node-3"), "utf8")).toMatch(/"mend.end".*"leader"/);
  await expectSound();
});

test("a log of which no file is left is missed, and comes back from the others", { timeout: PATIENCE_MS }, async () => {
  await local.stopNode(3);
  for (const file of segmentsOf(3)) rmSync(join(logOf(3), file));
  local.startNode(3);
  await agreed(local);
  expect(readFileSync(local.logOf("node-3"), "utf8")).toMatch(/"mend.begun".*wal_missing_segment/);
  await expectSound();
});

test("scrub finds what is damaged under a running node, and the others give it back", {
  timeout: PATIENCE_MS,
}, async () => {
  const args = ["--cluster", local.clusterFile, "--json"];
  const repairedBlocks = async (): Promise<number> =>
    Number((await agreed(local))[1]?.sections["repair"]?.["repairedBlocks"]);
  const before = await repairedBlocks();
  damage(2, segmentsOf(2)[0] ?? "", 1_500_000);
  damage(2, segmentsOf(2)[0] ?? "", 3_500_000);
  const { code, out } = await ran("scrub", ...args);
  const { sound, nodes } = JSON.parse(out) as { sound: boolean; nodes: readonly Record<string, unknown>[] };
  const counts = nodes.map(({ node, damaged, repaired, left }) => [node, damaged, repaired, left]);
  // The node reads in the background, too, and may have found the first before it was asked.
  const found = Number(nodes[1]?.["damaged"]);
  const [one, two, three] = [
    [1, 0, 0, 0],
    [2, found, found, 0],
    [3, 0, 0, 0],
  ];
  expect([code, sound, counts]).toEqual([0, true, [one, two, three]]);
  expect([found >= 1, (await repairedBlocks()) - before]).toEqual([true, 2]);
  expect(JSON.stringify(nodes[1]?.["damage"])).toMatch(/0000000000000001\.wal, byte \d+, height \d+/);
  expect((await ran("scrub", "--node", "9", ...args)).code).toBe(2);
  await expectSound();
});

test("a node that needs a damaged block starts again in place, and mends it first", {
  timeout: PATIENCE_MS,
}, async () => {
  const before = Number((await agreed(local))[0]?.sections["repair"]?.["repairedBlocks"]);
  damage(1, segmentsOf(1)[0] ?? "", 1_500_000);
  const nodes = local.cluster.nodes.filter(({ id }) => id === 1);
  const reader = await QuorateClient.openReader({
    ...{ cluster: { ...local.cluster, nodes }, signer: local.admin, deadlineMs: PATIENCE_MS },
  });
  // The same question again, once the node is there again, is answered.
  const { blocks } = await ask(reader, { type: "blocks", from: 5 }, "local");
  reader.close();
  expect(blocks.length).toBeGreaterThan(0);
  expect(readFileSync(local.logOf("node-1"), "utf8")).toContain("log.damaged");
  const after = Number((await agreed(local))[0]?.sections["repair"]?.["repairedBlocks"]);
  expect([after > before, exits]).toEqual([true, []]);
  await expectSound();
});

test("what all have lost is said, and nobody goes on without it", { timeout: PATIENCE_MS }, async () => {
  await Promise.all(local.nodeIds.map((node) => local.stopNode(node)));
  for (const id of local.nodeIds) damage(id, segmentsOf(id)[0] ?? "", 1_500_000);
  const { code, out } = await ran("scrub", local.directory);
  expect([code, out.match(/DAMAGE/g)?.length, out]).toEqual([1, 3, expect.stringContaining("height")]);
  for (const id of local.nodeIds) local.startNode(id);
  await until("all nodes to stop", () => (exits.length === 3 ? true : undefined));
  expect(exits.toSorted()).toEqual(local.nodeIds.map((id) => `node-${id} with code ${EXIT_FATAL}`));
  expect(readFileSync(local.logOf("node-1"), "utf8")).toMatch(/block \d+ is lost here, and no other node has it/);
});
