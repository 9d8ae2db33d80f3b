/**
 * Members that come and go while a real cluster works under load: one cluster, started as a single node, and a story from
 * top to bottom. What was acknowledged on the way is there at the end, on all that are left.
 */
import { copyFileSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { must } from "../../node/base/assert.ts";
import { ask } from "../../node/client/ask.ts";
import {
  type ClusterFile,
  decodeTransfers,
  encodeAccounts,
  encodeTransfers,
  QuorateClient,
  TransferStatus,
} from "../../node/client/index.ts";
import { batchResults } from "../../node/wire/results.ts";
import { freePorts } from "../free-ports.ts";
import { endCluster, freshCluster } from "../fresh-cluster.test-support.ts";
import { cutShort } from "../joining-note.test-support.ts";
import { clusterStatus, type NodeStatus, waitReady } from "../node-status.ts";
import type { LocalCluster } from "../processes.ts";
import { ran } from "../run.contract.ts";
import { Spawned } from "../spawned.contract.ts";
import { pause, until } from "../waiting.test-support.ts";

/** Everything must be over by then, on a slow machine too. */
const PATIENCE_MS = 120_000;
const LEDGER = 978;
/** How many transfers a client makes before it is closed and another reads the cluster file again. */
const CLIENT_TRANSFERS = 20;

let local: LocalCluster;
let load: Load;

beforeAll(async () => {
  local = await freshCluster({ name: "members", nodes: 1, patienceMs: PATIENCE_MS });
  load = await Load.start();
}, PATIENCE_MS);

afterAll(async () => {
  await load.rest();
  await endCluster(local);
}, PATIENCE_MS);

const NOTHING = { userData128: 0n, userData64: 0n, userData32: 0, flags: 0, timestamp: 0n };

/** Transfers without end, one by one, from a client that sees the cluster file as it is. */
class Load {
  readonly acknowledged: bigint[] = [];
  readonly failures: string[] = [];
  #next = 1n;
  #stopped = false;
  readonly #running: Promise<void>;

  private constructor() {
    this.#running = this.#run().catch((error: unknown) => {
      this.failures.push(String(error));
    });
  }

  static async start(): Promise<Load> {
    const client = await open(local.cluster);
    const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
    const accounts = [1n, 2n].map((id) => ({ id, ...balances, ...NOTHING, ledger: LEDGER, code: 1 }));
    await client.submit({ kind: "createAccounts", batch: encodeAccounts(accounts) });
    client.close();
    return new Load();
  }

  async rest(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Resolves when so many more transfers have been acknowledged. */
  async answers(count: number): Promise<void> {
    const wanted = this.acknowledged.length + count;
    await until(`${count} more answers`, () =>
      this.acknowledged.length >= wanted || this.failures.length > 0 ? true : undefined,
    );
    expect(this.failures).toEqual([]);
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      const client = await open(local.cluster);
      try {
        for (let made = 0; made < CLIENT_TRANSFERS && !this.#stopped; made++) await this.#transfer(client);
      } finally {
        client.close();
      }
    }
  }

  async #transfer(client: QuorateClient): Promise<void> {
    const id = this.#next++;
    const between = { debitAccountId: 1n, creditAccountId: 2n, amount: 1n, pendingId: 0n };
    const transfer = { id, ...between, ...NOTHING, timeout: 0, ledger: LEDGER, code: 1 };
    const { result } = await client.submit({ kind: "createTransfers", batch: encodeTransfers([transfer]) });
    expect(batchResults(result)[0]?.status).toBe(TransferStatus.created);
    this.acknowledged.push(id);
    await pause(5);
  }
}

async function open(cluster: ClusterFile): Promise<QuorateClient> {
  return await QuorateClient.open({ cluster, signer: local.admin, deadlineMs: PATIENCE_MS });
}

/** Runs `member` with the cluster file, and says how it ended. */
async function member(...args: readonly string[]): Promise<{ code: number; json: Record<string, unknown> }> {
  const { code, out } = await ran("member", ...args, "--cluster", local.clusterFile, "--json");
  return { code, json: JSON.parse(out) as Record<string, unknown> };
}

async function refused(error: string, text: RegExp, ...args: readonly string[]): Promise<void> {
  const answer = await member(...args);
  expect(answer).toEqual({ code: 1, json: { error: { code: error, message: expect.stringMatching(text) } } });
}

interface Listed {
  readonly nodes: readonly { id: number; host: string; port: number; role: string; now: string }[];
  readonly configuration: { voters: readonly number[]; outgoing: readonly number[]; learners: readonly number[] };
}

async function list(...args: readonly string[]): Promise<Listed> {
  const { code, json } = await member("list", ...args);
  expect(code).toBe(0);
  return json as unknown as Listed;
}

/** Resolves when exactly these vote, and nothing is on the way. */
async function voting(...ids: readonly number[]): Promise<void> {
  await until(`${ids.join(", ")} to vote`, async () => {
    const { configuration } = await list();
    const { voters, outgoing, learners } = configuration;
    return outgoing.length === 0 && learners.length === 0 && voters.join() === ids.join() ? true : undefined;
  });
}

function home(id: number): string {
  return join(local.directory, `node-${id}`);
}

/** The options of a new node that is to have this id. */
async function place(id: number, port?: number): Promise<readonly string[]> {
  return ["--dir", home(id), "--port", String(port ?? (await freePorts(1))[0])];
}

async function leader(): Promise<NodeStatus> {
  return await until("a leader", async () => {
    const nodes = await clusterStatus(local.cluster, local.admin);
    return nodes.find(({ role }) => role === "leader");
  });
}

test("a single node becomes three: one enters as a voter, one as a learner that is promoted", {
  timeout: PATIENCE_MS,
}, async () => {
  const [first] = local.cluster.nodes;
  await refused("invalid", /the last voter.*add another voter first/, "remove", "1");
  await refused("not_found", /node 9/, "remove", "9");
  await refused("already_exists", /node 1 listens at .*another address/, "add", ...(await place(2, first?.port)));
  expect(await member("add", ...(await place(2)))).toEqual({
    code: 0,
    json: { id: 2, name: "node-2", config: join(home(2), "config.json"), voter: true },
  });
  local.startNode(2);
  await voting(1, 2);
  expect((await member("add", "--learner", ...(await place(3)))).json).toMatchObject({ id: 3, voter: false });
  await refused("lagging", /node 3 cannot be reached: start it first/, "promote", "3");
  local.startNode(3);
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  expect((await list()).nodes.map(({ id, role, now }) => [id, role, now])).toEqual([
    [1, "voter", "voter"],
    [2, "voter", "voter"],
    [3, "learner", "learner"],
  ]);
  expect(await member("promote", "3")).toEqual({ code: 0, json: { node: 3, done: true } });
  await voting(1, 2, 3);
  await load.answers(20);
});

test("three become five, though an answer is lost on the way", { timeout: PATIENCE_MS }, async () => {
  const old = join(dirname(local.directory), "three.json");
  copyFileSync(local.clusterFile, old);
  const fourth = await place(4);
  await member("add", ...fourth);
  const added = must(
    local.cluster.nodes.find(({ id }) => id === 4),
    "it has entered",
  );
  // As if the command had been cut short while it waited for the answer.
  copyFileSync(old, local.clusterFile);
  cutShort(home(4), added);
  await refused("already_exists", /the identity in .* is that of node 4 at/, "add", "--dir", home(4), "--port", "9");
  expect(await member("add", ...fourth)).toMatchObject({ code: 0, json: { id: 4 } });
  await refused("dir_not_empty", /node-4 is not empty/, "add", ...fourth);
  expect(await member("add", ...(await place(5)))).toMatchObject({ code: 0, json: { id: 5 } });
  local.startNode(4);
  local.startNode(5);
  await voting(1, 2, 3, 4, 5);
  await load.answers(20);
  // What is left of a node that votes is its key: under its id it could vote twice.
  const lost = join(dirname(local.directory), "lost-data");
  mkdirSync(lost);
  copyFileSync(join(home(4), "identity.key"), join(lost, "identity.key"));
  const again = ["--dir", lost, ...fourth.slice(2)];
  for (const how of [["add"], ["replace", "4"]]) {
    await refused("wrong_state", /is that of node 4, which votes: .*"quorate member rejoin 4"/, ...how, ...again);
  }
  const { code, out } = await ran(
    "account",
    "show",
    "1",
    "--cluster",
    old,
    "--key",
    join(local.directory, "admin.key"),
  );
  expect({ code, out }).toEqual({ code: 0, out: expect.stringContaining("1") });
});

test("each of the five is replaced, some after they were killed, one at the same address", {
  timeout: PATIENCE_MS,
}, async () => {
  let voters = [1, 2, 3, 4, 5];
  for (const [index, old] of [1, 2, 3, 4, 5].entries()) {
    const id = 6 + index;
    const isKilled = old % 2 === 1;
    if (isKilled) await local.killNode(old);
    const port = local.cluster.nodes.find((node) => node.id === old)?.port;
    const entered = await member("replace", `${old}`, ...(await place(id, isKilled ? port : undefined)));
    expect(entered).toMatchObject({ code: 0, json: { id, name: `node-${old}`, replaces: old } });
    const names = new Map(local.cluster.nodes.map((node) => [node.id, node.name]));
    expect([names.get(old), names.get(id)]).toEqual([`old-${old}`, `node-${old}`]);
    local.startNode(id);
    voters = [...voters.filter((voter) => voter !== old), id];
    await voting(...voters);
    await load.answers(10);
  }
  await refused("wrong_state", /node 1 is removed/, "replace", "1", ...(await place(11)));
  // What lies under that name is node 1's: where node 6 was nobody can tell.
  await local.killNode(6);
  expect(await member("rejoin", "node-1")).toEqual({
    code: 2,
    json: { error: { code: "usage", message: expect.stringContaining("--dir: say where node-1 is to be") } },
  });
  local.startNode(6);
  await load.answers(10);
});

test("nodes that were removed and still run do no harm", { timeout: PATIENCE_MS }, async () => {
  const { term, id } = await leader();
  await pause(3_000);
  await load.answers(20);
  expect(await leader()).toMatchObject({ term, id });
  expect([await local.stopNode(2), await local.stopNode(4)]).toEqual([0, 0]);
});

test("the leader is removed, and another node: three go on", { timeout: PATIENCE_MS }, async () => {
  const { id: first } = await leader();
  expect(await member("remove", `${first}`)).toEqual({ code: 0, json: { node: first, done: true } });
  expect(await member("remove", `${first}`)).toEqual({ code: 0, json: { node: first, done: true } });
  await load.answers(20);
  const { id: second } = await leader();
  expect(second).not.toBe(first);
  await local.killNode(second);
  expect(await member("remove", `${second}`)).toEqual({ code: 0, json: { node: second, done: true } });
  await voting(...[6, 7, 8, 9, 10].filter((id) => id !== first && id !== second));
  await local.stopNode(first);
  await load.answers(20);
  expect(local.nodeIds).toEqual((await list()).configuration.voters);
  const again = new Spawned(["start", "--config", join(home(first), "config.json")]);
  expect(await again.code()).toBe(1);
  expect(again.err).toContain(`the cluster file has no node ${first}`);
  await refused("wrong_state", new RegExp(`node ${first} is removed`), "promote", `${first}`);
});

test("after a restart of all, the same are members, and all hold what was acknowledged", {
  timeout: PATIENCE_MS,
}, async () => {
  await load.rest();
  expect(load.failures).toEqual([]);
  const before = await list("--all");
  expect(before.nodes.map(({ id }) => id)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  await local.stopAll();
  local.startAll();
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  expect(await list("--all")).toEqual(before);
  const client = await open(local.cluster);
  const { acknowledged } = load;
  expect(acknowledged.length).toBeGreaterThan(150);
  const kept = (await ask(client, { type: "transfers", ids: acknowledged })) as { records: Uint8Array };
  expect(decodeTransfers(kept.records).map(({ id }) => id)).toEqual(acknowledged);
  client.close();
  const nodes = await until("all nodes to reach one height", async () => {
    const all = await clusterStatus(local.cluster, local.admin);
    return all.every(({ reachable, height }) => reachable && height === all[0]?.height) ? all : undefined;
  });
  expect(nodes).toHaveLength(3);
  expect(new Set(nodes.map(({ digest }) => digest)).size).toBe(1);
});
