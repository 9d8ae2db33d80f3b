import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, describe, expect, test } from "vitest";
import { MemoryDisk } from "../../storage/memory-disk.ts";
import { utf8 } from "../base/bytes.ts";
import type { Cipher } from "../base/ports/cipher.ts";
import type { Disk } from "../base/ports/disk.ts";
import { Prng } from "../base/prng.ts";
import { type NodeConfig, parseConfig } from "./config.ts";
import { type NodeKey, newNodeKey, openDataCipher, readNodeKey, readNodeKeyFile, rotateNodeKey } from "./data-key.ts";
import { writeSecret } from "./files.ts";

const home = mkdtempSync(join(tmpdir(), "quorate-data-key-"));
afterAll(() => rmSync(home, { recursive: true }));
afterEach(() => {
  delete process.env["QUORATE_DATA_KEY"];
});

const FILE = "wrapped.key";
const PLACE = utf8("a");

let keys = 0;
function newKey(): NodeKey {
  keys += 1;
  const path = join(home, `${keys}.key`);
  writeSecret(path, newNodeKey());
  return readNodeKeyFile(path, "key");
}

function coded(code: string): Error {
  return expect.objectContaining({ code }) as Error;
}

function newDisk(): MemoryDisk {
  return new MemoryDisk((_, run) => setImmediate(run));
}

function open(disk: MemoryDisk, key: NodeKey | undefined): Cipher | undefined {
  return openDataCipher(disk, key, { create: true });
}

function addData(disk: MemoryDisk): void {
  disk.open("log/0000000000000001.wal", { create: true });
}

function bytesOf(disk: MemoryDisk): Uint8Array {
  return disk.open(FILE, { create: false }).read(0, 2_000);
}

function sealedWith(cipher: Cipher | undefined): Uint8Array {
  return Buffer.concat([...(cipher?.seal(utf8("text"), PLACE) ?? [])]);
}

describe("a data directory", () => {
  test("that is new is encrypted when there is a key, and its own data key is found again", () => {
    const [first, second] = [newDisk(), newDisk()];
    const key = newKey();
    const bytes = sealedWith(open(first, key));
    first.crash(new Prng(1));
    addData(first);
    expect(open(first, key)?.open(bytes, PLACE)).toEqual(utf8("text"));
    expect(open(second, key)?.open(bytes, PLACE)).toBeUndefined();
    expect(Buffer.from(bytesOf(first)).includes(Buffer.from(key.secret))).toBe(false);
  });

  test("that is new stays as it is when it is only looked at, or when there is no key", () => {
    const disk = newDisk();
    expect(openDataCipher(disk, newKey(), { create: false })).toBeUndefined();
    expect(open(disk, undefined)).toBeUndefined();
    expect(disk.list("")).toEqual([]);
    expect(() => bytesOf(disk)).toThrow(coded("disk_not_found"));
  });

  test("that is encrypted is refused without its key or with another one, in words that name both, and stays as it is", () => {
    const disk = newDisk();
    const [key, other] = [newKey(), newKey()];
    open(disk, key);
    const before = bytesOf(disk);
    expect(() => open(disk, undefined)).toThrow(coded("data_key_missing"));
    expect(() => open(disk, undefined)).toThrow(key.id);
    expect(() => open(disk, other)).toThrow(coded("data_key_wrong"));
    expect(() => open(disk, other)).toThrow(new RegExp(`${key.id}.*${other.id}`));
    expect(bytesOf(disk)).toEqual(before);
  });

  test("that was written without encryption is refused with a key", () => {
    for (const path of ["log/0000000000000001.wal", "state/CURRENT"]) {
      const disk = newDisk();
      disk.open(path, { create: true });
      expect(() => open(disk, newKey())).toThrow(coded("data_not_encrypted"));
      expect(open(disk, undefined)).toBeUndefined();
    }
  });

  test("whose data key is damaged in both copies is refused, with or without data", () => {
    const disk = newDisk();
    const key = newKey();
    open(disk, key);
    disk.flipBit(FILE, 30, 0);
    expect(open(disk, key)).toBeDefined();
    disk.flipBit(FILE, 542, 0);
    addData(disk);
    for (const given of [key, newKey(), undefined]) expect(() => open(disk, given)).toThrow(coded("data_key_damaged"));
    disk.remove("log/0000000000000001.wal");
    const before = bytesOf(disk);
    expect(() => open(disk, key)).toThrow(coded("data_in_use"));
    expect(bytesOf(disk)).toEqual(before);
    disk.remove(FILE);
    expect(open(disk, key)).toBeDefined();
  });

  test("that is new becomes the data of one process only, wherever the other has come to", () => {
    // The other process starts, as a whole, after this one has looked for the file, or just before it makes it.
    for (const late of [false, true]) {
      const disk = newDisk();
      const key = newKey();
      let bytes: Uint8Array | undefined;
      const other = (): void => {
        bytes ??= sealedWith(open(disk, key));
      };
      const raced: Disk = {
        list: (directory) => disk.list(directory),
        remove: (path) => disk.remove(path),
        rename: (from, to) => disk.rename(from, to),
        freeBytes: () => disk.freeBytes(),
        syncDirectory: (directory, done) => disk.syncDirectory(directory, done),
        open: (path, options) => {
          if (late && options.create) other();
          try {
            return disk.open(path, options);
          } finally {
            if (!late) other();
          }
        },
      };
      expect(() => openDataCipher(raced, key, { create: true })).toThrow(coded("data_in_use"));
      expect(open(disk, key)?.open(bytes ?? new Uint8Array(0), PLACE)).toEqual(utf8("text"));
    }
  });
});

describe("rotation", () => {
  test("lets the new key open what the old one did, and the old one nothing more", async () => {
    const disk = newDisk();
    const [before, after] = [newKey(), newKey()];
    const bytes = sealedWith(open(disk, before));
    await rotateNodeKey(disk, before, after);
    expect(open(disk, after)?.open(bytes, PLACE)).toEqual(utf8("text"));
    expect(() => open(disk, before)).toThrow(coded("data_key_wrong"));
  });

  test("needs the present key, or none when it is done already, and a data key", async () => {
    const disk = newDisk();
    const [before, after] = [newKey(), newKey()];
    await expect(rotateNodeKey(disk, before, after)).rejects.toThrow(coded("data_not_encrypted"));
    open(disk, before);
    await expect(rotateNodeKey(disk, undefined, after)).rejects.toThrow(coded("data_key_missing"));
    await expect(rotateNodeKey(disk, newKey(), after)).rejects.toThrow(coded("data_key_wrong"));
    await rotateNodeKey(disk, before, after);
    await rotateNodeKey(disk, before, after);
    expect(open(disk, after)).toBeDefined();
    for (const offset of [30, 542]) disk.flipBit(FILE, offset, 0);
    await expect(rotateNodeKey(disk, after, before)).rejects.toThrow(coded("data_key_damaged"));
  });

  test("after a crash at any step loses nothing: one of the keys opens the data, and doing it again finishes it", async () => {
    const opening = new Set<string>();
    for (let steps = 0; steps <= 4; steps++) {
      for (let seed = 0; seed < 12; seed++) {
        const queue: (() => void)[] = [];
        const disk = new MemoryDisk((_, run) => queue.push(run));
        const [before, after] = [newKey(), newKey()];
        const bytes = sealedWith(open(disk, before));
        void rotateNodeKey(disk, before, after);
        for (let i = 0; i < steps; i++) queue.shift()?.();
        disk.crash(new Prng(seed));
        const reads = (key: NodeKey): boolean => {
          try {
            return open(disk, key)?.open(bytes, PLACE) !== undefined;
          } catch (error) {
            expect(error).toMatchObject({ code: "data_key_wrong" });
            return false;
          }
        };
        opening.add(`${reads(before) ? "old" : ""} ${reads(after) ? "new" : ""}`);
        const again = rotateNodeKey(disk, before, after);
        for (let next = queue.shift(); next !== undefined; next = queue.shift()) next();
        await again;
        expect([reads(before), reads(after)]).toEqual([false, true]);
      }
    }
    expect(opening).toEqual(new Set(["old ", "old new", " new"]));
  });
});

function config(encryption?: object): NodeConfig {
  const paths = { cluster: "cluster.json", identity: "identity.key", data: "data" };
  return parseConfig(
    JSON.stringify({ version: 1, id: 1, ...paths, ...(encryption === undefined ? {} : { encryption }) }),
  );
}

describe("a node's key", () => {
  test("comes from its file or the environment, and not from both", () => {
    const text = newNodeKey();
    writeSecret(join(home, "node.key"), text);
    expect(readNodeKey(config(), home)).toBeUndefined();
    const fromFile = readNodeKey(config({ keyFile: "node.key" }), home);
    process.env["QUORATE_DATA_KEY"] = text;
    expect(readNodeKey(config(), home)).toEqual(fromFile);
    expect(fromFile?.secret).toHaveLength(32);
    expect(() => readNodeKey(config({ keyFile: "node.key" }), home)).toThrow(coded("config_invalid"));
  });

  test("that others may read, that is none or not there, is refused", () => {
    const exposed = join(home, "exposed.key");
    writeSecret(exposed, newNodeKey());
    chmodSync(exposed, 0o640);
    expect(() => readNodeKey(config({ keyFile: "exposed.key" }), home)).toThrow(coded("key_file_exposed"));
    expect(() => readNodeKey(config({ keyFile: "nowhere.key" }), home)).toThrow(coded("file_unreadable"));
    for (const text of ["", "00", "z".repeat(64), "0".repeat(66)]) {
      writeFileSync(join(home, "bad.key"), text, { mode: 0o600 });
      expect(() => readNodeKey(config({ keyFile: "bad.key" }), home)).toThrow(coded("data_key_invalid"));
      process.env["QUORATE_DATA_KEY"] = text;
      expect(() => readNodeKey(config(), home)).toThrow(coded("data_key_invalid"));
      delete process.env["QUORATE_DATA_KEY"];
    }
  });

  test("file is never overwritten", () => {
    const path = join(home, "kept.key");
    writeSecret(path, newNodeKey());
    expect(() => writeSecret(path, newNodeKey())).toThrow(coded("file_exists"));
    expect(() => writeSecret(join(home, "no/such/place.key"), "")).toThrow(coded("file_unusable"));
  });
});
