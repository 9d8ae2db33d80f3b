/** A real cluster of one node that votes, with learners and a new voter that were never started. */
import { copyFileSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { votersIn } from "../node/transport/cluster-file.ts";
import { freePorts } from "./free-ports.ts";
import { endCluster, freshCluster } from "./fresh-cluster.test-support.ts";
import { clusterStatus } from "./node-status.ts";
import type { LocalCluster } from "./processes.ts";
import { type Ran, ran } from "./run.contract.ts";
import { until } from "./waiting.test-support.ts";

const PATIENCE_MS = 120_000;

let local: LocalCluster;

beforeAll(async () => {
  local = await freshCluster({ name: "learners", nodes: 1, patienceMs: PATIENCE_MS });
}, PATIENCE_MS);

afterAll(async () => await endCluster(local), PATIENCE_MS);

async function q(...args: readonly string[]): Promise<Ran> {
  return await ran(...args, "--cluster", local.clusterFile);
}

async function json(...args: readonly string[]): Promise<[code: number, told: Record<string, unknown>]> {
  const { code, out } = await q(...args, "--json");
  return [code, JSON.parse(out) as Record<string, unknown>];
}

async function place(id: number): Promise<readonly string[]> {
  return ["--dir", join(local.directory, `node-${id}`), "--port", String((await freePorts(1))[0])];
}

function backups(name: string): string {
  return join(dirname(local.directory), name);
}

test("learners that were never started are down, and nothing else: there is a leader, and a backup", {
  timeout: PATIENCE_MS,
}, async () => {
  const old = backups("old.json");
  copyFileSync(local.clusterFile, old);
  for (const id of [2, 3]) expect((await json("member", "add", "--learner", ...(await place(id))))[0]).toBe(0);
  expect(readFileSync(local.clusterFile, "utf8").match(/"learner": true/g)).toHaveLength(2);
  const { err: unnamed } = await ran(
    "member",
    "promote",
    "2",
    "--cluster",
    old,
    "--key",
    join(local.directory, "admin.key"),
  );
  expect(unnamed).toContain(
    'old.json does not name node 2, and would take fewer signatures for a quorum: run the "quorate',
  );
  const [code, status] = await json("status");
  expect([code, status]).toMatchObject([0, { healthy: true, leader: 1 }]);
  expect((status["nodes"] as { role: string }[]).map(({ role }) => role)).toEqual(["leader", "down", "down"]);
  expect((await q("status")).err).toBe("");
  expect(await json("leader", "show")).toMatchObject([0, { leader: 1, followers: [] }]);
  expect(await json("backup", backups("whole"))).toMatchObject([0, { node: 1 }]);
  expect(JSON.parse((await ran("verify", backups("whole"), "--json")).out)).toMatchObject({
    sound: true,
    problems: [],
  });
});

const AWAITED =
  'voters change when node 4 is there, which gives no answer: start it, or have it leave ("quorate member remove 4")';

test("a voter that was never started is waited for, and named by all that wait", {
  timeout: PATIENCE_MS,
}, async () => {
  expect((await json("member", "add", ...(await place(4))))[0]).toBe(0);
  expect(votersIn(local.cluster).map(({ id }) => id)).toEqual([1, 4]);
  expect((await q("member", "list")).out).toContain(AWAITED);
  const fifth = await json("member", "add", ...(await place(5)));
  expect(fifth).toMatchObject([0, { id: 5, awaited: [{ node: 4, text: AWAITED }] }]);
  expect(await json("member", "remove", "5")).toEqual([0, { node: 5, done: true }]);
  expect((await json("status"))[1]).toMatchObject({ healthy: true, leader: 1 });
  const { code, err } = await q("backup", backups("missing"), "--wait", "2");
  const missing =
    '1 of 2 nodes that vote have signed; missing: node-4; start them, or remove them ("quorate member remove")';
  expect([code, err]).toEqual([1, expect.stringContaining(missing)]);
});

test("others wait for it, too, until it is taken back; and learners do not lead", {
  timeout: PATIENCE_MS,
}, async () => {
  for (const id of [2, 3]) local.startNode(id);
  await until("nodes 2 and 3 to have the log", async () => {
    const [leader, ...others] = await clusterStatus(local.cluster, local.admin);
    return others.slice(0, 2).every(({ height }) => height > 0 && height === leader?.height) ? true : undefined;
  });
  expect(await json("member", "promote", "2", "--wait", "1")).toEqual([
    1,
    { node: 2, done: false, awaited: [{ node: 4, text: AWAITED }] },
  ]);
  expect(await json("member", "remove", "4")).toEqual([0, { node: 4, done: true }]);
  expect(await json("member", "promote", "2")).toEqual([0, { node: 2, done: true }]);
  expect(local.cluster.nodes.map(({ id, learner }) => [id, learner])).toEqual([
    [1, undefined],
    [2, undefined],
    [3, true],
  ]);
  const refusal = 'node 3 has no vote, and cannot lead: give it one first ("quorate member promote 3"), or name 2';
  expect((await q("leader", "transfer", "--to", "3")).err).toContain(refusal);
  expect(await json("leader", "transfer")).toMatchObject([0, { from: 1, to: 2 }]);
  await until("a checkpoint that both voters have signed", async () => {
    const [code] = await json("checkpoint", "fetch", "--out", backups("checkpoint.json"));
    return code === 0 ? true : undefined;
  });
});
