import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  chownSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { must } from "../../node/base/assert.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { testCipher } from "../cipher.test-support.ts";
import type { StorageError } from "../errors.ts";
import { NodeDisk } from "../node-disk.ts";
import { heldByAnother, openedByAnother } from "./held-store.test-support.ts";
import { levelDamage } from "./level-files.ts";
import { LevelStore } from "./level-store.ts";
import { mountReadOnly } from "./read-only-mount.test-support.ts";
import { UntouchedStore } from "./untouched-store.ts";
import { verifyStore, whileLocked } from "./verify-store.ts";

const HOME = mkdtempSync(join(tmpdir(), "quorate-verify-store-"));
/** Of the user who owns nothing. */
const NOBODY = 65_534;
let copies = 0;

afterAll(() => rmSync(HOME, { recursive: true }));

/** What is wrong with a store, which nobody else has meanwhile. */
async function lookedAt(
  path: string,
  cipher: Cipher | undefined,
  visit: Parameters<typeof verifyStore>[2],
): Promise<StorageError[]> {
  return await whileLocked(path, async (locked) => await verifyStore(must(locked, "it is there"), cipher, visit));
}

function copyOf(path: string): string {
  copies += 1;
  const copy = join(HOME, `copy-${copies}`);
  cpSync(path, copy, { recursive: true });
  return copy;
}

/** A value that is half zeros, so that some blocks are compressed, and half noise. */
function someValue(seed: number): Uint8Array {
  return Uint8Array.from({ length: 3_000 }, (_, i) => (i < 1_500 ? 0 : Math.imul(seed + 1, i * 2_654_435_761) >>> 13));
}

/** A store with values in tables and others in LevelDB's log, written in several lives. */
async function makeStore(path: string, cipher: Cipher | undefined): Promise<void> {
  for (let life = 0; life < 3; life++) {
    const store = await LevelStore.open(path, { cipher });
    for (let i = 0; i < 8; i++) {
      await new Promise<void>((resolve, reject) => {
        const change = { key: `checkpoint/x/${life * 5 + i}`, value: someValue(life * 100 + i) };
        store.write([change], (error) => (error === undefined ? resolve() : reject(error)));
      });
    }
    await store.close();
  }
}

/** Files whose bytes count; LevelDB's `LOG` is a diary for people. */
function filesOf(path: string): string[] {
  return readdirSync(path).filter((name) => !/^(LOG|LOCK)/.test(name));
}

function filesAt(path: string): string[] {
  return readdirSync(path).map((name) => join(path, name));
}

/** Names and bytes of all that is there. */
function everything(path: string): string {
  return readdirSync(path)
    .sort()
    .map((name) => `${name} ${readFileSync(join(path, name)).toString("hex")}`)
    .join("\n");
}

function allOf(path: string, name: string): number[] {
  return [...readFileSync(join(path, name)).keys()];
}

/** Where the records of a small log of LevelDB's begin. */
function logRecordsAt(bytes: Buffer): number[] {
  const places: number[] = [];
  for (let at = 0; at + 7 <= bytes.length; at += 7 + bytes.readUInt16LE(at + 4)) places.push(at);
  return places;
}

/** The file is named, and a place in it that is not behind what was changed. */
function expectFound(found: readonly StorageError[], file: string, offset: number): void {
  const text = found.map(({ message }) => message).join("\n");
  expect(
    found.map(({ code }) => code),
    `${file} ${offset}`,
  ).toContain("store_damaged");
  const [, at] = new RegExp(`${file}(?:, byte| is sound up to byte) (\\d+)`).exec(text) ?? [];
  expect(at, `${file} ${offset}: ${text}`).toBeDefined();
  expect(Number(at), `${file} ${offset}: ${text}`).toBeLessThanOrEqual(offset);
}

function flip(path: string, name: string, offset: number, bit: number): void {
  const bytes = readFileSync(join(path, name));
  bytes.writeUInt8(bytes.readUInt8(offset) ^ (1 << bit), offset);
  writeFileSync(join(path, name), bytes);
}

describe.each<[string, Cipher | undefined]>([
  ["in the clear", undefined],
  ["encrypted", testCipher()],
])("a store %s", (what, cipher) => {
  const path = join(HOME, what.replaceAll(" ", "-"));
  beforeAll(async () => await makeStore(path, cipher));

  test("that is sound has no problem, and is shown", async () => {
    const seen: (number | undefined)[] = [];
    expect(await lookedAt(copyOf(path), cipher, (store) => seen.push(store.get("checkpoint/x/0")?.length))).toEqual([]);
    expect(seen).toEqual([3_000]);
    expect(filesOf(path).some((file) => file.endsWith(".ldb"))).toBe(true);
  });

  test("with a flipped bit in any byte of its tables is found damaged without being opened, with file and place", () => {
    const tables = filesOf(path).filter((file) => file.endsWith(".ldb"));
    const copy = copyOf(path);
    for (const file of tables) {
      const { size } = statSync(join(copy, file));
      for (let offset = 0; offset < size; offset += offset < size - 200 ? 499 : 1) {
        flip(copy, file, offset, offset & 7);
        const found = levelDamage(new NodeDisk(copy));
        expect(found, `${file} ${offset}`).toEqual([{ name: file, offset: expect.any(Number) }]);
        expect(found[0]?.offset).toBeLessThanOrEqual(offset);
        flip(copy, file, offset, offset & 7);
      }
    }
    expect(levelDamage(new NodeDisk(copy))).toEqual([]);
  });

  test("with any flipped bit is found damaged, with file and place", async () => {
    const files = filesOf(path);
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...files), fc.nat(2 ** 30), fc.nat(7), async (file, place, bit) => {
        const copy = copyOf(path);
        const offset = place % statSync(join(copy, file)).size;
        flip(copy, file, offset, bit);
        expectFound(await lookedAt(copy, cipher, () => undefined), file, offset);
        rmSync(copy, { recursive: true });
      }),
      { numRuns: 25 },
    );
  });

  test("with a flipped bit in any byte of what names its files, and in the lengths of its logs' last records, too", async () => {
    const copy = copyOf(path);
    const [manifest = "", log = ""] = [/^MANIFEST/, /\.log$/].map((kind) =>
      filesOf(copy).findLast((name) => kind.test(name)),
    );
    const bytes = readFileSync(join(copy, log));
    const lastAt = logRecordsAt(bytes).at(-1) ?? 0;
    const places = [
      ...allOf(copy, "CURRENT").flatMap((at) => [0, 1, 4, 7].map((bit) => ["CURRENT", at, bit] as const)),
      ...allOf(copy, manifest).map((at) => [manifest, at, at & 7] as const),
      ...[4, 5].flatMap((at) => [0, 1, 2, 3, 4, 5, 6, 7].map((bit) => [log, lastAt + at, bit] as const)),
    ];
    for (const [file, offset, bit] of places) {
      flip(copy, file, offset, bit);
      expectFound(await lookedAt(copy, cipher, () => undefined), file, offset);
      flip(copy, file, offset, bit);
    }
    expect(await lookedAt(copy, cipher, () => undefined)).toEqual([]);
  });

  test("that is looked at is what it was, names and bytes", async () => {
    const copy = copyOf(path);
    // What LevelDB would take for leftovers, and write over: these are the next numbers that it gives.
    const next = Math.max(...filesOf(copy).flatMap((name) => /\d+/.exec(name)?.map(Number) ?? [])) + 1;
    for (const number of [next, next + 1, next + 2, next + 3]) {
      const digits = String(number).padStart(6, "0");
      for (const name of [`${digits}.ldb`, `MANIFEST-${digits}`]) writeFileSync(join(copy, name), "a leftover");
    }
    for (const file of ["", "seal"]) {
      if (file !== "") flip(copy, file, 0, 0);
      const before = everything(copy);
      await lookedAt(copy, cipher, () => undefined);
      expect(everything(copy)).toBe(before);
    }
  });

  test("that a process has open is left alone, and nobody opens one that is looked at", async () => {
    const copy = copyOf(path);
    const letGo = await heldByAnother(copy);
    const before = everything(copy);
    await expect(lookedAt(copy, cipher, () => undefined)).rejects.toMatchObject({ code: "data_in_use" });
    expect(everything(copy)).toBe(before);
    await letGo();
    const locked = await UntouchedStore.lock(copy);
    await expect(openedByAnother(copy)).resolves.toBe(false);
    await locked.open(cipher);
    await expect(openedByAnother(copy)).resolves.toBe(false);
    await locked.close();
    await expect(openedByAnother(copy)).resolves.toBe(true);
  });
});

test("one that is written to meanwhile is in use, whatever its files look like", async () => {
  const path = join(HOME, "written");
  const letGo = await heldByAnother(path, { writes: true });
  for (let round = 0; round < 50; round++) {
    await expect(lookedAt(path, undefined, () => undefined)).rejects.toMatchObject({ code: "data_in_use" });
  }
  await letGo();
});

/** A directory of the name that a twin gets. */
function twinOf(host: string, pid: number | undefined): string {
  return mkdtempSync(join(tmpdir(), `quorate-store-${pid}@${host}-`));
}

test("what a process has left that was ended while it looked is removed by the next one; what another has stays", async () => {
  const path = join(HOME, "left");
  await makeStore(path, undefined);
  const child = spawn(process.execPath, ["-e", ""]);
  await once(child, "exit");
  const here = hostname();
  const ended = twinOf(here, child.pid);
  // Of an earlier process that had our number.
  const namesake = twinOf(here, process.pid);
  writeFileSync(join(ended, "000005.ldb"), "a table");
  // Hosts whose names begin or end as this one's does are others.
  const others = [
    twinOf(here, process.ppid),
    ...[`${here}-${child.pid}`, `${child.pid}@${here}`, `${here}2`].map((host) => twinOf(host, child.pid)),
  ];
  const locked = await UntouchedStore.lock(path);
  const another = await UntouchedStore.lock(copyOf(path));
  expect([ended, namesake, ...others].map((twin) => existsSync(twin))).toEqual([false, false, true, true, true, true]);
  await locked.open(undefined);
  await locked.close();
  await another.close();
  for (const twin of others) rmSync(twin, { recursive: true });
  const own = readdirSync(tmpdir()).filter((name) => name.startsWith(`quorate-store-${process.pid}@${here}-`));
  expect(own).toEqual([]);
});

test("a temporary directory in which nobody may see what is there will do", async () => {
  const path = join(HOME, "unseen");
  await makeStore(path, undefined);
  const hidden = join(HOME, "hidden");
  mkdirSync(hidden);
  const uid = process.getuid?.() === 0 ? NOBODY : undefined;
  // Root may see everything.
  if (uid !== undefined) for (const each of [hidden, path, ...filesAt(path)]) chownSync(each, uid, uid);
  chmodSync(hidden, 0o300);
  chmodSync(HOME, 0o711);
  vi.stubEnv("TMPDIR", hidden);
  if (uid !== undefined) process.seteuid?.(uid);
  try {
    expect(() => readdirSync(hidden)).toThrow();
    expect(await lookedAt(path, undefined, () => undefined)).toEqual([]);
  } finally {
    if (uid !== undefined) process.seteuid?.(0);
    vi.unstubAllEnvs();
    chmodSync(hidden, 0o700);
  }
});

test("a store that was copied without its LOCK is locked for whoever asks for that, and gets none from whoever does not", async () => {
  const path = join(HOME, "copied");
  await makeStore(path, undefined);
  rmSync(join(path, "LOCK"));
  const before = everything(path);
  const unlocked = await UntouchedStore.lock(path);
  await unlocked.open(undefined);
  await unlocked.close();
  expect(everything(path)).toBe(before);
  const locked = await UntouchedStore.lock(path, { makesLock: true });
  await expect(openedByAnother(path)).resolves.toBe(false);
  await locked.close();
  await expect(openedByAnother(path)).resolves.toBe(true);
});

test("one on a file system that is read-only is looked at without being locked; whoever is to write beside it is refused", async (context) => {
  const path = join(HOME, "writable");
  await makeStore(path, undefined);
  const snapshot = join(HOME, "snapshot");
  const unmount = mountReadOnly(path, snapshot);
  if (unmount === undefined) return context.skip("it may not mount");
  try {
    const keys: string[] = [];
    const visit: Parameters<typeof verifyStore>[2] = (store) => void keys.push(...store.snapshot().keys("checkpoint/"));
    expect(await lookedAt(snapshot, undefined, visit)).toEqual([]);
    expect(keys.length).toBeGreaterThan(0);
    const refused = UntouchedStore.lock(snapshot, { makesLock: true });
    await expect(refused).rejects.toMatchObject({ code: "data_not_lockable", facts: { path: snapshot } });
  } finally {
    unmount();
  }
});

test.skipIf(process.getuid?.() !== 0)("one that may be read and not be locked is not called damaged", async () => {
  const path = join(HOME, "theirs");
  await makeStore(path, undefined);
  chmodSync(HOME, 0o711);
  process.seteuid?.(NOBODY);
  try {
    const refused = lookedAt(path, undefined, () => undefined);
    await expect(refused).rejects.toMatchObject({ code: "data_not_lockable", facts: { path } });
    await expect(refused).rejects.toThrow(/as the user whose it is, or with a copy/);
  } finally {
    process.seteuid?.(0);
  }
});

test("a table that is missing is named, and so is what CURRENT should name", async () => {
  const path = join(HOME, "missing");
  await makeStore(path, undefined);
  const [table = ""] = filesOf(path).filter((name) => name.endsWith(".ldb"));
  for (const name of [table, "CURRENT"]) {
    const copy = copyOf(path);
    rmSync(join(copy, name));
    const found = await lookedAt(copy, undefined, () => undefined);
    expect(found.map(({ facts }) => facts)).toEqual([{ file: name, offset: 0 }]);
  }
});

test("a store whose first opening was cut off is new", async () => {
  const path = join(HOME, "new");
  mkdirSync(path);
  for (const name of ["LOCK", "MANIFEST-000001"]) {
    writeFileSync(join(path, name), "");
    expect(await lookedAt(path, undefined, () => undefined)).toEqual([]);
  }
});
