/**
 * A node of three loses its whole disk while a real cluster works under load, and begins again under its name, at its
 * address and in its directory, with another id. What was acknowledged on the way is there at the end, on all of them.
 */
import { copyFileSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { must } from "../../node/base/assert.ts";
import { QuorateClient } from "../../node/client/index.ts";
import { missingOf, SteadyTransfers } from "../backup/steady-transfers.test-support.ts";
import { freePorts } from "../free-ports.ts";
import { endCluster, freshCluster } from "../fresh-cluster.test-support.ts";
import { cutShort } from "../joining-note.test-support.ts";
import { clusterStatus, waitReady } from "../node-status.ts";
import type { LocalCluster } from "../processes.ts";
import { type Ran, ran } from "../run.contract.ts";
import { Spawned } from "../spawned.contract.ts";
import { until } from "../waiting.test-support.ts";

const PATIENCE_MS = 120_000;

let local: LocalCluster;
let load: SteadyTransfers;

beforeAll(async () => {
  local = await freshCluster({ name: "rejoin", nodes: 3, patienceMs: PATIENCE_MS });
  load = await SteadyTransfers.start(local.cluster, local.admin, 1n, PATIENCE_MS);
}, PATIENCE_MS);

afterAll(async () => {
  await load.rest();
  await endCluster(local);
}, PATIENCE_MS);

function home(name: string): string {
  return join(local.directory, name);
}

async function run(...args: readonly string[]): Promise<Ran> {
  return await ran(...args, "--cluster", local.clusterFile);
}

async function json(...args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, out, err } = await run(...args, "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  return JSON.parse(out) as Record<string, unknown>;
}

async function refused(error: string, text: RegExp, ...args: readonly string[]): Promise<void> {
  const { code, out } = await run(...args, "--json");
  expect([code, JSON.parse(out)]).toEqual([1, { error: { code: error, message: expect.stringMatching(text) } }]);
}

/** Resolves when just these take part, and nothing is on the way. */
async function takePart(voters: readonly number[], learners: readonly number[]): Promise<void> {
  const wanted = JSON.stringify({ voters, outgoing: [], learners });
  await until(`${wanted} to take part`, async () => {
    const { configuration } = await json("member", "list");
    return JSON.stringify(configuration) === wanted ? true : undefined;
  });
}

/** Id, name and role of each node as the cluster has it. */
async function listed(): Promise<unknown[]> {
  const { nodes } = (await json("member", "list")) as { nodes: { id: number; name: string; role: string }[] };
  return nodes.map(({ id, name, role }) => [id, name, role]);
}

test("a node that is there, or whose data is, does not begin again", { timeout: PATIENCE_MS }, async () => {
  await load.answers(20);
  const before = await listed();
  await refused("lost_node_answers", /node 2 answers at .* so it has its data/, "member", "rejoin", "node-2");
  await local.killNode(2);
  await refused("dir_not_empty", /a node is here: start it, or/, "member", "rejoin", "2");
  const unknown = await run("member", "rejoin", "north");
  expect([unknown.code, unknown.err]).toEqual([2, expect.stringContaining("names no node north; it names node 1, ")]);
  expect(await listed()).toEqual(before);
});

test("one whose disk is lost comes back under its name and a new id, and votes when it has caught up", {
  timeout: PATIENCE_MS,
}, async () => {
  const port = local.cluster.nodes[1]?.port;
  renameSync(home("node-2"), home("lost"));
  const old = join(dirname(local.directory), "old.json");
  copyFileSync(local.clusterFile, old);
  const entered = { id: 4, name: "node-2", config: join(home("node-2"), "config.json"), rejoins: 2, voter: true };
  expect(await json("member", "rejoin", "node-2")).toEqual(entered);
  // Twice as if the command had been cut short: before its answer came, and before the configuration was written.
  const node = must(
    local.cluster.nodes.find(({ id }) => id === 4),
    "it has entered",
  );
  const before = { id: 2, name: "node-2", isLost: true };
  copyFileSync(old, local.clusterFile);
  cutShort(home("node-2"), node, before);
  expect(await json("member", "rejoin", "2")).toEqual(entered);
  cutShort(home("node-2"), node, before);
  expect(await json("member", "rejoin", "node-2")).toEqual(entered);
  // Nothing says any more that it was never started: it may have voted, and been demoted.
  const config = readFileSync(entered.config);
  rmSync(entered.config);
  await refused("wrong_state", /node 4, and nothing there says|which votes/, "member", "rejoin", "node-2");
  writeFileSync(entered.config, config);
  expect(local.cluster.nodes.map(({ id, name }) => [id, name, id === 4])).toEqual([
    [1, "node-1", false],
    [3, "node-3", false],
    [4, "node-2", true],
  ]);
  expect(local.cluster.nodes[2]?.port).toBe(port);
  expect(await json("status")).toMatchObject({ healthy: true });

  local.startNode(4);
  await takePart([1, 3, 4], []);
  await load.answers(50);
  expect(await listed()).toEqual([
    [1, "node-1", "voter"],
    [3, "node-3", "voter"],
    [4, "node-2", "voter"],
  ]);
  expect((await run("member", "list")).out).toMatch(/^node {2}name +address .*\n(.*\n)+ +4 {2}node-2 +127\.0\.0\.1:/);
  expect((await run("status")).out).toMatch(/\n +4 {2}node-2 {2}127\.0\.0\.1:\d+ +(follower|leader) /);
  // Each of the others has said once, at most, that whom it looks for is not there.
  for (const id of [1, 3]) {
    const said = readFileSync(local.logOf(`node-${id}`), "utf8").match(/"wrong_node"/g) ?? [];
    expect(said.length).toBeLessThanOrEqual(1);
  }

  // The old disk turns up: on it is node 2, which is there no more.
  const returned = new Spawned(["start", "--config", join(home("lost"), "config.json")]);
  expect(await returned.code()).toBe(1);
  expect(returned.err).toContain("the cluster file has no node 2");
});

test("a node is meant by its name: it leads, and is shown", { timeout: PATIENCE_MS }, async () => {
  expect(await json("leader", "transfer", "--to", "node-2")).toMatchObject({ to: 4 });
  expect(await json("leader", "show")).toMatchObject({ leader: 4, name: "node-2" });
  expect((await run("leader", "show")).out).toMatch(/^node 4 \(node-2\) leads \(term \d+\), followed by 1 and 3\n$/);
  await load.answers(20);
});

test("a learner that has lost its disk is a learner again, and has the name that was chosen", {
  timeout: PATIENCE_MS,
}, async () => {
  const place = ["--dir", home("watch"), "--port", String((await freePorts(1))[0])];
  await refused("already_exists", /node 4 has the name node-2/, "member", "add", "--name", "node-2", ...place);
  expect(existsSync(join(home("watch"), "config.json"))).toBe(false);
  const added = await json("member", "add", "--learner", "--name", "watch", ...place);
  expect(added).toMatchObject({ id: 5, name: "watch", voter: false });
  local.startNode(5);
  await takePart([1, 3, 4], [5]);
  await local.killNode(5);
  rmSync(home("watch"), { recursive: true });
  expect(await json("member", "rejoin", "watch")).toMatchObject({ id: 6, name: "watch", rejoins: 5, voter: false });
  expect(local.cluster.nodes.map(({ id, learner }) => [id, learner])).toEqual([
    ...[1, 3, 4].map((id) => [id, undefined]),
    [6, true],
  ]);
  local.startNode(6);
  await takePart([1, 3, 4], [6]);
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  expect(await json("member", "remove", "watch")).toMatchObject({ node: 6, done: true });
  await local.stopNode(6);
});

test("the same node loses its disk again, and the cluster has all that it acknowledged", {
  timeout: PATIENCE_MS,
}, async () => {
  await local.killNode(4);
  rmSync(home("node-2"), { recursive: true });
  await load.answers(20);
  expect(await json("member", "rejoin", "node-2")).toMatchObject({ id: 7, name: "node-2", rejoins: 4 });
  local.startNode(7);
  await takePart([1, 3, 7], []);
  await load.answers(50);
  await load.rest();
  expect(load.failure).toBeUndefined();
  const ids = load.acknowledged.map(({ id }) => id);
  await until("all nodes to stand in one state", async () => {
    const nodes = await clusterStatus(local.cluster, local.admin);
    return nodes.every(({ reachable, digest }) => reachable && digest === nodes[0]?.digest) ? true : undefined;
  });
  const nodes = local.cluster.nodes.filter(({ id }) => id === 7);
  const reader = await QuorateClient.openReader({ cluster: { ...local.cluster, nodes }, signer: local.admin });
  expect(await missingOf(reader, ids)).toEqual([]);
  reader.close();
  await local.stopAll();
  const { code, out } = await ran("verify", local.directory, "--json");
  expect([code, JSON.parse(out)]).toMatchObject([0, { sound: true, problems: [] }]);
});
