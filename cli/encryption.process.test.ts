/**
 * A real cluster whose nodes encrypt their data at rest: killed and started again, verified offline, and its keys changed.
 * The tests run one after the other on one cluster, and each leaves it as the next finds it.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { toHex } from "../node/base/bytes.ts";
import { newKey } from "../node/client/index.ts";
import { waitReady } from "./node-status.ts";
import { LocalCluster } from "./processes.ts";
import { ran } from "./run.contract.ts";
import { Spawned } from "./spawned.contract.ts";

const PATIENCE_MS = 120_000;
/** Stands in the log and, as the name of an authority, in checkpoints. */
const MARKER = "Ada Lovelace and Sons";

let directory = "";
let local: LocalCluster;
let authorities = 0;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "quorate-encryption-"));
  local = await LocalCluster.init({
    ...{ directory: join(directory, "cluster"), nodes: 3, encrypt: true },
    nowMs: Date.now(),
  });
  for (const id of local.nodeIds) change(id, { checkpointBlocks: 2 });
  local.startAll();
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
}, PATIENCE_MS);

afterAll(async () => {
  await local.stopAll();
  rmSync(directory, { recursive: true });
});

function home(id: number): string {
  return join(local.directory, `node-${id}`);
}

function configOf(id: number): string {
  return join(home(id), "config.json");
}

/** Changes a node's configuration. */
function change(id: number, fields: object): void {
  const config = JSON.parse(readFileSync(configOf(id), "utf8")) as object;
  writeFileSync(configOf(id), JSON.stringify({ ...config, ...fields }));
}

/** Makes the cluster write names into log and state. */
async function work(count: number): Promise<void> {
  for (let i = 0; i < count; i++) {
    authorities += 1;
    const key = ["--public-key", toHex(newKey().publicKey), "--cluster", local.clusterFile];
    const { code, err } = await ran("authority", "create", "--name", `${MARKER} ${authorities}`, ...key);
    expect({ code, err }).toEqual({ code: 0, err: "" });
  }
}

function filesUnder(path: string): string[] {
  return readdirSync(path, { recursive: true, encoding: "utf8" })
    .map((name) => join(path, name))
    .filter((name) => statSync(name).isFile());
}

async function verified(): Promise<unknown> {
  const { out } = await ran("verify", local.directory, "--json");
  return JSON.parse(out);
}

const SOUND = {
  sound: true,
  nodes: [1, 2, 3].map(() => ({ problems: [], checkpointHeight: expect.any(Number) as number })),
};

test("what was acknowledged survives SIGKILL of all, and the data is sound", { timeout: PATIENCE_MS }, async () => {
  const made = await ran("account", "create", "--id", "7", "--ledger", "EUR", "--cluster", local.clusterFile);
  expect(made.code).toBe(0);
  await work(6);
  await Promise.all(local.nodeIds.map((id) => local.killNode(id)));
  for (const id of local.nodeIds) local.startNode(id);
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  await work(3);
  await local.killNode(2);
  await work(3);
  local.startNode(2);
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  await Promise.all(local.nodeIds.map((id) => local.stopNode(id)));
  expect(await verified()).toMatchObject(SOUND);
});

test("a past state is read from the data with the node's key", async () => {
  const { code, out, err } = await ran("trial-balance", "EUR", "--dir", home(1), "--json");
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(JSON.parse(out)).toMatchObject({ accounts: [{ id: "7" }] });
});

test("no file of a node's data, nor its log, shows what was written, or a key", () => {
  const files = local.nodeIds.flatMap((id) => filesUnder(home(id)));
  expect(files.filter((path) => path.endsWith(".wal")).length).toBeGreaterThanOrEqual(3);
  for (const id of local.nodeIds) {
    const hex = readFileSync(join(home(id), "data.key"), "utf8").trim();
    for (const secret of [Buffer.from(MARKER), Buffer.from(hex), Buffer.from(hex, "hex")]) {
      const showing = files.filter((path) => !path.endsWith("/data.key") && readFileSync(path).includes(secret));
      expect(showing).toEqual([]);
    }
  }
});

test("a new key opens the data, the old one nothing more", { timeout: PATIENCE_MS }, async () => {
  const next = join(home(1), "next.key");
  const made = await ran("data-key", "new", next, "--json");
  const { id } = JSON.parse(made.out) as { id: string };
  expect(id).toMatch(/^[0-9a-f]{16}$/);
  const rotated = await ran("data-key", "rotate", "--config", configOf(1), "--new-key", next, "--json");
  expect(JSON.parse(rotated.out)).toEqual({ data: join(home(1), "data"), id });
  const started = new Spawned(["start", "--config", configOf(1)]);
  expect(await started.code()).toBe(1);
  expect(started.err).toMatch(new RegExp(`encrypted under the key ${id}.*\\(data_key_wrong\\)`));
  const judged = await ran("verify", local.directory);
  expect(judged.code).toBe(1);
  expect(judged.err).toContain("(data_key_wrong)");
  change(1, { encryption: { keyFile: "next.key" } });
  for (const node of local.nodeIds) local.startNode(node);
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  await work(2);
  await Promise.all(local.nodeIds.map((node) => local.stopNode(node)));
  expect(await verified()).toMatchObject(SOUND);
});

test("one changed byte of a record is damage, and not a wrong key; the record comes back encrypted", {
  timeout: PATIENCE_MS,
}, async () => {
  const log = join(home(3), "data/log");
  const file = join(log, readdirSync(log).sort()[0] ?? "");
  const bytes = readFileSync(file);
  bytes[200] = (bytes[200] as number) ^ 1;
  writeFileSync(file, bytes);
  const { code, out } = await ran("scrub", home(3));
  expect([code, out]).toEqual([1, expect.stringMatching(/DAMAGE .*\.wal, byte \d+, height 1/)]);
  for (const node of local.nodeIds) local.startNode(node);
  await waitReady(local.cluster, local.admin, PATIENCE_MS);
  expect(readFileSync(local.logOf("node-3"), "utf8")).toContain("mend.done");
  await Promise.all(local.nodeIds.map((node) => local.stopNode(node)));
  expect(await verified()).toMatchObject(SOUND);
});
