/** A whole node in this process, on real files and a real socket: how it starts, and above all when it must not. */

import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { freePorts } from "../../cli/free-ports.ts";
import { NEWEST_RELEASE } from "../base/release.ts";
import { ask } from "../client/ask.ts";
import { type KeyPair, newKey, parseClusterFile, QuorateClient } from "../client/index.ts";
import { newNodeKey } from "./data-key.ts";
import { writeSecret } from "./files.ts";
import { initCluster } from "./init.ts";
import { isDamage, type RunningNode, runNode } from "./run.ts";

let root = "";
let made = 0;
const running = new Set<RunningNode>();

beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "quorate-run-"));
});

afterEach(async () => {
  for (const node of running) await node.stop();
  running.clear();
});

afterAll(() => rmSync(root, { recursive: true }));

interface Made {
  readonly directory: string;
  readonly admin: KeyPair;
  readonly configs: readonly string[];
  /** Changes fields of a node's configuration. */
  readonly change: (node: number, fields: object) => void;
}

async function newCluster(nodes = 1): Promise<Made> {
  made += 1;
  const directory = join(root, String(made));
  const admin = newKey();
  const ports = await freePorts(nodes);
  const addresses = ports.map((port) => ({ host: "127.0.0.1", port }));
  const { configs } = initCluster({
    directory,
    adminKey: admin.publicKey,
    addresses,
    endpoints: {},
    nowMs: Date.now(),
  });
  const change = (node: number, fields: object): void => {
    const path = configs[node - 1] as string;
    writeFileSync(path, JSON.stringify({ ...(JSON.parse(readFileSync(path, "utf8")) as object), ...fields }));
  };
  // Heights are looked at, and a rising release takes a block.
  for (let node = 1; node <= nodes; node++)
    change(node, { releaseMax: 1, logLevel: "silent", timing: { tickMs: 5 }, segmentBytes: 8_388_608 });
  return { directory, admin, configs, change };
}

function firstSegment(data: string): string {
  const [name = ""] = readdirSync(join(data, "log")).sort();
  return join(data, "log", name);
}

function never(text: string): void {
  expect.unreachable(text);
}

async function run(config: string): Promise<RunningNode> {
  const node = await runNode(config, never, never);
  running.add(node);
  return node;
}

async function stop(node: RunningNode): Promise<void> {
  running.delete(node);
  await node.stop();
}

/** How a start is refused. */
async function refusal(config: string): Promise<{ readonly code: string; readonly message: string }> {
  try {
    await run(config);
  } catch (error) {
    return error as { code: string; message: string };
  }
  return expect.unreachable("the node started");
}

/** Opens a session, so that the log has something to lose: one block more, up to `height`. */
async function use({ directory, admin }: Made, height = 2): Promise<void> {
  const cluster = parseClusterFile(readFileSync(join(directory, "cluster.json"), "utf8"));
  const client = await QuorateClient.open({ cluster, signer: admin });
  // A block that the node orders by itself may come a moment later.
  const status = (): Promise<unknown> => ask(client, { type: "status" });
  await expect
    .poll(status, { timeout: 5_000 })
    .toMatchObject({ node: 1, height, sections: { ledger: { height }, disk: { syncs: expect.any(Number) } } });
  client.close();
}

/** All that a node keeps, file by file. */
function dataOf(home: string): ReadonlyMap<string, string> {
  const names = readdirSync(join(home, "data"), { recursive: true, encoding: "utf8" }).sort();
  const files = names.filter((name) => statSync(join(home, "data", name)).isFile());
  return new Map(files.map((name) => [name, readFileSync(join(home, "data", name)).toString("hex")]));
}

describe("a node with encryption", () => {
  test("starts again with its key only; refused, it leaves its data as it is", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    const home = join(config, "..");
    for (const name of ["data.key", "other.key"]) writeSecret(join(home, name), newNodeKey());
    cluster.change(1, { encryption: { keyFile: "data.key" } });
    await stop(await run(config));
    const before = dataOf(home);
    expect([...before.keys()]).toContain("wrapped.key");
    cluster.change(1, { encryption: { keyFile: "other.key" } });
    expect(await refusal(config)).toMatchObject({ code: "data_key_wrong" });
    cluster.change(1, { encryption: undefined });
    expect(await refusal(config)).toMatchObject({ code: "data_key_missing" });
    expect(dataOf(home)).toEqual(before);
    process.env["QUORATE_DATA_KEY"] = readFileSync(join(home, "data.key"), "utf8");
    try {
      await use(cluster, (await run(config)).recoveredHeight + 2);
    } finally {
      delete process.env["QUORATE_DATA_KEY"];
    }
  });

  test("is refused on data that was written without", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    await stop(await run(config));
    writeSecret(join(config, "..", "data.key"), newNodeKey());
    const before = dataOf(join(config, ".."));
    cluster.change(1, { encryption: { keyFile: "data.key" } });
    expect(await refusal(config)).toMatchObject({ code: "data_not_encrypted" });
    expect(dataOf(join(config, ".."))).toEqual(before);
  });

  test("whose data key is gone in both copies does not start, and calls that damage", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    writeSecret(join(config, "..", "data.key"), newNodeKey());
    cluster.change(1, { encryption: { keyFile: "data.key" } });
    await stop(await run(config));
    writeFileSync(join(config, "..", "data", "wrapped.key"), new Uint8Array(1_024));
    const error = await refusal(config);
    expect(error).toMatchObject({ code: "data_key_damaged" });
    expect(isDamage(error)).toBe(true);
  });
});

describe("a node", () => {
  test("starts, answers, stops, and starts again with what it had", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    const first = await run(config);
    expect(first.recoveredHeight).toBe(0);
    await use(cluster);
    await stop(first);
    expect((await run(config)).recoveredHeight).toBe(2);
  });

  test("does not start on a log that has gone on to a release which it does not read", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    cluster.change(1, { releaseMax: undefined });
    await use(cluster, (await run(config)).recoveredHeight + 3);
    for (const node of [...running]) await stop(node);
    cluster.change(1, { releaseMax: 1 });
    const refused = await refusal(config);
    expect(refused).toMatchObject({ code: "release_too_new", facts: { release: NEWEST_RELEASE, releaseMax: 1 } });
    expect([refused.message.includes("releaseMax"), isDamage(refused)]).toEqual([true, false]);
    cluster.change(1, { releaseMax: NEWEST_RELEASE });
    await stop(await run(config));
  });

  test("does not share its data with a second one", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    await run(config);
    expect(await refusal(config)).toMatchObject({ code: "data_in_use", message: expect.stringContaining("in use") });
    await use(cluster);
  });

  test("that finds its address taken lets go of its data", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    const node = await run(config);
    cluster.change(1, { data: "elsewhere" });
    rmSync(join(config, "../identity.key.started")); // or it would be told that its data is gone
    expect(await refusal(config)).toMatchObject({ code: "address_in_use" });
    await stop(node);
    await run(config);
  });
});

describe("files that do not fit are refused, and the setting is named", () => {
  test.each<[string, object, string, string]>([
    ["a typo", { tickMs: 5 }, "config_invalid", "config.tickMs: there is no such setting"],
    ["no cluster file there", { cluster: "nowhere.json" }, "file_unreadable", "config.cluster: "],
    ["no identity there", { identity: "nowhere.key" }, "file_unreadable", "config.identity: "],
    ["a directory for an identity", { identity: "." }, "file_unreadable", "config.identity: "],
    ["no such node", { id: 4 }, "config_invalid", "config.id: the cluster file has no node 4"],
    ["another node's id", { id: 2 }, "identity_invalid", "config.identity: the key is not that of node 2"],
    ["a file for the data", { data: "config.json" }, "data_unusable", "config.data: "],
    ["the configuration for a cluster file", { cluster: "config.json" }, "cluster_file_invalid", "it has no field"],
    ["the configuration for an identity", { identity: "config.json" }, "key_file_exposed", "config.identity: "],
  ])("%s", async (_name, fields, code, message) => {
    const { configs, change } = await newCluster(2);
    const [config = ""] = configs;
    change(1, fields);
    expect(await refusal(config)).toMatchObject({ code, message: expect.stringContaining(message) });
    expect(existsSync(join(config, "../data"))).toBe(false);
  });

  test("no configuration there, or none that is JSON", async () => {
    const nowhere = join(root, "nowhere.json");
    expect(await refusal(nowhere)).toMatchObject({
      code: "file_unreadable",
      message: expect.stringContaining(nowhere),
    });
    writeFileSync(nowhere, "{");
    expect(await refusal(nowhere)).toMatchObject({ code: "config_invalid" });
  });

  test("an identity that others may read, with what to do", async () => {
    const { configs } = await newCluster();
    const [config = ""] = configs;
    const identity = join(config, "../identity.key");
    chmodSync(identity, 0o644);
    expect(await refusal(config)).toMatchObject({
      code: "key_file_exposed",
      message: `config.identity: others may read the secret: chmod 600 ${identity}`,
    });
    chmodSync(identity, 0o600);
    await run(config);
  });

  test("an identity that is no key", async () => {
    const { configs } = await newCluster();
    const [config = ""] = configs;
    writeFileSync(join(config, "../identity.key"), "no key");
    expect(await refusal(config)).toMatchObject({ code: "identity_invalid" });
  });
});

describe("data that is not the node's own is refused", () => {
  test("another node's, which would vote twice in its name", async () => {
    const { configs, change } = await newCluster(2);
    const [one = "", two = ""] = configs;
    await stop(await run(one));
    change(2, { data: "../node-1/data" });
    expect(await refusal(two)).toMatchObject({
      code: "data_foreign",
      message: expect.stringContaining("belongs to node 1, not to node 2"),
    });
    await run(one);
  });

  test("another cluster's", async () => {
    const mine = await newCluster();
    const other = await newCluster();
    const [config = ""] = mine.configs;
    await stop(await run(config));
    other.change(1, { data: join(config, "../data") });
    expect(await refusal(other.configs[0] ?? "")).toMatchObject({ code: "data_foreign" });
  });

  test("a log whose store, with term and vote, is gone", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    const node = await run(config);
    await use(cluster);
    await stop(node);
    rmSync(join(config, "../data/state"), { recursive: true });
    const refused = await refusal(config);
    expect(refused).toMatchObject({ code: "store_damaged", message: expect.stringContaining("term and vote is gone") });
    expect(isDamage(refused)).toBe(true);
  });
});

describe("a wholly lost disk", () => {
  test.each([
    ["with nothing in its place", (data: string): void => rmSync(data, { recursive: true })],
    [
      "with an empty one in its place",
      (data: string): void => {
        rmSync(data, { recursive: true });
        mkdirSync(join(data, "lost+found"), { recursive: true });
      },
    ],
    [
      "of which the directories are left",
      (data: string): void => {
        for (const part of ["state", "log"]) {
          rmSync(join(data, part), { recursive: true, force: true });
          mkdirSync(join(data, part));
        }
      },
    ],
  ])("%s keeps a node that has run from starting as if it were new", async (_, lose) => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    await stop(await run(config));
    await stop(await run(config)); // with its data it starts as often as it likes
    lose(join(config, "../data"));
    const refused = await refusal(config);
    expect(refused).toMatchObject({ code: "data_missing", message: expect.stringContaining("member rejoin") });
    expect(existsSync(join(config, "../data/state/CURRENT"))).toBe(false);
  });
});

describe("damaged data keeps a node from starting, with a report", () => {
  test("one changed byte in an acknowledged record of the log: file, offset and height", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    const node = await run(config);
    await use(cluster);
    await use(cluster, 3); // its record says that those before it are durable
    await stop(node);
    const data = join(config, "../data");
    const segment = firstSegment(data);
    const sound = readFileSync(segment);
    const damaged = Buffer.from(sound);
    const at = damaged.indexOf("QBLK") + 40; // in the first block
    damaged[at] = (damaged[at] as number) ^ 1;
    writeFileSync(segment, damaged);
    const refused = await refusal(config);
    expect(refused.code).toBe("wal_damaged");
    expect(refused.message).toMatch(/^node 1 does not start: .* log\/\S+, byte \d+, height 1\. Keep /);
    expect(refused.message).toContain(`Keep ${data} as it is`);
    expect(isDamage(refused)).toBe(true);
    expect(readFileSync(segment).equals(damaged)).toBe(true);
    writeFileSync(segment, sound);
    expect((await run(config)).recoveredHeight).toBe(3);
  });

  test("a log that ends before the checkpoint", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    cluster.change(1, { checkpointBlocks: 1 });
    const node = await run(config);
    await use(cluster);
    await stop(node);
    rmSync(join(config, "../data/log"), { recursive: true });
    expect(await refusal(config)).toMatchObject({ code: "wal_missing_segment" });
    rmSync(join(config, "../data/log.reached"));
    expect(await refusal(config)).toMatchObject({ code: "wal_missing_segment" });
  });

  test("a log that is gone with all that stood beside it, before the first checkpoint", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    const node = await run(config);
    await use(cluster);
    await stop(node);
    for (const part of ["log", "log.reached"]) rmSync(join(config, "../data", part), { recursive: true });
    const refused = await refusal(config);
    expect(refused).toMatchObject({ code: "wal_missing_segment", facts: { index: 1 } });
    expect(isDamage(refused)).toBe(true);
  });

  test("a log of another history than the checkpoint's", async () => {
    const cluster = await newCluster();
    const [config = ""] = cluster.configs;
    cluster.change(1, { checkpointBlocks: 1 });
    const data = join(config, "../data");
    const kept = join(root, `kept-${made}.wal`);
    const first = await run(config);
    await use(cluster);
    await stop(first);
    const segment = firstSegment(data);
    copyFileSync(segment, kept);
    rmSync(data, { recursive: true });
    rmSync(join(config, "../identity.key.started"));
    const second = await run(config);
    await use(cluster);
    await stop(second);
    copyFileSync(kept, segment);
    expect(await refusal(config)).toMatchObject({
      code: "checkpoint_damaged",
      message: expect.stringContaining("the log has another block there"),
    });
  });
});
