/**
 * A rolling upgrade of a real cluster under load, one story from top to bottom: three nodes that read the first release only
 * get the newest one after the other, and the release is raised when the last one has it, and not before.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { FIRST_RELEASE, NEWEST_RELEASE } from "../node/base/release.ts";
import { QuorateClient } from "../node/client/index.ts";
import { missingOf, SteadyTransfers } from "./backup/steady-transfers.test-support.ts";
import { type ClusterRelease, clusterRelease } from "./cluster-release.ts";
import { endCluster, freshCluster } from "./fresh-cluster.test-support.ts";
import { clusterStatus, waitReady } from "./node-status.ts";
import type { LocalCluster } from "./processes.ts";
import { ran } from "./run.contract.ts";
import { until } from "./waiting.test-support.ts";

/** Everything must be over by then, on a slow machine too. */
const PATIENCE_MS = 120_000;
/** Transfers that are waited for after each step. */
const SOME = 20;

let local: LocalCluster;
let load: SteadyTransfers;

beforeAll(async () => {
  const prepare = (made: LocalCluster): void => {
    local = made;
    for (const id of local.nodeIds) holdBack(id, FIRST_RELEASE);
  };
  local = await freshCluster({ name: "upgrade", nodes: 3, patienceMs: PATIENCE_MS, prepare });
  load = await SteadyTransfers.start(local.cluster, local.admin, 1n, PATIENCE_MS);
}, PATIENCE_MS);

afterAll(async () => {
  await load.rest();
  await endCluster(local);
}, PATIENCE_MS);

function home(id: number): string {
  return join(local.directory, `node-${id}`);
}

/** Says in a node's configuration up to which release it reads; undefined: whatever its program knows. */
function holdBack(id: number, releaseMax: number | undefined): void {
  const path = join(home(id), "config.json");
  const config = JSON.parse(readFileSync(path, "utf8")) as object;
  // Checkpoints are written on the way, under both releases.
  writeFileSync(path, JSON.stringify({ ...config, checkpointBlocks: 10, releaseMax }));
}

async function release(): Promise<ClusterRelease | undefined> {
  return clusterRelease(await clusterStatus(local.cluster, local.admin));
}

test("nodes are upgraded one after the other, and the last one lets the release rise", async () => {
  for (const id of local.nodeIds) {
    await load.answers(SOME);
    expect((await release())?.release).toBe(FIRST_RELEASE);
    expect(await local.stopNode(id)).toBe(0);
    await load.answers(SOME);
    holdBack(id, undefined);
    local.startNode(id);
    await waitReady(local.cluster, local.admin, PATIENCE_MS);
  }
  const after = await until("the release to rise", async () => {
    const now = await release();
    return now?.release === NEWEST_RELEASE ? now : undefined;
  });
  expect(after.heldBackBy).toEqual([]);
  await load.answers(SOME);
});

test("nothing that was acknowledged is lost, and all nodes hold what their logs say", async () => {
  await load.rest();
  expect(load.failure).toBeUndefined();
  const client = await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
  const ids = load.acknowledged.map(({ id }) => id);
  expect([ids.length >= 7 * SOME, await missingOf(client, ids)]).toEqual([true, []]);
  client.close();
  await local.stopAll();
  const { code, out } = await ran("verify", local.directory);
  expect(code, out).toBe(0);
});

test("a node whose program or configuration is held back again does not start, and says why", async () => {
  holdBack(1, FIRST_RELEASE);
  const refused = await ran("start", "--config", join(home(1), "config.json"));
  expect(refused).toMatchObject({ code: 1, err: expect.stringContaining("(release_too_new)") });
  expect(refused.err).toContain(`release ${NEWEST_RELEASE}, and this node reads up to release 1`);
  const shown = await ran("log", "show", home(1), "--from", String(load.acknowledged.at(-1)?.height));
  expect(shown.out).toMatch(/ term \d+ by node [123], /);
});
