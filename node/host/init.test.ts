import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { newKey } from "../client/index.ts";
import { parseClusterFile } from "../transport/cluster-file.ts";
import { Identity } from "../transport/identity.ts";
import { parseConfig } from "./config.ts";
import { readNodeKey } from "./data-key.ts";
import { type InitResult, initCluster, JOINING_FILE, joiningIdentity, writeNode } from "./init.ts";

const root = mkdtempSync(join(tmpdir(), "quorate-init-"));
afterAll(() => rmSync(root, { recursive: true }));

const adminKey = newKey().publicKey;
const addresses = [7400, 7401, 7402].map((port) => ({ host: "127.0.0.1", port }));

function init(directory: string): InitResult {
  return initCluster({ directory, adminKey, addresses, endpoints: { card: "http://127.0.0.1:7300" }, nowMs: 1_000 });
}

test("writes what nodes start from: each its own secret, all the same cluster", () => {
  const directory = join(root, "new/cluster");
  const { clusterFile, configs } = init(directory);
  const cluster = parseClusterFile(readFileSync(clusterFile, "utf8"));
  expect(cluster.genesis).toMatchObject({ timestamp: 1_000_000_000n, adminKey });
  expect(configs).toHaveLength(3);
  configs.forEach((path, index) => {
    const config = parseConfig(readFileSync(path, "utf8"));
    expect(config).toMatchObject({ id: index + 1, endpoints: { card: "http://127.0.0.1:7300" } });
    const secret = join(path, "..", config.identity);
    expect(statSync(secret).mode & 0o777).toBe(0o600);
    expect(Identity.fromPem(readFileSync(secret, "utf8")).publicKey).toEqual(cluster.nodes[index]?.publicKey);
    expect(join(path, "..", config.cluster)).toBe(clusterFile);
    expect(statSync(join(path, "..")).mode & 0o777).toBe(0o700);
  });
  expect(statSync(directory).mode & 0o777).toBe(0o700);
});

test("never touches a directory that has something in it", () => {
  const directory = join(root, "full");
  mkdirSync(directory);
  writeFileSync(join(directory, "mine.txt"), "mine");
  const refused = expect.objectContaining({ code: "dir_not_empty", facts: { directory } }) as Error;
  expect(() => init(directory)).toThrow(refused);
  expect(readdirSync(directory)).toEqual(["mine.txt"]);
  const twice = join(root, "twice");
  init(twice);
  const before = readFileSync(join(twice, "cluster.json"), "utf8");
  expect(() => init(twice)).toThrow(expect.objectContaining({ code: "dir_not_empty" }));
  expect(readFileSync(join(twice, "cluster.json"), "utf8")).toBe(before);
});

test("says so where it cannot write", () => {
  const file = join(root, "file");
  writeFileSync(file, "");
  for (const place of [file, join(file, "below")]) {
    expect(() => init(place)).toThrow(expect.objectContaining({ code: "dir_unusable" }));
  }
});

test("gives each node a key of its own for its data, when asked to", () => {
  const directory = join(root, "encrypted");
  const { configs } = initCluster({ directory, adminKey, addresses, endpoints: {}, encrypt: true, nowMs: 1_000 });
  const keys = configs.map((path) => readNodeKey(parseConfig(readFileSync(path, "utf8")), join(path, "..")));
  expect(new Set(keys.map((key) => key?.id)).size).toBe(3);
  expect(statSync(join(directory, "node-1", "data.key")).mode & 0o777).toBe(0o600);
  expect(readNodeKey(parseConfig(readFileSync(init(join(root, "plain")).configs[0] as string, "utf8")), root)).toBe(
    undefined,
  );
});

test("a node that is to join keeps its identity until it has its configuration", () => {
  const directory = join(root, "joining");
  const { publicKey } = joiningIdentity(directory);
  expect(joiningIdentity(directory).publicKey).toEqual(publicKey);
  writeNode(directory, { id: 4, clusterFile: join(root, "cluster.json"), endpoints: {}, encrypt: true });
  expect(() => joiningIdentity(directory)).toThrow(expect.objectContaining({ code: "dir_not_empty" }));
  const key = readFileSync(join(directory, "data.key"), "utf8");
  rmSync(join(directory, "config.json"));
  expect(joiningIdentity(directory).publicKey).toEqual(publicKey);
  writeNode(directory, { id: 4, clusterFile: join(root, "cluster.json"), endpoints: {}, encrypt: true });
  expect(readFileSync(join(directory, "data.key"), "utf8")).toBe(key);
});

test("what is noted beside the identity of a node that is to join is in nobody's way", () => {
  const directory = join(root, "noted");
  mkdirSync(directory);
  // Of an identity that was moved away, and of a note that was cut short.
  for (const name of [JOINING_FILE, `${JOINING_FILE}.new`]) writeFileSync(join(directory, name), "{");
  const { publicKey } = joiningIdentity(directory);
  expect(joiningIdentity(directory).publicKey).toEqual(publicKey);
});
