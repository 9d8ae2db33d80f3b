import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { Level } from "level";
import { afterAll, describe, expect, test } from "vitest";
import type { CodedError } from "../../node/base/errors.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { Store, StoreChange } from "../../node/base/ports/store.ts";
import { crc32c } from "../checksum.ts";
import { testCipher } from "../cipher.test-support.ts";
import { NO_KEY } from "../data-key.ts";
import { DiskCalls } from "../disk-calls.ts";
import { StorageError } from "../errors.ts";
import { LevelStore, type LevelStoreOptions } from "./level-store.ts";
import { describeStore, type StoreUnderTest } from "./store.contract.ts";
import { encodeSeal } from "./store-seal.ts";

const HOME = mkdtempSync(join(tmpdir(), "quorate-store-"));
let directories = 0;

function freshPath(): string {
  directories += 1;
  return join(HOME, String(directories));
}

afterAll(() => rmSync(HOME, { recursive: true }));

/** Counts what is under way, so that a test can wait for it. */
function counted(store: Store) {
  const state = { underWay: 0 };
  const write = (changes: readonly StoreChange[], done: (error?: CodedError) => void): void => {
    state.underWay += 1;
    store.write(changes, (error) => {
      state.underWay -= 1;
      done(error);
    });
  };
  return { state, store: { get: store.get.bind(store), snapshot: store.snapshot.bind(store), write } };
}

for (const encrypted of [false, true]) {
  describeStore(encrypted ? "LevelStore, encrypted," : "LevelStore", async () => await underTest(encrypted));
}

async function underTest(encrypted: boolean): Promise<StoreUnderTest> {
  const path = freshPath();
  const options = (): LevelStoreOptions => (encrypted ? { cipher: testCipher() } : {});
  let open = await LevelStore.open(path, options());
  let current = counted(open);
  const settle = async (): Promise<void> => {
    while (current.state.underWay > 0) await setImmediate();
  };
  return {
    store: current.store,
    settle,
    reopen: async () => {
      await settle();
      await open.close();
      open = await LevelStore.open(path, options());
      current = counted(open);
      return current.store;
    },
    dispose: () => open.close(),
  };
}

function writing(store: LevelStore, changes: readonly StoreChange[]): Promise<void> {
  return new Promise((resolve, reject) => {
    store.write(changes, (error) => (error === undefined ? resolve() : reject(error)));
  });
}

function level(path: string): Level<string, Uint8Array> {
  return new Level(path, { valueEncoding: "view" });
}

async function refusal(path: string, options: LevelStoreOptions = {}): Promise<StorageError> {
  try {
    await (await LevelStore.open(path, options)).close();
  } catch (error) {
    if (error instanceof StorageError) return error;
    throw error;
  }
  throw new Error("the store was opened");
}

/** A store with twelve writes of a term and as many pages, as a stopped node leaves it. */
async function writtenStore(): Promise<string> {
  const path = freshPath();
  const store = await LevelStore.open(path);
  for (let i = 1; i <= 12; i++) {
    await writing(store, [
      { key: "raft/state", value: new Uint8Array(12).fill(i) },
      { key: `checkpoint/x/${i}`, value: new Uint8Array(30).fill(i) },
    ]);
  }
  await store.close();
  return path;
}

/** Whether the store gives exactly what `writtenStore` wrote, or refuses with a typed error; anything else throws. */
async function givesAllOrRefuses(path: string): Promise<"all" | "refused"> {
  let store: LevelStore;
  try {
    store = await LevelStore.open(path);
  } catch (error) {
    expect(error).toMatchObject({ name: "StorageError", code: "store_damaged" });
    return "refused";
  }
  try {
    expect(store.get("raft/state")).toEqual(new Uint8Array(12).fill(12));
    for (let i = 1; i <= 12; i++) expect(store.get(`checkpoint/x/${i}`)).toEqual(new Uint8Array(30).fill(i));
    return "all";
  } catch (error) {
    expect(error).toMatchObject({ name: "StorageError", code: "store_damaged" });
    return "refused";
  } finally {
    await store.close();
  }
}

describe("LevelStore", () => {
  test("asks LevelDB to sync every write, and is done only when its own seal is written behind that", async () => {
    const path = freshPath();
    const seen: string[] = [];
    class Watched extends Level<string, Uint8Array> {
      override batch(...args: unknown[]): never {
        seen.push(`batch ${JSON.stringify(args[1])}`);
        const result = (super.batch as (...args: unknown[]) => Promise<void>)(...args);
        return result.then(() => seen.push(`synced, seal ${sealIn(path)}`)) as never;
      }
    }
    const store = await LevelStore.open(path, {
      createLevel: (at) => new Watched(at, { valueEncoding: "view" }),
    });
    for (let i = 1; i <= 2; i++) {
      await writing(store, [{ key: "a", value: Uint8Array.of(i) }]);
      seen.push(`done, seal ${sealIn(path)}`);
    }
    expect(seen).toEqual([
      ...['batch {"sync":true}', "synced, seal 0", "done, seal 1"],
      ...['batch {"sync":true}', "synced, seal 1", "done, seal 2"],
    ]);
    await store.close();
  });

  test("is in use by one at a time", async () => {
    const path = freshPath();
    const store = await LevelStore.open(path);
    expect(await refusal(path)).toMatchObject({ code: "data_in_use", facts: { path } });
    await store.close();
    await (await LevelStore.open(path)).close();
  });

  test("closing finishes the write under way; those behind it are never done", async () => {
    const path = freshPath();
    const store = await LevelStore.open(path);
    const done: string[] = [];
    for (const key of ["first", "second"]) {
      store.write([{ key, value: new Uint8Array([1]) }], (error) => done.push(error?.code ?? key));
    }
    await store.close();
    store.write([{ key: "third", value: new Uint8Array([1]) }], () => done.push("third"));
    await setImmediate();
    expect(done).toEqual(["first"]);
    const again = await LevelStore.open(path);
    expect(["first", "second", "third"].map((key) => again.get(key)?.length)).toEqual([1, undefined, undefined]);
    await again.close();
  });

  test("after a write that failed no other completes, and it says so once", async () => {
    class Failing extends Level<string, Uint8Array> {
      override batch(): never {
        return Promise.reject(new Error("no space left")) as never;
      }
    }
    const store = await LevelStore.open(freshPath(), {
      createLevel: (at) => new Failing(at, { valueEncoding: "view" }),
    });
    const results: (CodedError | undefined)[] = [];
    for (let i = 0; i < 3; i++) store.write([{ key: "a", value: Uint8Array.of(1) }], (error) => results.push(error));
    for (let i = 0; i < 20; i++) await setImmediate();
    expect(results.map((error) => error?.code)).toEqual(["store_failed"]);
    expect(store.get("a")).toBeUndefined();
    await store.close();
  });

  test("whoever waits for the disk is told while much is written, and of nothing that is over", async () => {
    const calls = new DiskCalls();
    const seen: boolean[] = [];
    class Watched extends Level<string, Uint8Array> {
      override batch(...args: unknown[]): never {
        seen.push(calls.isUnseen);
        return (super.batch as (...args: unknown[]) => Promise<void>)(...args) as never;
      }
    }
    const store = await LevelStore.open(freshPath(), {
      calls,
      createLevel: (at) => new Watched(at, { valueEncoding: "view" }),
    });
    for (const bytes of [1_000, 5_000_000]) await writing(store, [{ key: "a", value: new Uint8Array(bytes) }]);
    expect([seen, calls.isUnseen]).toEqual([[false, true], false]);
    await store.close();
    expect(calls.isUnseen).toBe(false);
  });

  test("a write that was cut off before its seal has happened, and is sealed when the store is opened", async () => {
    const path = await writtenStore();
    const seal = readFileSync(join(path, "seal"));
    const store = await LevelStore.open(path);
    await writing(store, [{ key: "b", value: Uint8Array.of(1) }]);
    await store.close();
    writeFileSync(join(path, "seal"), seal);
    const again = await LevelStore.open(path);
    expect(again.get("b")).toEqual(Uint8Array.of(1));
    await again.close();
    expect(sealIn(path)).toBe(13);
  });
});

function sumOf(value: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(crc32c(value));
  return bytes;
}

/** The number in the seal file, read by hand. */
function sealIn(path: string): number {
  const bytes = readFileSync(join(path, "seal"));
  return Math.max(...[0, 512].map((at) => Number(bytes.readBigUInt64LE(at))));
}

describe("a damaged store", () => {
  test("whose newest writes LevelDB has lost is refused, and so is one without its seal file", async () => {
    const path = await writtenStore();
    const before = freshPath();
    cpSync(path, before, { recursive: true });
    const store = await LevelStore.open(path);
    await writing(store, [{ key: "raft/state", value: new Uint8Array(12).fill(99) }]);
    await store.close();
    cpSync(join(path, "seal"), join(before, "seal"));
    expect(await refusal(before)).toMatchObject({ code: "store_damaged" });
    rmSync(join(path, "seal"));
    expect(await refusal(path)).toMatchObject({ code: "store_damaged" });
  });

  test.each([
    ["of which a part is missing", [{ type: "del", key: "sum/checkpoint/x/3" } as const]],
    [
      "in which a key has another name",
      [
        { type: "del", key: "sum/checkpoint/x/3" } as const,
        { type: "put", key: "sum/checkpoint/y/3", value: sumOf(new Uint8Array(30).fill(3)) } as const,
      ],
    ],
    ["to which something was added", [{ type: "put", key: "sum/other", value: new Uint8Array(4) } as const]],
    ["whose seal is missing", [{ type: "del", key: "seal" } as const]],
    ["whose seal is broken", [{ type: "put", key: "seal", value: new Uint8Array(32) } as const]],
  ])("%s is refused when it is opened", async (_, operations) => {
    const path = await writtenStore();
    const inner = level(path);
    await inner.batch([...operations]);
    await inner.close();
    expect(await refusal(path)).toMatchObject({ code: "store_damaged" });
  });

  test("gives no value that is not the one written, nor none where there was one", async () => {
    const path = await writtenStore();
    const inner = level(path);
    await inner.batch([
      { type: "put", key: "value/checkpoint/x/1", value: new Uint8Array(30).fill(2) },
      { type: "del", key: "value/raft/state" },
      { type: "put", key: "value/new", value: new Uint8Array(1) },
    ]);
    await inner.close();
    const store = await LevelStore.open(path);
    for (const key of ["checkpoint/x/1", "raft/state", "new"]) {
      expect(() => store.get(key)).toThrow(
        expect.objectContaining({ code: "store_damaged", message: expect.stringContaining(key) }),
      );
    }
    expect(store.get("checkpoint/x/2")).toEqual(new Uint8Array(30).fill(2));
    await store.close();
  });

  test("has a value again that is written again, also when it is opened the next time", async () => {
    const path = await writtenStore();
    const raw = level(path);
    await raw.put("value/raft/state", new Uint8Array(12).fill(11));
    await raw.close();
    const store = await LevelStore.open(path);
    expect(() => store.get("raft/state")).toThrow(expect.objectContaining({ facts: { key: "raft/state" } }));
    await writing(store, [{ key: "raft/state", value: new Uint8Array(12).fill(12) }]);
    expect(store.get("raft/state")).toEqual(new Uint8Array(12).fill(12));
    await store.close();
    const again = await LevelStore.open(path);
    expect(again.get("raft/state")).toEqual(new Uint8Array(12).fill(12));
    await again.close();
  });

  test("of a newer format, or written by another program, is refused", async () => {
    const newer = await writtenStore();
    const inner = level(newer);
    await inner.put("seal", encodeSeal({ version: 3, keyId: NO_KEY, sequence: 12, count: 13, total: 0 }));
    await inner.close();
    expect(await refusal(newer)).toMatchObject({ code: "store_foreign_format", facts: { version: 3 } });
    const other = freshPath();
    const foreign = level(other);
    await foreign.put("anything", new Uint8Array(1));
    await foreign.close();
    expect(await refusal(other)).toMatchObject({ code: "store_damaged" });
  });

  test("a flipped bit in LevelDB's log, in what points to it, or in the seal loses nothing in silence", async () => {
    const path = await writtenStore();
    const files = readdirSync(path).filter((name) => /^(\d+\.log|MANIFEST-.*|CURRENT|seal)$/.test(name));
    expect(files).toHaveLength(4);
    const outcomes = new Map<string, string[]>();
    for (const name of files) {
      const samples = name.endsWith(".log") ? 25 : 5;
      const step = Math.floor(statSync(join(path, name)).size / samples);
      for (let offset = 0; offset < statSync(join(path, name)).size; offset += step) {
        const copy = freshPath();
        cpSync(path, copy, { recursive: true });
        const bytes = readFileSync(join(copy, name));
        bytes[offset] = (bytes[offset] as number) ^ (1 << (offset & 7));
        writeFileSync(join(copy, name), bytes);
        const kind = name.replace(/\d+/, "N");
        outcomes.set(kind, [...(outcomes.get(kind) ?? []), await givesAllOrRefuses(copy)]);
        rmSync(copy, { recursive: true });
      }
    }
    expect(new Set(outcomes.get("N.log"))).toEqual(new Set(["refused"]));
    expect(outcomes.get("seal")).not.toContain("refused"); // the other sector has the number before
  });
});

describe("an encrypted store", () => {
  const MARKER = "the payee is Ada Lovelace";

  async function encryptedStore(options: LevelStoreOptions = { cipher: testCipher() }): Promise<string> {
    const path = freshPath();
    const store = await LevelStore.open(path, options);
    for (const key of ["checkpoint/x/1", "checkpoint/x/2"]) {
      await writing(store, [{ key, value: Buffer.from(`${MARKER} ${key}`) }]);
    }
    await store.close();
    return path;
  }

  function holdsMarker(path: string): boolean {
    return readdirSync(path).some((name) => readFileSync(join(path, name)).includes(MARKER));
  }

  test("shows nothing of its values in any file", async () => {
    expect(holdsMarker(await encryptedStore({}))).toBe(true);
    expect(holdsMarker(await encryptedStore())).toBe(false);
  });

  test("is refused with another data key or none, and so is a plain one with a key", async () => {
    const path = await encryptedStore();
    const plain = await writtenStore();
    expect(await refusal(path)).toMatchObject({ code: "data_key_missing" });
    expect(await refusal(path, { cipher: testCipher(2) })).toMatchObject({ code: "data_key_wrong" });
    expect(await refusal(plain, { cipher: testCipher() })).toMatchObject({ code: "data_not_encrypted" });
    await (await LevelStore.open(path, { cipher: testCipher() })).close();
  });

  test("takes no sealed value of another key or with another byte, though all sums are right", async () => {
    const path = await encryptedStore();
    const inner = level(path);
    const value = Uint8Array.from(await inner.get("value/checkpoint/x/1"));
    await inner.close();
    for (const forged of [value, flippedAt(value, 0), flippedAt(value, 20), flippedAt(value, value.length - 1)]) {
      const copy = freshPath();
      cpSync(path, copy, { recursive: true });
      // Whoever has no key makes the sums right by writing the store as a plain one would be.
      const store = await LevelStore.open(copy, { cipher: { ...unsealing(), keyId: testCipher().keyId } });
      await writing(store, [{ key: "checkpoint/x/2", value: forged }]);
      await store.close();
      const opened = await LevelStore.open(copy, { cipher: testCipher() });
      expect(() => opened.get("checkpoint/x/2")).toThrow(expect.objectContaining({ code: "store_damaged" }));
      expect(Buffer.from(opened.get("checkpoint/x/1") ?? []).toString()).toBe(`${MARKER} checkpoint/x/1`);
      await opened.close();
    }
  });
});

/** A cipher that passes bytes on as they are. */
function unsealing(): Pick<Cipher, "seal" | "open"> {
  return { seal: (text) => [text], open: (sealed) => sealed };
}

function flippedAt(bytes: Uint8Array, offset: number): Uint8Array {
  const copy = bytes.slice();
  copy[offset] = (copy[offset] as number) ^ 1;
  return copy;
}
