/**
 * A real cluster of three processes under load, killed in every way: what was acknowledged is there, once, on all nodes.
 * The tests run one after the other on one cluster, and each leaves it as the next finds it.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { QUERY_RESULTS_MAX } from "../node/base/limits.ts";
import { Prng } from "../node/base/prng.ts";
import { ask } from "../node/client/ask.ts";
import {
  type Account,
  ClientError,
  decodeReceipt,
  decodeTransfers,
  encodeAccounts,
  encodeTransfers,
  nodeTrust,
  type Outcome,
  QuorateClient,
  type SeenChangeEvent,
  type Transfer,
  TransferStatus,
  verifyReceipt,
} from "../node/client/index.ts";
import { decodeAccounts } from "../node/ledger/records.ts";
import { batchResults } from "../node/wire/results.ts";

import { clusterStatus, type NodeStatus, waitReady } from "./node-status.ts";
import { LocalCluster } from "./processes.ts";
import { formatReceiptFile } from "./receipt-file.ts";
import { ran } from "./run.contract.ts";
import { Spawned } from "./spawned.contract.ts";
import { pause, until } from "./waiting.test-support.ts";

const STATE_MACHINE = new URL("../dist/node/state/state-machine.js", import.meta.url);
/** Everything must be over by then, on a slow machine too. */
const PATIENCE_MS = 120_000;
const LEDGER = 978;
const ACCOUNTS = 12;
const WORKERS = 8;
const EXIT_FATAL = 70;
/** Rounds of kills at random moments; `npm run soak:kill` asks for many. */
const KILLS = Number(process.env["QUORATE_KILLS"] ?? 8);

let directory = "";
let local: LocalCluster;
let load: Load;
let follower: Follower;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "quorate-cluster-"));
  local = await LocalCluster.init({ directory: join(directory, "cluster"), nodes: 3, nowMs: Date.now() });
  for (const id of local.nodeIds) change(id, { checkpointBlocks: 100, segmentBytes: 8_388_608 });
  local.startAll();
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  load = await Load.start();
  follower = await Follower.start();
}, PATIENCE_MS);

afterAll(async () => {
  load.stop();
  follower.stop();
  await local.stopAll();
  rmSync(directory, { recursive: true });
});

function home(id: number): string {
  return join(local.directory, `node-${id}`);
}

/** Changes a node's configuration. */
function change(id: number, fields: object): void {
  const path = join(home(id), "config.json");
  writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...fields }));
}

async function leader(): Promise<NodeStatus> {
  return await until("a leader", async () =>
    (await clusterStatus(local.cluster, local.admin)).find(({ role }) => role === "leader"),
  );
}

/** All nodes at one height, when nobody submits any more. */
async function level(): Promise<readonly NodeStatus[]> {
  return await until("all nodes to reach one height", async () => {
    const nodes = await clusterStatus(local.cluster, local.admin);
    const same = nodes.every(({ reachable, height }) => reachable && height === nodes[0]?.height);
    return same ? nodes : undefined;
  });
}

const NOTHING = { userData128: 0n, userData64: 0n, userData32: 0, flags: 0, timestamp: 0n };

function newAccount(id: bigint): Account {
  const balances = { debitsPending: 0n, debitsPosted: 0n, creditsPending: 0n, creditsPosted: 0n };
  return { id, ...balances, ...NOTHING, ledger: LEDGER, code: 1 };
}

function newTransfer(id: bigint, debitAccountId: bigint, creditAccountId: bigint, amount: bigint): Transfer {
  return {
    id,
    debitAccountId,
    creditAccountId,
    amount,
    pendingId: 0n,
    ...NOTHING,
    timeout: 0,
    ledger: LEDGER,
    code: 1,
  };
}

/** Something that was submitted, and what was heard of it. */
interface Sent {
  readonly kind: "transfer" | "payment";
  readonly id: bigint;
  readonly from: bigint;
  readonly to: bigint;
  readonly amount: bigint;
  outcome: Outcome | undefined;
}

/** Transfers and payments without end, from two clients at different nodes. */
class Load {
  readonly sent: Sent[] = [];
  readonly failures: string[] = [];
  answered = 0;
  readonly #clients: readonly QuorateClient[];
  readonly #random = new Prng(7);
  #running: Promise<unknown> = Promise.resolve();
  #stopped = false;

  private constructor(clients: readonly QuorateClient[]) {
    this.#clients = clients;
  }

  static async start(): Promise<Load> {
    const { cluster, admin: signer } = local;
    const options = { cluster, signer, deadlineMs: PATIENCE_MS };
    const clients = await Promise.all([1, 2].map((firstNode) => QuorateClient.open({ ...options, firstNode })));
    const accounts = Array.from({ length: ACCOUNTS }, (_, i) => newAccount(BigInt(i + 1)));
    await clients[0]?.submit({ kind: "createAccounts", batch: encodeAccounts(accounts) });
    const started = new Load(clients);
    started.run();
    return started;
  }

  get client(): QuorateClient {
    return this.#clients[0] as QuorateClient;
  }

  run(): void {
    this.#stopped = false;
    this.#running = Promise.all(Array.from({ length: WORKERS }, (_, worker) => this.#work(worker)));
  }

  /** Ends the load; all that was submitted is answered first. */
  async rest(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  stop(): void {
    this.#stopped = true;
    for (const client of this.#clients) client.close();
  }

  /** Resolves when so many more requests have been answered. */
  async answers(count: number): Promise<void> {
    const wanted = this.answered + count;
    await until(`${count} more answers`, () =>
      this.answered >= wanted || this.failures.length > 0 ? true : undefined,
    );
    expect(this.failures).toEqual([]);
  }

  /** Resolves when nothing has been answered for a second. */
  async standstill(): Promise<number> {
    for (;;) {
      const before = this.answered;
      await pause(1_000);
      if (this.answered === before) return before;
    }
  }

  async #work(worker: number): Promise<void> {
    const client = this.#clients[worker % this.#clients.length] as QuorateClient;
    while (!this.#stopped) {
      const sent = this.#draw();
      this.sent.push(sent);
      try {
        sent.outcome = await this.#submit(client, sent);
        this.answered += 1;
      } catch (error) {
        if (!(error instanceof ClientError) || error.code !== "closed") this.failures.push(String(error));
        return;
      }
      await pause(5);
    }
  }

  async #submit(client: QuorateClient, { kind, id, from, to, amount }: Sent): Promise<Outcome> {
    if (kind === "transfer") {
      return await client.submit({
        kind: "createTransfers",
        batch: encodeTransfers([newTransfer(id, from, to, amount)]),
      });
    }
    const body = {
      id,
      payer: from,
      payee: to,
      amount,
      ledger: LEDGER,
      capture: "automatic",
      channel: "wallet",
    } as const;
    return await client.submit({ kind: "createPayment", body });
  }

  #draw(): Sent {
    const from = this.#random.below(ACCOUNTS);
    const to = (from + 1 + this.#random.below(ACCOUNTS - 1)) % ACCOUNTS;
    const amount = BigInt(1 + this.#random.below(1_000));
    const kind = this.#random.below(4) === 0 ? "payment" : "transfer";
    return {
      kind,
      id: BigInt(this.sent.length + 1),
      from: BigInt(from + 1),
      to: BigInt(to + 1),
      amount,
      outcome: undefined,
    };
  }
}

/** Follows the changes from the first on, whichever nodes are killed. */
class Follower {
  readonly seen: SeenChangeEvent[] = [];
  failure: unknown;
  readonly #client: QuorateClient;
  readonly #stopped = new AbortController();

  private constructor(client: QuorateClient) {
    this.#client = client;
    this.#follow().catch((error: unknown) => {
      this.failure = error;
    });
  }

  static async start(): Promise<Follower> {
    const { cluster, admin: signer } = local;
    return new Follower(await QuorateClient.openReader({ cluster, signer, firstNode: 3, deadlineMs: PATIENCE_MS }));
  }

  stop(): void {
    this.#stopped.abort();
    this.#client.close();
  }

  async #follow(): Promise<void> {
    for await (const event of this.#client.events({ follow: true, signal: this.#stopped.signal }))
      this.seen.push(event);
  }
}

describe("under load", () => {
  test("the leader is killed: another takes over, and the killed one comes back", {
    timeout: PATIENCE_MS,
  }, async () => {
    await load.answers(100);
    const old = await leader();
    await local.killNode(old.id);
    await load.answers(100);
    const next = await leader();
    expect(next.id).not.toBe(old.id);
    expect(next.term).toBeGreaterThan(old.term);
    local.startNode(old.id);
    await waitReady(local.cluster, local.admin, PATIENCE_MS);
    await load.answers(50);
  });

  test("followers are killed: with one gone it goes on, with two gone nothing is answered", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { id } = await leader();
    const [first = 0, second = 0] = local.nodeIds.filter((node) => node !== id);
    await local.killNode(first);
    await load.answers(100);
    await local.killNode(second);
    const before = await load.standstill(); // what was on its way has come in
    await pause(1_000);
    expect(load.answered).toBe(before);
    local.startNode(first);
    await load.answers(100);
    local.startNode(second);
    await waitReady(local.cluster, local.admin, PATIENCE_MS);
    await load.answers(50);
  });

  test("nodes are killed at any moment, while they come back among them, alone and together", {
    timeout: PATIENCE_MS + KILLS * 5_000,
  }, async () => {
    const random = new Prng(11);
    for (let kill = 0; kill < KILLS; kill++) {
      await pause(random.below(1_000));
      const victims = local.nodeIds.filter(() => random.below(3) === 0);
      await Promise.all(victims.map((id) => local.killNode(id)));
      await pause(random.below(300));
      for (const id of victims) local.startNode(id);
    }
    await waitReady(local.cluster, local.admin, PATIENCE_MS);
    await load.answers(100);
    expect(load.failures).toEqual([]);
  });

  test("all are killed at once: they come back with everything and go on", { timeout: PATIENCE_MS }, async () => {
    await Promise.all(local.nodeIds.map((id) => local.killNode(id)));
    for (const id of local.nodeIds) local.startNode(id);
    await load.answers(100);
    await waitReady(local.cluster, local.admin, PATIENCE_MS);
    await load.rest();
    expect(load.failures).toEqual([]);
  });
});

describe("afterwards", () => {
  test("nothing that was acknowledged is lost, and nothing was done twice", { timeout: PATIENCE_MS }, async () => {
    const { sent, client } = load;
    expect(sent.length).toBeGreaterThan(600);
    const balances = new Map<bigint, { debits: bigint; credits: bigint }>();
    for (let id = 1n; id <= ACCOUNTS; id++) balances.set(id, { debits: 0n, credits: 0n });
    for (const { kind, from, to, amount, outcome } of sent) {
      expect(outcome?.result.status).toBe("ok");
      if (kind === "payment") expect(outcome?.result["state"]).toBe("captured");
      else expect(batchResults(outcome?.result ?? {})[0]?.status).toBe(TransferStatus.created);
      const debited = balances.get(from);
      const credited = balances.get(to);
      if (debited !== undefined) debited.debits += amount;
      if (credited !== undefined) credited.credits += amount;
    }
    const accounts = await ask(client, { type: "accounts", ids: [...balances.keys()] });
    const found = decodeAccounts((accounts as { records: Uint8Array }).records);
    expect(
      new Map(
        found.map(({ id, debitsPosted, creditsPosted }) => [id, { debits: debitsPosted, credits: creditsPosted }]),
      ),
    ).toEqual(balances);
    const transfers = sent.filter(({ kind }) => kind === "transfer");
    const ids = transfers.map(({ id }) => id);
    const kept: Transfer[] = [];
    for (let at = 0; at < ids.length; at += QUERY_RESULTS_MAX) {
      const asked = ids.slice(at, at + QUERY_RESULTS_MAX);
      kept.push(...decodeTransfers((await ask(client, { type: "transfers", ids: asked })).records));
    }
    expect(kept.map(({ id, amount }) => [id, amount])).toEqual(transfers.map(({ id, amount }) => [id, amount]));
    const summary = await ask(client, { type: "summary" });
    const payments = sent.length - transfers.length;
    expect(summary).toMatchObject({ accounts: ACCOUNTS, paymentsByState: { captured: payments } });
  });

  test("whoever followed the changes through all kills has each of them, once and in order", {
    timeout: PATIENCE_MS,
  }, async () => {
    const all: SeenChangeEvent[] = [];
    for await (const event of load.client.events()) all.push(event);
    await until("the follower to come to the end", () => (follower.seen.length >= all.length ? true : undefined));
    expect(follower.failure).toBeUndefined();
    expect(follower.seen).toEqual(all);
    expect(all.map(({ cursor }) => cursor)).toEqual(all.map((_, index) => BigInt(index + 1)));
    const ids = new Set(all.map(({ transfer }) => transfer.id));
    const sent = load.sent.filter(({ kind }) => kind === "transfer");
    expect(sent.filter(({ id }) => !ids.has(id))).toEqual([]);
    const rest: SeenChangeEvent[] = [];
    for await (const event of load.client.events({ cursor: 500n })) rest.push(event);
    expect(rest).toEqual(all.slice(500));
  });

  test("all nodes hold the same state", { timeout: PATIENCE_MS }, async () => {
    const nodes = await level();
    expect(new Set(nodes.map(({ digest }) => digest)).size).toBe(1);
  });

  test("every receipt proves itself offline", { timeout: PATIENCE_MS }, async () => {
    const trust = nodeTrust(local.cluster);
    for (const { outcome } of load.sent) {
      if (outcome === undefined) return expect.unreachable("a receipt is missing");
      expect(verifyReceipt(decodeReceipt(outcome.receiptBytes), trust, outcome.transaction)).toMatchObject({
        valid: true,
      });
    }
    const file = join(directory, "last.receipt");
    const last = load.sent.at(-1)?.outcome as Outcome;
    writeFileSync(file, formatReceiptFile(last));
    const held = await ran("receipt", "verify", file, "--cluster", local.clusterFile, "--json");
    expect(held.code).toBe(0);
    expect(JSON.parse(held.out)).toMatchObject({ valid: true, height: last.height });
    const forged = readFileSync(file, "utf8").replace(
      /"receipt":"(.{40})(.)/,
      (_match, start: string, digit: string) => `"receipt":"${start}${digit === "f" ? "e" : "f"}`,
    );
    writeFileSync(file, forged);
    expect((await ran("receipt", "verify", file, "--cluster", local.clusterFile)).code).toBe(1);
  });

  test("a second process on a node's data is refused, and the node does not notice", {
    timeout: PATIENCE_MS,
  }, async () => {
    const second = new Spawned(["start", "--config", join(home(1), "config.json")]);
    expect(await second.code()).toBe(1);
    expect(second.err).toMatch(/data.state is in use by another process.*\(data_in_use\)/);
    expect((await clusterStatus(local.cluster, local.admin))[0]?.reachable).toBe(true);
  });

  test("SIGTERM ends each node cleanly, and verify finds every directory sound", { timeout: PATIENCE_MS }, async () => {
    const height = Math.max(...load.sent.map(({ outcome }) => outcome?.height ?? 0));
    const codes = await Promise.all(local.nodeIds.map((id) => local.stopNode(id)));
    expect(codes).toEqual([0, 0, 0]);
    for (const id of local.nodeIds)
      expect(readFileSync(join(home(id), `node-${id}.log`), "utf8")).toContain("node.stopped");
    const { code, out } = await ran("verify", local.directory, "--json");
    const verdict = JSON.parse(out) as { sound: boolean; agreedHeight: number; nodes: { problems: string[] }[] };
    expect({ code, sound: verdict.sound }).toEqual({ code: 0, sound: true });
    expect(verdict.nodes.map(({ problems }) => problems)).toEqual([[], [], []]);
    expect(verdict.agreedHeight).toBeGreaterThanOrEqual(height);
  });
});

describe("a node that cannot be believed", () => {
  test("one changed byte of an old block: verify finds it, and the node gets the block back before it takes part", {
    timeout: PATIENCE_MS,
  }, async () => {
    const segments = join(home(2), "data/log");
    const file = join(segments, readdirSync(segments).sort()[0] ?? "");
    const damaged = readFileSync(file);
    const at = damaged.indexOf("QBLK", 200) + 100;
    damaged[at] = (damaged[at] as number) ^ 0x10;
    writeFileSync(file, damaged);
    const { code, out } = await ran("verify", local.directory, "--json");
    expect(code).toBe(1);
    const { problems } = JSON.parse(out) as { problems: string[] };
    expect(problems).toEqual(expect.arrayContaining([expect.stringMatching(/log\/\S+, byte \d+, height \d+/)]));
    local.startNode(1);
    local.startNode(3);
    load.run();
    await load.answers(20);
    await load.rest();
    local.startNode(2);
    await waitReady(local.cluster, local.admin, PATIENCE_MS);
    expect(new Set((await level()).map(({ digest }) => digest)).size).toBe(1);
    const said = readFileSync(local.logOf("node-2"), "utf8");
    for (const event of ["mend.begun", "mend.damage", "mend.repaired", "mend.done"]) expect(said).toContain(event);
  });

  test("a node that computes another state stops with a report, and the others go on and say which it was", {
    timeout: PATIENCE_MS,
  }, async () => {
    const { id: leaderId, height } = await leader();
    const liar = local.nodeIds.find((id) => id !== leaderId) ?? 0;
    await local.stopNode(liar);
    const patch = join(directory, "liar.mjs");
    writeFileSync(
      patch,
      `import { StateMachine } from ${JSON.stringify(STATE_MACHINE.href)};
       const { apply } = StateMachine.prototype;
       StateMachine.prototype.apply = function (block) {
         const applied = apply.call(this, block);
         if (block.header.height <= ${height}) return applied;
         return { ...applied, digest: applied.digest.map((byte) => byte ^ 1) };
       };`,
    );
    const stopped = new Map<string, string>();
    local.onUnexpectedExit = (name, ending) => stopped.set(name, ending);
    local.nodeArguments = ["--import", pathToFileURL(patch).href];
    local.startNode(liar);
    local.nodeArguments = [];
    await until("the node to come back", async () =>
      (await clusterStatus(local.cluster, local.admin)).every(({ reachable }) => reachable) ? true : undefined,
    );
    const batch = encodeAccounts([newAccount(99n)]);
    await load.client.submit({ kind: "createAccounts", batch });
    await until("the liar to stop", () => (stopped.size > 0 ? true : undefined));
    const logOf = (id: number): string => readFileSync(local.logOf(`node-${id}`), "utf8");
    const others = local.nodeIds.filter((id) => id !== liar);
    const saysSo = (id: number): boolean =>
      logOf(id)
        .split("\n")
        .some((line) => line.includes("gossip.states_differ") && line.includes(`"member":${liar}`));
    await until("the others to say so", () => (others.every(saysSo) ? true : undefined));
    await load.client.submit({ kind: "createAccounts", batch: encodeAccounts([newAccount(98n)]) });
    expect(stopped).toEqual(new Map([[`node-${liar}`, `with code ${EXIT_FATAL}`]]));
    expect(logOf(liar)).toMatch(/holds another state at height \d+ than a quorum/);
    expect(logOf(liar)).toContain('run "quorate verify" on');
  });
});
