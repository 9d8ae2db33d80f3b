/**
 * A real cluster is backed up while it works, in both ways; a new cluster is made of it, goes on, grows, and takes nothing
 * that was signed for the old one.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ask } from "../../node/client/ask.ts";
import { encodeAccounts, parseClusterFile, QuorateClient } from "../../node/client/index.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { formatClusterFile } from "../../node/transport/cluster-file.ts";
import { signTransaction } from "../../node/wire/transaction.ts";
import { freePorts } from "../free-ports.ts";
import { clusterStatus, waitReady } from "../node-status.ts";
import { LocalCluster } from "../processes.ts";
import { ran, ranJson } from "../run.contract.ts";
import { until } from "../waiting.test-support.ts";
import { missingOf, SteadyTransfers } from "./steady-transfers.test-support.ts";

const PATIENCE_MS = 120_000;

let directory = "";
let old: LocalCluster;
let restored: LocalCluster | undefined;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "quorate-backup-"));
  old = await LocalCluster.init({ directory: join(directory, "old"), nodes: 3, nowMs: Date.now() });
  for (const id of old.nodeIds) {
    const path = join(old.directory, `node-${id}`, "config.json");
    const config = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...config, checkpointBlocks: 50 }));
  }
  old.startAll();
  await waitReady(old.cluster, old.admin, PATIENCE_MS);
}, PATIENCE_MS);

afterAll(async () => {
  await old.stopAll();
  await restored?.stopAll();
  rmSync(directory, { recursive: true });
}, PATIENCE_MS);

test("a backup under load has all that was acknowledged before it, and a new cluster of it goes on", {
  timeout: 3 * PATIENCE_MS,
}, async () => {
  const load = await SteadyTransfers.start(old.cluster, old.admin, 1n, PATIENCE_MS);
  await load.answers(150);
  const before = load.acknowledged.map(({ id }) => id);
  const [whole, pages] = [join(directory, "whole"), join(directory, "pages")];
  const at = ["--cluster", old.clusterFile] as const;
  const first = await ranJson("backup", whole, ...at);
  const second = await ranJson("backup", pages, ...at, "--from-checkpoint");
  expect(load.failure).toBeUndefined();
  const audit = await ranJson("audit", ...at, "--from-checkpoint");
  expect(audit).toMatchObject({ sound: true, difference: null });
  expect(Number(audit["from"])).toBeGreaterThanOrEqual(50);
  await load.rest();
  for (const [taken, path] of [
    [first, whole],
    [second, pages],
  ] as const) {
    const { code, out } = await ran("verify", path, "--json");
    const { height, stateDigest } = taken;
    expect([code, JSON.parse(out)]).toMatchObject([0, { sound: true, height, stateDigest, problems: [] }]);
  }

  const to = join(directory, "restored");
  const made = await ranJson("restore", pages, "--to", to);
  expect(made).toMatchObject({ height: second["height"], stateDigest: second["stateDigest"] });
  expect((await ran("verify", to)).code).toBe(0);
  await old.stopAll();
  const port = await moveToFreePorts(join(to, "cluster.json"));
  restored = LocalCluster.open(to, old.admin);
  expect(restored.nodeIds).toEqual([4, 5, 6]);
  restored.startAll();
  await waitReady(restored.cluster, restored.admin, PATIENCE_MS);
  const { cluster } = restored;
  const client = await QuorateClient.open({ cluster, signer: old.admin, deadlineMs: PATIENCE_MS });
  expect(await missingOf(client, before)).toEqual([]);

  const foreign = await QuorateClient.openReader({ cluster, signer: old.admin });
  const signedBefore = signedForOld();
  await expect(foreign.submitSigned(signedBefore)).rejects.toMatchObject({ code: "bad_signature" });
  foreign.close();
  client.close();

  const again = await SteadyTransfers.start(cluster, old.admin, 1_000_000n, PATIENCE_MS);
  const joined = join(to, "node-7");
  const here = ["--cluster", restored.clusterFile, "--key", join(old.directory, "admin.key")] as const;
  expect((await ran("member", "add", "--dir", joined, "--port", String(port), ...here)).code).toBe(0);
  restored.startNode(7);
  await again.answers(60);
  await again.rest();
  const nodes = await until("the new node to stand where the others do", async () => {
    const all = await clusterStatus(LocalCluster.open(to, old.admin).cluster, old.admin);
    return all.length === 4 && all.every(({ reachable, height }) => reachable && height === all[0]?.height)
      ? all
      : undefined;
  });
  expect(new Set(nodes.map(({ digest }) => digest)).size).toBe(1);
  expect(await ranJson("audit", ...here, "--from-checkpoint")).toMatchObject({ sound: true });
  await restored.stopAll();
  expect((await ran("verify", to)).code).toBe(0);
});

test("a card payment that was under way is charged once, by the old cluster or by the new one", {
  timeout: 2 * PATIENCE_MS,
}, async () => {
  const home = join(directory, "cards");
  const cards = await LocalCluster.init({ directory: home, nodes: 1, nowMs: Date.now() });
  const to = join(directory, "cards-restored");
  let again: LocalCluster | undefined;
  try {
    // Nobody answers for the network yet.
    cards.startNode(1);
    await waitReady(cards.cluster, cards.admin, PATIENCE_MS);
    await paysByCard(cards);
    const taken = join(directory, "cards-backup");
    await ranJson("backup", taken, "--cluster", cards.clusterFile);
    cards.startAcquirer();
    await captured(cards);
    await cards.stopNode(1);
    const endpoint = `http://127.0.0.1:${cards.acquirerPort}`;
    const made = await ranJson("restore", taken, "--to", to, "--nodes", "1", "--card-endpoint", endpoint);
    expect(made).toMatchObject({ openIntents: 1 });
    await moveToFreePorts(join(to, "cluster.json"));
    again = LocalCluster.open(to, cards.admin);
    again.startNode(2);
    await waitReady(again.cluster, again.admin, PATIENCE_MS);
    await captured(again);
    const report: unknown = await (await fetch(`${endpoint}/v1/report`)).json();
    expect(report).toMatchObject({ authorized: 1, captured: 1, voided: 0, doubled: [], capturedAmount: "1250" });
  } finally {
    await again?.stopAll();
    await cards.stopAll();
  }
});

const LEDGER = 978;
const PAYMENT = 500n;

async function paysByCard({ cluster, admin }: LocalCluster): Promise<void> {
  const client = await QuorateClient.open({ cluster, signer: admin, deadlineMs: PATIENCE_MS });
  const batch = encodeAccounts([3n, 8n].map((id) => ({ id, ledger: LEDGER, code: 1 })));
  const payment = { id: PAYMENT, payer: 5n, payee: 8n, amount: 1_250n, ledger: LEDGER, capture: "automatic" } as const;
  for (const command of [
    { kind: "createAccounts", batch },
    { kind: "configureCard", body: { ledger: LEDGER, clearingAccount: 3n, holdSeconds: 3_600 } },
    { kind: "createPayment", body: { ...payment, channel: "card", cardToken: "tok_1" } },
  ] as const) {
    const { result } = await client.submit(command);
    expect(result.status).toBe("ok");
  }
  client.close();
}

async function captured({ cluster, admin }: LocalCluster): Promise<void> {
  const client = await QuorateClient.openReader({ cluster, signer: admin });
  await until("the payment to be captured", async () => {
    const { payment } = await ask(client, { type: "payment", id: PAYMENT });
    return payment?.state === "captured" ? true : undefined;
  });
  client.close();
}

/** Gives the nodes of a cluster file addresses as an operator would; returns a port for one more. */
async function moveToFreePorts(path: string): Promise<number> {
  const { genesis, nodes } = parseClusterFile(readFileSync(path, "utf8"));
  const [spare = 0, ...ports] = await freePorts(nodes.length + 1);
  const moved = nodes.map((node, at) => ({ ...node, port: ports[at] ?? 0 }));
  writeFileSync(path, formatClusterFile(genesis, moved));
  return spare;
}

/** A transaction that was signed for the old cluster. */
function signedForOld(): Uint8Array {
  const expiry = BigInt(Date.now()) * 1_000_000n + 60_000_000_000n;
  const placement = { clusterId: old.cluster.clusterId, session: new Uint8Array(16).fill(1), sequence: 0, expiry };
  return signTransaction(sha256, old.admin, placement, { kind: "sessionOpen" });
}
