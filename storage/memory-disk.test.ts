import { describe, expect, test } from "vitest";
import type { DiskFile } from "../node/base/ports/disk.ts";
import { Prng } from "../node/base/prng.ts";
import { describeDisk } from "./disk.contract.ts";
import { MemoryDisk, type UnsyncedFates } from "./memory-disk.ts";

function fixture(unsynced?: UnsyncedFates) {
  const queue: (() => void)[] = [];
  const disk = new MemoryDisk((_, run) => queue.push(run), unsynced);
  const run = (): void => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) next();
  };
  return { disk, run };
}

describeDisk("MemoryDisk", () => {
  const { disk, run } = fixture();
  return { disk, settle: () => Promise.resolve(run()), dispose: () => {} };
});

/** A file of 4 KiB of ones, durable and so is its name. */
function durableFile(unsynced?: UnsyncedFates) {
  const { disk, run } = fixture(unsynced);
  const file = disk.open("log/a", { create: true });
  file.settle(0, new Uint8Array(4_096).fill(1), 4_096);
  return { disk, run, file };
}

function reopened(disk: MemoryDisk, path = "log/a"): DiskFile {
  return disk.open(path, { create: false });
}

/** What each of many crashes leaves. */
function outcomes<T>(prepare: () => { readonly disk: MemoryDisk }, look: (disk: MemoryDisk) => T): T[] {
  return Array.from({ length: 200 }, (_, seed) => {
    const { disk } = prepare();
    disk.crash(new Prng(seed));
    return look(disk);
  });
}

describe("a crash", () => {
  test("keeps what was synced, and names whose directory was", () => {
    const seen = outcomes(
      () => {
        const { disk, run } = fixture();
        const file = disk.open("log/a", { create: true });
        file.write(0, [Uint8Array.of(1, 2, 3)], () => {});
        file.sync(() => {});
        disk.syncDirectory("log", () => {});
        run();
        return { disk };
      },
      (disk) => [...reopened(disk).read(0, 10)],
    );
    expect(new Set(seen.map(String))).toEqual(new Set(["1,2,3"]));
  });

  test("may lose, keep or tear by sectors what was written and not synced, wherever it has got to", () => {
    const seen = outcomes(
      () => {
        const { disk, run, file } = durableFile();
        file.write(100, [new Uint8Array(2_000).fill(2)], () => {});
        run();
        file.sync(() => {}); // under way
        return { disk };
      },
      (disk) => {
        const bytes = reopened(disk).read(0, 4_096);
        // Old or new is decided a sector at a time, and bytes outside the write are as they were.
        const sectors = [100, 512, 1_024, 1_536, 2_048].map((start, i, starts) => {
          const part = bytes.subarray(start, i === 4 ? 2_100 : starts[i + 1]);
          expect(new Set(part).size).toBe(1);
          return part[0];
        });
        expect(new Set([...bytes.subarray(0, 100), ...bytes.subarray(2_100)])).toEqual(new Set([1]));
        return sectors.join("");
      },
    );
    expect(seen).toContain("11111");
    expect(seen).toContain("22222");
    expect(new Set(seen).size).toBeGreaterThan(15);
  });

  test("loses, keeps and tears what was not synced as often as each weighs", () => {
    const counted = ({ lost, kept, torn }: UnsyncedFates): readonly number[] => {
      const { disk, file } = durableFile({ lost, kept, torn });
      for (let write = 0; write < 600; write++) file.write(0, [Uint8Array.of(write)], () => {});
      disk.crash(new Prng(1));
      const { lostWrites, keptWrites, tornWrites } = disk.counts;
      return [lostWrites, keptWrites, tornWrites];
    };
    expect(counted({ lost: 1, kept: 0, torn: 0 })).toEqual([600, 0, 0]);
    expect(counted({ lost: 0, kept: 3, torn: 0 })).toEqual([0, 600, 0]);
    expect(counted({ lost: 0, kept: 0, torn: 2 })).toEqual([0, 0, 600]);
    const [lost = 0, kept, torn = 0] = counted({ lost: 4, kept: 0, torn: 2 });
    expect([lost + torn, kept]).toEqual([600, 0]);
    expect(lost / torn).toBeGreaterThan(1.6);
    expect(lost / torn).toBeLessThan(2.5);
  });

  test("may lose a truncation, and none that was synced", () => {
    const unsynced = outcomes(
      () => {
        const { disk, run, file } = durableFile();
        file.truncate(10, () => {});
        run();
        return { disk };
      },
      (disk) => reopened(disk).size(),
    );
    expect(new Set(unsynced)).toEqual(new Set([10, 4_096]));
  });

  test("may lose a new name, and bring a removed one back, each by itself", () => {
    const seen = outcomes(
      () => {
        const { disk, file } = durableFile();
        file.close();
        disk.remove("log/a");
        disk.open("log/b", { create: true });
        return { disk };
      },
      (disk) => disk.list("log").join(" "),
    );
    expect(new Set(seen)).toEqual(new Set(["", "a", "b", "a b"]));
  });

  test("under a name that was given to another file, leaves one or the other", () => {
    const seen = outcomes(
      () => {
        const { disk, file } = durableFile();
        file.close();
        disk.remove("log/a");
        disk.open("log/a", { create: true }).write(0, [Uint8Array.of(9)], () => {});
        return { disk };
      },
      (disk) => reopened(disk).size(),
    );
    expect(new Set(seen)).toEqual(new Set([0, 1, 4_096]));
  });

  test("a directory sync covers the names of that directory as they were when it was started", () => {
    const seen = outcomes(
      () => {
        const { disk, run } = fixture();
        disk.open("log/a", { create: true });
        disk.syncDirectory("log", () => {});
        disk.open("log/b", { create: true });
        disk.open("other/c", { create: true });
        run();
        return { disk };
      },
      (disk) => [...disk.list("log"), ...disk.list("other")].join(" "),
    );
    expect(new Set(seen)).toEqual(new Set(["a", "a b", "a c", "a b c"]));
  });

  test("a sync covers what was started before it, and nothing after", () => {
    const seen = outcomes(
      () => {
        const { disk, run, file } = durableFile();
        file.write(0, [Uint8Array.of(2)], () => {});
        file.sync(() => {});
        file.write(1, [Uint8Array.of(3)], () => {});
        run();
        return { disk };
      },
      (disk) => [...reopened(disk).read(0, 2)].join(" "),
    );
    expect(new Set(seen)).toEqual(new Set(["2 1", "2 3"]));
  });

  test("no completion comes after it, and it counts what it did", () => {
    const { disk, run, file } = durableFile();
    let completions = 0;
    const count = (): void => {
      completions += 1;
    };
    for (let i = 0; i < 300; i++) file.write(i, [Uint8Array.of(2)], count);
    file.sync(count);
    for (let i = 0; i < 20; i++) disk.open(`log/new ${i}`, { create: true });
    file.close();
    disk.remove("log/a");
    disk.crash(new Prng(1));
    run();
    expect(completions).toBe(0);
    const { lostWrites, tornWrites, keptWrites, lostFiles, revivedFiles } = disk.counts;
    expect([lostFiles + disk.list("log").length, revivedFiles]).toEqual([20 + revivedFiles, revivedFiles]);
    expect(lostWrites + tornWrites + keptWrites).toBe(disk.list("log").includes("a") ? 300 : 0);
  });

  test("the same draws give the same outcome", () => {
    const crash = (): string => {
      const { disk, file } = durableFile();
      for (let i = 0; i < 50; i++) file.write(i * 80, [new Uint8Array(700).fill(i)], () => {});
      disk.crash(new Prng(7));
      return reopened(disk).read(0, 5_000).join(" ");
    };
    expect(crash()).toBe(crash());
  });
});

describe("injected faults", () => {
  test.each(["write", "truncate", "sync", "syncDirectory"] as const)("the next %s fails, and only that", (kind) => {
    const { disk, run, file } = durableFile();
    const seen: string[] = [];
    disk.failNext(kind, "disk_full");
    for (const round of [1, 2]) {
      file.write(0, [Uint8Array.of(1)], (error) => seen.push(`${round} write ${error?.code}`));
      file.truncate(10, (error) => seen.push(`${round} truncate ${error?.code}`));
      file.sync((error) => seen.push(`${round} sync ${error?.code}`));
      disk.syncDirectory("log", (error) => seen.push(`${round} syncDirectory ${error?.code}`));
    }
    run();
    expect(seen.filter((text) => text.endsWith("disk_full"))).toEqual([`1 ${kind} disk_full`]);
    expect(seen).toHaveLength(8);
  });

  test("a full disk refuses every write, and nothing else, until there is space", () => {
    const { disk, run, file } = durableFile();
    const seen: (string | undefined)[] = [];
    const write = (): void => {
      file.write(0, [Uint8Array.of(1)], (error) => seen.push(error?.code));
      file.sync((error) => seen.push(error?.code));
      run();
    };
    disk.isFull = true;
    write();
    write();
    disk.isFull = false;
    write();
    expect(seen).toEqual(["disk_full", undefined, "disk_full", undefined, undefined, undefined]);
  });

  test("a failed read throws, the next one reads", () => {
    const { disk, file } = durableFile();
    disk.failNext("read", "disk_io");
    expect(() => file.read(0, 1)).toThrow(expect.objectContaining({ code: "disk_io" }));
    expect([...file.read(0, 1)]).toEqual([1]);
  });

  test("a byte fails to be read once, or until another file has its place", () => {
    const { disk, file } = durableFile();
    disk.spoilOnce("log/a", 3);
    expect([...file.read(0, 3)]).toHaveLength(3);
    expect(() => file.read(2, 2)).toThrow(expect.objectContaining({ code: "disk_io" }));
    expect([file.read(2, 2).length, disk.isSpoiled("log/a")]).toEqual([2, false]);
    disk.spoilOnce("log/a", 3);
    disk.isWatched = true;
    expect(file.read(2, 2).length).toBe(2);
    disk.isWatched = false;
    expect(() => file.read(2, 2)).toThrow(expect.objectContaining({ code: "disk_io" }));
    disk.spoil("log/a", 3);
    for (const _ of [1, 2]) expect(() => file.read(2, 2)).toThrow(expect.objectContaining({ code: "disk_io" }));
    expect(disk.isSpoiled("log/a")).toBe(true);
    disk.open("log/b", { create: true });
    disk.rename("log/b", "log/a");
    expect(disk.isSpoiled("log/a")).toBe(false);
  });

  test("what a failed sync should have made durable never will be, though readers see it", () => {
    const seen = outcomes(
      () => {
        const { disk, run, file } = durableFile();
        file.write(0, [Uint8Array.of(2)], () => {});
        disk.failNext("sync", "disk_io");
        file.sync(() => {});
        run();
        expect([...file.read(0, 1)]).toEqual([2]);
        file.sync(() => {}); // a lie, as on a real system
        run();
        return { disk };
      },
      (disk) => reopened(disk).read(0, 1)[0],
    );
    expect(new Set(seen)).toEqual(new Set([1]));
  });

  test("settling writes again what a failed sync has lost", () => {
    const { disk, run, file } = durableFile();
    file.write(0, [Uint8Array.of(2, 3)], () => {});
    disk.failNext("sync", "disk_io");
    file.sync(() => {});
    run();
    file.settle(0, file.read(0, 1), 4_096);
    disk.crash(new Prng(1));
    expect([...reopened(disk).read(0, 2)]).toEqual([2, 0]);
  });

  test("a flipped bit is there for readers and after a crash", () => {
    const { disk, file } = durableFile();
    disk.flipBit("log/a", 7, 3);
    expect(file.read(7, 1)[0]).toBe(9);
    disk.crash(new Prng(1));
    expect(reopened(disk).read(7, 1)[0]).toBe(9);
  });
});
