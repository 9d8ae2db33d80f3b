/**
 * Two of three nodes are lost for good, with their disks, while a real cluster works. The third one goes on alone, others
 * join it, and what was acknowledged and stands in its log is still there. The old disk of a lost node, started after all,
 * disturbs nobody.
 */
import { cpSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { QuorateClient } from "../../node/client/index.ts";
import { missingOf, SteadyTransfers } from "../backup/steady-transfers.test-support.ts";
import { freePorts } from "../free-ports.ts";
import { endCluster, freshCluster } from "../fresh-cluster.test-support.ts";
import { clusterStatus, leaderOf, waitReady } from "../node-status.ts";
import { LocalCluster } from "../processes.ts";
import { ran, ranJson } from "../run.contract.ts";
import { Spawned } from "../spawned.contract.ts";
import { pause, until } from "../waiting.test-support.ts";

const PATIENCE_MS = 120_000;
/** After it a client of a cluster without a quorum says so. */
const LOST_MS = 4_000;

let local: LocalCluster;

beforeAll(async () => {
  local = await freshCluster({ name: "recover", nodes: 3, patienceMs: PATIENCE_MS });
}, PATIENCE_MS);

afterAll(async () => await endCluster(local), PATIENCE_MS);

const homeOf = (id: number): string => join(local.directory, `node-${id}`);

async function client(): Promise<QuorateClient> {
  return await QuorateClient.open({ cluster: local.cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
}

test("the node that is left goes on alone, and grows a cluster again", { timeout: 3 * PATIENCE_MS }, async () => {
  const load = await SteadyTransfers.start(local.cluster, local.admin, 1n, LOST_MS);
  await load.answers(100);
  await Promise.all([local.killNode(2), local.killNode(3)]);
  await load.rest();
  expect(load.failure).toMatch(/no answer|deadline|unknown/i);
  await local.stopNode(1);
  const old = join(dirname(local.directory), "old");
  cpSync(homeOf(2), join(old, "node-2"), { recursive: true });
  cpSync(local.clusterFile, join(old, "cluster.json"));

  const alive = new Spawned(["start", "--config", join(homeOf(2), "config.json")]);
  await alive.says("node.started");
  const refused = await ran("recover", homeOf(1), "--accept-data-loss", "--json");
  expect([refused.code, JSON.parse(refused.out)]).toMatchObject([1, { error: { code: "lost_node_answers" } }]);
  alive.ctrlC();
  await alive.code();
  for (const id of [2, 3]) rmSync(homeOf(id), { recursive: true });

  const looked = await ran("recover", homeOf(1), "--json");
  expect(looked.code).toBe(1);
  expect(JSON.parse(looked.out)).toMatchObject({ error: { code: "data_loss_not_accepted" } });
  expect(looked.err).toContain("WHAT MAY BE MISSING");
  const done = await ranJson("recover", homeOf(1), "--accept-data-loss");
  expect(done).toMatchObject({ nodes: [1], lost: [2, 3], from: 1 });
  expect(local.nodeIds).toEqual([1]);

  local.startNode(1);
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  const reader = await client();
  const missing = new Set(
    await missingOf(
      reader,
      load.acknowledged.map(({ id }) => id),
    ),
  );
  reader.close();
  // Three blocks were added to what node 1 had: those of the recovery.
  const lastHeight = Number(done["height"]) - 3;
  expect(load.acknowledged.filter(({ id, height }) => missing.has(id) !== height > lastHeight)).toEqual([]);

  const again = await SteadyTransfers.start(local.cluster, local.admin, 1_000_000n, PATIENCE_MS);
  const ports = await freePorts(2);
  for (const [at, id] of [4, 5].entries()) {
    const args = ["--dir", homeOf(id), "--port", String(ports[at]), "--cluster", local.clusterFile] as const;
    expect((await ran("member", "add", ...args)).code).toBe(0);
    local.startNode(id);
    await again.answers(20);
  }
  await until("nodes 1, 4 and 5 to vote", async () => {
    const { configuration } = await ranJson("member", "list", "--cluster", local.clusterFile);
    const wanted = { voters: [1, 4, 5], outgoing: [], learners: [] };
    return JSON.stringify(configuration) === JSON.stringify(wanted) ? true : undefined;
  });

  const before = leaderOf(await clusterStatus(local.cluster, local.admin));
  const zombie = new Spawned(["start", "--config", join(old, "node-2", "config.json")]);
  await zombie.says("node.started");
  await pause(3_000);
  await again.answers(20);
  await again.rest();
  const after = leaderOf(await clusterStatus(local.cluster, local.admin));
  expect([after?.id, after?.term]).toEqual([before?.id, before?.term]);
  zombie.ctrlC();
  await zombie.code();

  await until("all nodes to stand in one state", async () => {
    const nodes = await clusterStatus(local.cluster, local.admin);
    return new Set(nodes.map(({ digest }) => digest)).size === 1 ? true : undefined;
  });
  await local.stopAll();
  const verified = await ran("verify", local.directory, "--json");
  expect([verified.code, JSON.parse(verified.out)]).toMatchObject([0, { sound: true, problems: [] }]);
});

test("two of five, whose data is encrypted, go on with one log and lead themselves", {
  timeout: 2 * PATIENCE_MS,
}, async () => {
  const home = join(dirname(local.directory), "five");
  const five = await LocalCluster.init({ directory: home, nodes: 5, encrypt: true, nowMs: Date.now() });
  five.startAll();
  try {
    await waitReady(five.cluster, five.admin, PATIENCE_MS);
    const load = await SteadyTransfers.start(five.cluster, five.admin, 1n, LOST_MS);
    await load.answers(20);
    await five.killNode(2);
    await load.answers(50);
    await Promise.all([3, 4, 5].map((id) => five.killNode(id)));
    await load.rest();
    await five.stopNode(1);
    const left = [1, 2].map((id) => join(home, `node-${id}`));
    expect(await ranJson("recover", ...left, "--accept-data-loss")).toMatchObject({
      nodes: [1, 2],
      lost: [3, 4, 5],
      from: 1,
    });
    for (const id of [3, 4, 5]) rmSync(join(home, `node-${id}`), { recursive: true });
    expect(await ranJson("verify", home)).toMatchObject({ sound: true });
    for (const id of [1, 2]) five.startNode(id);
    await waitReady(five.cluster, five.admin, PATIENCE_MS);
    const again = await SteadyTransfers.start(five.cluster, five.admin, 1_000_000n, PATIENCE_MS);
    await again.answers(20);
    await again.rest();
  } finally {
    await five.stopAll();
  }
  expect(await ranJson("verify", home)).toMatchObject({ sound: true });
});
