/** A real cluster of three that vote: one loses its vote and gets it back, and so does whoever leads, without a pause for clients. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { must } from "../node/base/assert.ts";
import { DEMOTING_RELEASE } from "../node/base/release.ts";
import { SteadyTransfers } from "./backup/steady-transfers.test-support.ts";
import { clusterRelease } from "./cluster-release.ts";
import { endCluster, freshCluster } from "./fresh-cluster.test-support.ts";
import { clusterStatus } from "./node-status.ts";
import type { LocalCluster } from "./processes.ts";
import { ran } from "./run.contract.ts";
import { until } from "./waiting.test-support.ts";

const PATIENCE_MS = 120_000;
/** Transfers that are waited for after each step. */
const SOME = 10;

let local: LocalCluster;
let load: SteadyTransfers;

beforeAll(async () => {
  local = await freshCluster({ name: "demote", nodes: 3, patienceMs: PATIENCE_MS });
  load = await SteadyTransfers.start(local.cluster, local.admin, 1n, PATIENCE_MS);
  await until("the release to rise", async () => {
    const now = clusterRelease(await clusterStatus(local.cluster, local.admin));
    return (now?.release ?? 0) >= DEMOTING_RELEASE ? true : undefined;
  });
}, PATIENCE_MS);

afterAll(async () => {
  await load.rest();
  await endCluster(local);
}, PATIENCE_MS);

async function json(...args: readonly string[]): Promise<[code: number, told: Record<string, unknown>]> {
  const { code, out, err } = await ran(...args, "--cluster", local.clusterFile, "--json");
  expect(out, err).not.toBe("");
  return [code, JSON.parse(out) as Record<string, unknown>];
}

/** Ids of the nodes that the cluster file marks as learners. */
function marked(): readonly number[] {
  return local.cluster.nodes.filter(({ learner }) => learner === true).map(({ id }) => id);
}

async function leader(): Promise<number> {
  return await until("a leader", async () => {
    const nodes = await clusterStatus(local.cluster, local.admin);
    return nodes.find(({ role }) => role === "leader")?.id;
  });
}

test("a follower becomes a learner that has all, and is promoted again", { timeout: PATIENCE_MS }, async () => {
  const led = await leader();
  const node = must(
    local.nodeIds.find((id) => id !== led),
    "others follow",
  );
  expect(await json("member", "demote", String(node))).toEqual([0, { node, done: true }]);
  expect(marked()).toEqual([node]);
  expect(await json("member", "demote", String(node))).toEqual([0, { node, done: true }]);
  await load.answers(SOME);
  const listed = await json("member", "list");
  const others = local.nodeIds.filter((id) => id !== node);
  expect(listed).toMatchObject([0, { configuration: { voters: others, outgoing: [], learners: [node] } }]);
  await until("the learner to have what the leader has", async () => {
    const heights = (await clusterStatus(local.cluster, local.admin)).map(({ height }) => height);
    return Math.max(...heights) - Math.min(...heights) < SOME ? true : undefined;
  });
  expect(await json("member", "promote", String(node))).toEqual([0, { node, done: true }]);
  expect(marked()).toEqual([]);
  await load.answers(SOME);
});

test("whoever leads has another lead, and learns", { timeout: PATIENCE_MS }, async () => {
  const node = await leader();
  expect(await json("member", "demote", String(node))).toEqual([0, { node, done: true }]);
  expect([marked(), (await leader()) === node]).toEqual([[node], false]);
  await load.answers(SOME);
});

test("the last voter is not demoted, and told what to do instead", { timeout: PATIENCE_MS }, async () => {
  const [first, last] = local.nodeIds.filter((id) => !marked().includes(id));
  expect((await json("member", "demote", String(first)))[0]).toBe(0);
  const refused = await ran("member", "demote", String(last), "--cluster", local.clusterFile);
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining("the last voter): add another voter first")]);
  await load.answers(SOME);
  await load.rest();
  expect(load.failure).toBeUndefined();
});
