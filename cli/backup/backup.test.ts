import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { toHex } from "../../node/base/bytes.ts";
import { CodedError } from "../../node/base/errors.ts";
import { newKey, QuorateClient } from "../../node/client/index.ts";
import { ScriptedCluster } from "../../node/client/scripted-cluster.contract.ts";
import { sha256 } from "../../node/host/node-crypto.ts";
import { encodeAccounts } from "../../node/ledger/records.ts";
import { type QueryAnswer, QueryRefusal } from "../../node/state/queries.ts";
import {
  attestation,
  compareKeys,
  decodeCheckpoint,
  encodeCheckpoint,
  type NodeSignature,
} from "../../node/wire/attestation.ts";
import { formatManifest, MANIFEST_FILE, type Manifest, parseManifest } from "./manifest.ts";
import { readBackup } from "./read-backup.ts";
import { RecordFiles, readRecords } from "./record-files.ts";
import { takeBackup } from "./take-backup.ts";

const home = mkdtempSync(join(tmpdir(), "quorate-backup-"));
const WAIT_MS = 30_000;
const WHOLE = join(home, "whole");
const PAGES = join(home, "pages");
let cluster: ScriptedCluster;

async function enters(client: QuorateClient, from: number, count: number): Promise<void> {
  const ids = Array.from({ length: count }, (_, at) => ({ id: BigInt(from + at), ledger: 978, code: 1 }));
  await client.submit({ kind: "createAccounts", batch: encodeAccounts(ids) });
}

async function backup(directory: string, fromCheckpoint = false): Promise<Manifest> {
  const job = {
    cluster: cluster.file,
    signer: newKey(),
    directory,
    fromCheckpoint,
    waitMs: WAIT_MS,
    onProgress: () => undefined,
  };
  return await takeBackup(job);
}

/** What is wrong with a backup, in words. */
function problemsOf(directory: string): readonly string[] {
  try {
    return readBackup(directory, () => undefined).problems;
  } catch (error) {
    if (error instanceof CodedError) return [`${error.code} ${error.message}`];
    throw error;
  }
}

/** A checkpoint at height 2, and two blocks behind it. */
beforeAll(async () => {
  cluster = await ScriptedCluster.start(3);
  const client = await QuorateClient.open({ cluster: cluster.file, signer: cluster.admin });
  await enters(client, 1, 600);
  cluster.checkpoint();
  await enters(client, 6_000, 1);
  await enters(client, 7_000, 1);
  client.close();
  await backup(WHOLE);
  await backup(PAGES, true);
});
afterAll(async () => {
  await cluster.stop();
  rmSync(home, { recursive: true });
});

/** What is signed, changed. */
function changed(signed: Uint8Array): Uint8Array {
  return flipped(signed, 20);
}

function flipped(bytes: Uint8Array, place: number): Uint8Array {
  return bytes.map((byte, at) => (at === place ? byte ^ 1 : byte));
}

function copyOf(directory: string): string {
  const copy = mkdtempSync(join(home, "copy-"));
  cpSync(directory, copy, { recursive: true });
  return copy;
}

describe.each([
  ["of the whole log", WHOLE, 4],
  ["from a checkpoint", PAGES, 2],
])("a backup %s", (_what, directory, transactions) => {
  test("is read back to the state that the nodes have signed", () => {
    const found = readBackup(directory, () => undefined);
    expect(found).toMatchObject({ problems: [], transactions });
    expect(found.manifest).toMatchObject({ height: 4, stateDigest: toHex(cluster.state.digest) });
    expect(found.state?.digest).toEqual(cluster.state.digest);
  });

  test("with any bit flipped is found out, and the file named", () => {
    const files = readdirSync(directory);
    expect(files.length).toBeGreaterThan(1);
    const flips = fc.property(fc.constantFrom(...files), fc.nat(2 ** 30), fc.nat(7), (name, place, bit) => {
      const copy = copyOf(directory);
      const bytes = readFileSync(join(copy, name));
      const offset = place % bytes.length;
      bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset);
      writeFileSync(join(copy, name), bytes);
      expect(problemsOf(copy).join("\n"), `${name} ${offset}`).toContain(name);
      rmSync(copy, { recursive: true });
    });
    fc.assert(flips, { numRuns: 100 });
  });

  test("that is cut off anywhere, or lacks a file, is found out", () => {
    for (const name of readdirSync(directory)) {
      const { length } = readFileSync(join(directory, name));
      for (const left of [0, 10, 20, Math.floor(length / 2), length - 1]) {
        const copy = copyOf(directory);
        truncateSync(join(copy, name), left);
        expect(problemsOf(copy).join("\n"), `${name} ${left}`).toContain(name);
        rmSync(copy, { recursive: true });
      }
      const copy = copyOf(directory);
      rmSync(join(copy, name));
      expect(problemsOf(copy).join("\n")).toContain(name);
      rmSync(copy, { recursive: true });
    }
  });

  test("whose manifest was written anew over a shorter log, or other claims, does not hold", () => {
    const manifest = parseManifest(readFileSync(join(directory, MANIFEST_FILE), "utf8"));
    const written = (other: Partial<Manifest>): string => {
      const copy = copyOf(directory);
      writeFileSync(join(copy, MANIFEST_FILE), formatManifest({ ...manifest, ...other }));
      const found = problemsOf(copy).join("\n");
      rmSync(copy, { recursive: true });
      return found;
    };
    expect(written({})).toBe("");
    expect(written({ files: manifest.files.filter(({ kind }) => kind !== "log") })).toContain("the log ends at height");
    expect(written({ height: 3 })).toContain("another end than was signed");
    expect(written({ stateDigest: "00".repeat(32) })).toContain("another end than was signed");
    expect(written({ end: changed(manifest.end) })).not.toBe("");
  });
});

test("the checkpoint of a backup is the one that was signed, and whole", () => {
  const manifest = parseManifest(readFileSync(join(PAGES, MANIFEST_FILE), "utf8"));
  const { checkpoint } = manifest;
  if (checkpoint === undefined) throw new Error("it begins with one");
  for (const other of [
    { ...checkpoint, components: checkpoint.components.slice(1) },
    { ...checkpoint, components: [{ name: "stand", pages: 2 ** 50 }] },
    { ...checkpoint, components: [{ name: "stand", pages: 2 }] },
    { ...checkpoint, signed: checkpoint.signed.slice(0, -1) },
    { ...checkpoint, signed: changed(checkpoint.signed) },
  ]) {
    const copy = copyOf(PAGES);
    writeFileSync(join(copy, MANIFEST_FILE), formatManifest({ ...manifest, checkpoint: other }));
    expect(problemsOf(copy)).not.toEqual([]);
  }
});

test("a file that was written anew, checksums and all, is not the one of the manifest", () => {
  const copy = copyOf(WHOLE);
  const [log] = parseManifest(readFileSync(join(copy, MANIFEST_FILE), "utf8")).files;
  const records: Uint8Array[] = [];
  if (log === undefined) throw new Error("it has a log");
  expect(readRecords(copy, log, (record) => records.push(record))).toBeUndefined();
  rmSync(join(copy, log.name));
  const files = new RecordFiles(copy, "log", 1);
  for (const record of records) files.add(flipped(record, record.length - 1));
  files.close();
  expect(problemsOf(copy)).toEqual([`${log.name} is another file than was written`]);
});

test("where a quorum has signed another state than the log gives, the backup does not hold", () => {
  const manifest = parseManifest(readFileSync(join(WHOLE, MANIFEST_FILE), "utf8"));
  const { signatures: _signatures, ...attested } = { ...decodeCheckpoint(manifest.end), digest: new Uint8Array(32) };
  const signatures = cluster.nodes
    .map(({ identity }) => {
      return {
        nodeKey: identity.publicKey,
        signature: identity.sign(attestation(sha256, cluster.clusterId, attested)),
      };
    })
    .sort((a, b) => compareKeys(a.nodeKey, b.nodeKey));
  const copy = copyOf(WHOLE);
  const end = encodeCheckpoint({ ...attested, signatures });
  const stateDigest = toHex(attested.digest);
  writeFileSync(join(copy, MANIFEST_FILE), formatManifest({ ...manifest, end, stateDigest }));
  expect(problemsOf(copy)[0]).toMatch(/^the state digest after block 4 is 0{64} there/);
});

test("a backup of another format is refused by name", () => {
  const text = readFileSync(join(WHOLE, MANIFEST_FILE), "utf8");
  expect(() => parseManifest(text.replace('"format": 3', '"format": 1'))).toThrow(/checksum/);
  expect(() => parseManifest("{}")).toThrow(expect.objectContaining({ code: "backup_damaged" }));
});

describe("taking a backup", () => {
  test("begins again where one was cut short, and touches no other directory", async () => {
    const directory = copyOf(WHOLE);
    await expect(backup(directory)).rejects.toMatchObject({ code: "dir_not_empty" });
    rmSync(join(directory, MANIFEST_FILE));
    expect(problemsOf(directory)[0]).toContain("cut short");
    writeFileSync(join(directory, "log-000001"), "half a lo");
    expect((await backup(directory)).height).toBe(4);
    expect(problemsOf(directory)).toEqual([]);
    rmSync(join(directory, MANIFEST_FILE));
    writeFileSync(join(directory, "notes.txt"), "mine");
    await expect(backup(directory)).rejects.toMatchObject({ code: "dir_not_empty" });
  });

  test("is made where only its owner enters", async () => {
    const directory = join(home, "private", "backup");
    await backup(directory);
    expect(statSync(directory).mode & 0o777).toBe(0o700);
  });

  async function lying(lie: (answer: QueryAnswer) => QueryAnswer): Promise<unknown> {
    for (const node of cluster.nodes) node.lie = lie;
    try {
      return await backup(mkdtempSync(join(home, "lied-"))).catch((error: unknown) => error);
    } finally {
      for (const node of cluster.nodes) node.lie = (answer) => answer;
    }
  }

  test("counts what a node signs itself, whatever else of others it hands on", async () => {
    const seen = new Map<string, NodeSignature>();
    const handedOn = (answer: QueryAnswer): QueryAnswer => {
      if (answer.type !== "checkpoint") return answer;
      const own = decodeCheckpoint(answer.own);
      for (const one of own.signatures) seen.set(toHex(one.nodeKey), one);
      const signatures = [...seen.values()].sort((a, b) => compareKeys(a.nodeKey, b.nodeKey));
      return { ...answer, own: encodeCheckpoint({ ...own, signatures }) };
    };
    await lying(handedOn);
    expect(seen.size).toBe(3);
    const manifest = (await lying(handedOn)) as Manifest;
    expect(decodeCheckpoint(manifest.end).signatures).toEqual(
      [...seen.values()].sort((a, b) => compareKeys(a.nodeKey, b.nodeKey)),
    );
  });

  test("of a log that does not chain to what a quorum has signed fails", async () => {
    const without = (answer: QueryAnswer): QueryAnswer =>
      answer.type === "blocks" ? { ...answer, blocks: answer.blocks.slice(1) } : answer;
    expect(await lying(without)).toMatchObject({ code: "checkpoint_invalid" });
  });

  test("begins with a checkpoint where the node has not the whole log", async () => {
    const compacted = (answer: QueryAnswer): QueryAnswer => {
      if (answer.type !== "blocks" || answer.blocks.length < 4) return answer;
      throw new QueryRefusal("block_compacted", "the script says so");
    };
    expect(await lying(compacted)).toMatchObject({
      height: 4,
      checkpoint: { components: expect.anything() as unknown },
    });
  });
});
