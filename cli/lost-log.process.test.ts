/** A real cluster in which a node loses its log and all that stands beside it, before there is any checkpoint. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../node/client/ask.ts";
import { QuorateClient } from "../node/client/index.ts";
import { accountBatches } from "../node/ledger/flat-batches.ts";
import { agreed, endCluster, freshCluster } from "./fresh-cluster.test-support.ts";
import { clusterStatus } from "./node-status.ts";
import type { LocalCluster } from "./processes.ts";
import { ran } from "./run.contract.ts";
import { until } from "./waiting.test-support.ts";

const PATIENCE_MS = 120_000;
const SHAPE = { accounts: 10, ledger: 978, code: 1 };

let local: LocalCluster;

beforeAll(async () => {
  local = await freshCluster({ name: "lost-log", nodes: 3, patienceMs: PATIENCE_MS });
  const client = await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
  for (const batch of accountBatches(SHAPE)) await client.submit({ kind: "createAccounts", batch });
  client.close();
  await agreed(local);
}, PATIENCE_MS);

afterAll(async () => await endCluster(local));

function loseLog(id: number): void {
  for (const part of ["log", "log.reached"])
    rmSync(join(local.directory, `node-${id}`, "data", part), { recursive: true });
}

test("it takes no part until it has its log back from a leader, and cannot make up a quorum without", {
  timeout: PATIENCE_MS,
}, async () => {
  for (const id of [2, 3]) await local.stopNode(id);
  loseLog(3);
  const { code, out } = await ran("verify", join(local.directory, "node-3"));
  expect([code, out]).toEqual([1, expect.stringContaining("the log is gone, with all that stood beside it")]);
  local.startNode(3);
  const said = (): string => readFileSync(local.logOf("node-3"), "utf8");
  // With a vote of node 3 there would be a leader by now.
  await until("node 3 to say what it waits for", () => said().includes('"mend.waiting"') || undefined);
  expect(said()).toMatch(/"mend.begun".*wal_missing_segment/);
  const roles = (await clusterStatus(local.cluster, local.admin)).map(({ role }) => role);
  expect(roles).not.toContain("leader");
  local.startNode(2);
  await agreed(local);
  const client = await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
  expect(await ask(client, { type: "summary" })).toMatchObject({ accounts: SHAPE.accounts });
  client.close();
  await Promise.all(local.nodeIds.map((node) => local.stopNode(node)));
  expect((await ran("verify", local.directory)).code).toBe(0);
});
