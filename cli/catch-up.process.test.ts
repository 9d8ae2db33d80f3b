/** A real cluster whose logs forget: a node that was away too long is given a checkpoint, and goes on in the same process. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { QuorateClient } from "../node/client/index.ts";
import { accountBatches, TransferBatches } from "../node/ledger/flat-batches.ts";
import { agreed, endCluster, freshCluster } from "./fresh-cluster.test-support.ts";
import type { LocalCluster } from "./processes.ts";
import { ran } from "./run.contract.ts";

const PATIENCE_MS = 120_000;
const SHAPE = { accounts: 1_000, ledger: 978, code: 1 };
/** Of 1 MiB each: the logs fill several files, and whole files are what they give up. */
const BATCHES = 24;
const EVENTS = 8_190;

let local: LocalCluster;

beforeAll(async () => {
  local = await freshCluster({
    ...{ name: "catch-up", nodes: 3, patienceMs: PATIENCE_MS },
    prepare: ({ nodeIds, directory }) => {
      for (const id of nodeIds) {
        const path = join(directory, `node-${id}`, "config.json");
        const config = JSON.parse(readFileSync(path, "utf8")) as object;
        const forgetful = { checkpointBlocks: 4, retainBlocks: 2, segmentBytes: 8_388_608 };
        writeFileSync(path, JSON.stringify({ ...config, ...forgetful }));
      }
    },
  });
}, PATIENCE_MS);

afterAll(async () => await endCluster(local));

test("a node that was away too long comes back by a checkpoint, with the same state", {
  timeout: PATIENCE_MS,
}, async () => {
  await local.stopNode(3);
  const client = await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
  for (const batch of accountBatches(SHAPE)) await client.submit({ kind: "createAccounts", batch });
  const transfers = new TransferBatches(SHAPE, 1, 1);
  for (let i = 0; i < BATCHES; i++) await client.submit({ kind: "createTransfers", batch: transfers.next(EVENTS) });
  local.startNode(3);
  const nodes = await agreed(local);
  expect(new Set(nodes.map(({ digest }) => digest)).size).toBe(1);
  expect(Number(nodes[2]?.sections["ledger"]?.["checkpointGeneration"])).toBeGreaterThan(1);
  expect(Number(nodes[2]?.sections["log"]?.["firstIndex"])).toBeGreaterThan(1);
  await client.submit({ kind: "createTransfers", batch: transfers.next(1) });
  client.close();
  await agreed(local);
  await Promise.all(local.nodeIds.map((node) => local.stopNode(node)));
  const { code, out } = await ran("verify", local.directory, "--json");
  expect({
    code,
    problems: (JSON.parse(out) as { nodes: { problems: unknown }[] }).nodes.map((n) => n.problems),
  }).toEqual({
    code: 0,
    problems: [[], [], []],
  });
});
