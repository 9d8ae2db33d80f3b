import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statfsSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { afterAll, describe, expect, test } from "vitest";
import { InvariantError } from "../node/base/assert.ts";
import type { Disk, DiskDone, DiskFile } from "../node/base/ports/disk.ts";
import { describeDisk } from "./disk.contract.ts";
import { DiskCalls } from "./disk-calls.ts";
import { NodeDisk } from "./node-disk.ts";
import { SyncCount } from "./sync-count.ts";

const HOME = mkdtempSync(join(tmpdir(), "quorate-disk-"));
let directories = 0;

function freshDirectory(): string {
  directories += 1;
  return join(HOME, String(directories));
}

afterAll(() => rmSync(HOME, { recursive: true }));

/** Counts what is under way, so that a test can wait for it. */
class CountedDisk implements Disk {
  readonly #inner: Disk;
  underWay = 0;

  constructor(inner: Disk) {
    this.#inner = inner;
  }

  list(directory: string): string[] {
    return this.#inner.list(directory);
  }

  open(path: string, options: { readonly create: boolean }): DiskFile {
    const file = this.#inner.open(path, options);
    return {
      path: file.path,
      size: () => file.size(),
      read: (offset, length, into) => file.read(offset, length, into),
      write: (offset, chunks, done) => file.write(offset, chunks, this.#counted(done)),
      truncate: (size, done) => file.truncate(size, this.#counted(done)),
      sync: (done) => file.sync(this.#counted(done)),
      settle: (offset, bytes, size) => file.settle(offset, bytes, size),
      close: () => file.close(),
    };
  }

  freeBytes(): number {
    return this.#inner.freeBytes();
  }

  remove(path: string): void {
    this.#inner.remove(path);
  }

  rename(from: string, to: string): void {
    this.#inner.rename(from, to);
  }

  syncDirectory(directory: string, done: DiskDone): void {
    this.#inner.syncDirectory(directory, this.#counted(done));
  }

  #counted(done: DiskDone): DiskDone {
    this.underWay += 1;
    return (error) => {
      this.underWay -= 1;
      done(error);
    };
  }
}

describeDisk("NodeDisk", () => {
  const directory = freshDirectory();
  const disk = new CountedDisk(new NodeDisk(directory));
  return {
    disk,
    settle: async () => {
      while (disk.underWay > 0) await setImmediate();
    },
    dispose: () => rmSync(directory, { recursive: true }),
  };
});

describe("NodeDisk", () => {
  test("makes its directory, and those above it", () => {
    const directory = join(freshDirectory(), "data", "node");
    new NodeDisk(directory).open("log/a", { create: true }).settle(0, Uint8Array.of(1, 2), 4);
    expect([...readFileSync(join(directory, "log", "a"))]).toEqual([1, 2, 0, 0]);
  });

  test("nothing outside its directory can be named", () => {
    const disk = new NodeDisk(freshDirectory());
    for (const path of ["../x", "log/../../x", ".."]) {
      expect(() => disk.open(path, { create: true })).toThrow(InvariantError);
      expect(() => disk.list(path)).toThrow(InvariantError);
      expect(() => disk.remove(path)).toThrow(InvariantError);
    }
  });

  test("what the system refuses is a typed error with the system's own code", () => {
    const directory = freshDirectory();
    const disk = new NodeDisk(directory);
    mkdirSync(join(directory, "log", "a"), { recursive: true });
    expect(() => disk.open("log/a", { create: false })).toThrow(
      expect.objectContaining({ code: "disk_io", facts: { path: "log/a", system: "EISDIR" } }),
    );
    writeFileSync(join(directory, "file"), "");
    expect(() => disk.open("file/a", { create: true })).toThrow(expect.objectContaining({ code: "disk_exists" }));
    expect(() => disk.list("file")).toThrow(expect.objectContaining({ code: "disk_io" }));
    expect(() => new NodeDisk(join(directory, "file", "x"))).toThrow(expect.objectContaining({ name: "DiskError" }));
  });

  test("directories that it makes are their owner's only; those that are there stay as they are", () => {
    const directory = freshDirectory();
    mkdirSync(directory, { mode: 0o750 });
    new NodeDisk(join(directory, "node", "data")).open("log/1", { create: true }).close();
    const modes = ["", "node", "node/data", "node/data/log"].map(
      (path) => statSync(join(directory, path)).mode & 0o777,
    );
    expect(modes).toEqual([0o750, 0o700, 0o700, 0o700]);
  });

  test("a directory that is not there cannot be synced", async () => {
    const disk = new NodeDisk(freshDirectory());
    const error = await new Promise((resolve) => disk.syncDirectory("nowhere", resolve));
    expect(error).toMatchObject({ code: "disk_not_found", facts: { path: "nowhere" } });
  });

  test("what was made durable is counted, with its time, and what failed is not", async () => {
    let nowMs = 0;
    const syncs = new SyncCount(() => {
      nowMs += 3;
      return nowMs;
    });
    const disk = new NodeDisk(freshDirectory(), { syncs });
    const file = disk.open("log/a", { create: true });
    const done = (start: (done: DiskDone) => void): Promise<unknown> => new Promise((resolve) => start(resolve));
    expect(await done((resolve) => file.write(0, [Uint8Array.of(1)], resolve))).toBeUndefined();
    expect(syncs.fields()).toEqual({ syncs: 0, syncMs: 0 });
    expect(await done((resolve) => file.sync(resolve))).toBeUndefined();
    expect(await done((resolve) => disk.syncDirectory("log", resolve))).toBeUndefined();
    expect(await done((resolve) => disk.syncDirectory("nowhere", resolve))).toBeDefined();
    expect(syncs.fields()).toEqual({ syncs: 2, syncMs: 6 });
  });

  test("a closed file is used no more: the system may have given its number to another", () => {
    const file = new NodeDisk(freshDirectory()).open("log/a", { create: true });
    file.close();
    for (const use of [() => file.read(0, 1), () => file.sync(() => {}), () => file.settle(0, new Uint8Array(1), 1)]) {
      expect(use).toThrow(InvariantError);
    }
  });

  test("says what is under way, a refusal as well, and never that nothing is between two steps of a file", async () => {
    const calls = new DiskCalls();
    const disk = new NodeDisk(freshDirectory(), { calls });
    const file = disk.open("file", { create: true });
    const idle: boolean[] = [];
    const last = new Promise<void>((resolve) => {
      file.write(0, [Uint8Array.of(1)], () => {
        idle.push(calls.isIdle);
        // What comes of one step is begun before that is over.
        file.sync(() => {
          idle.push(calls.isIdle);
          disk.syncDirectory("nowhere", () => resolve());
        });
      });
    });
    expect([calls.isIdle, calls.completed]).toEqual([false, 0]);
    await last;
    expect(idle).toEqual([false, false]);
    await expect.poll(() => [calls.isIdle, calls.completed]).toEqual([true, 3]);
    file.close();
  });

  test("says how much space is left, as the system does", () => {
    const disk = new NodeDisk(freshDirectory());
    const { bavail, bsize } = statfsSync(HOME);
    // Others write, too.
    expect(Math.abs(disk.freeBytes() - bavail * bsize)).toBeLessThan(2 ** 30);
  });

  test("no space left: the write that finds none fails, those before it have happened", async () => {
    // Every write to /dev/full fails as on a full disk.
    const disk = new NodeDisk("/dev");
    const file = disk.open("full", { create: false });
    const error = await new Promise((resolve) => file.write(0, [Uint8Array.of(1)], resolve));
    expect(error).toMatchObject({ code: "disk_full", facts: { path: "full", system: "ENOSPC" } });
    file.close();
  });
});

test("whoever only looks makes nothing, and needs no more than to read", async () => {
  const home = freshDirectory();
  new NodeDisk(home).open("log/a", { create: true }).settle(0, Uint8Array.of(1, 2), 2);
  const disk = new NodeDisk(home, { readOnly: true });
  const file = disk.open("log/a", { create: false });
  expect(file.read(0, 2)).toEqual(Uint8Array.of(1, 2));
  const error = await new Promise((resolve) => file.write(0, [Uint8Array.of(3)], resolve));
  expect(error).toMatchObject({ code: "disk_io", facts: { system: "EBADF" } });
  file.close();
  const missing = join(home, "missing");
  expect([new NodeDisk(missing, { readOnly: true }).list("."), existsSync(missing)]).toEqual([[], false]);
});
