import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { StorageError } from "../../storage/errors.ts";
import { MemoryDisk } from "../../storage/memory-disk.ts";
import type { WalRecord } from "../../storage/wal/log-store.ts";
import { readReached, settleReached } from "../../storage/wal/reached-file.ts";
import { Wal } from "../../storage/wal/wal.ts";
import { damageLog, isRotten, LOG_DAMAGES, rotOldFile } from "./disk-damage.ts";

const OPTIONS = { segmentBytes: 4_096, cacheBytes: 0 };
const RECORDS = 60;

function recordAt(index: number): WalRecord {
  const hashAt = (at: number): Uint8Array => new Uint8Array(32).fill(at % 251);
  const payload = new Uint8Array(100).fill(index);
  return { index, term: 1, payload, previousHash: hashAt(index - 1), hash: hashAt(index) };
}

function openWal(disk: MemoryDisk): Wal {
  return Wal.open(disk, "log", {
    ...{ ...OPTIONS, cipher: undefined },
    onFatal: (error) => {
      throw error;
    },
  });
}

/**
 * A disk that has done all that was asked of it when the power failed; the last record has no mark behind it. So many more
 * were written, and not synced: each sector of them may be there or not.
 */
function diskWithLog(records: number, { unsynced = 0, seed = 1 } = {}): MemoryDisk {
  const queue: (() => void)[] = [];
  const disk = new MemoryDisk((_, run) => queue.push(run), { lost: 0, kept: 0, torn: 1 });
  const wal = openWal(disk);
  let acknowledged = 0;
  for (let index = 1; index <= records; index++) {
    wal.append([recordAt(index)], () => {
      acknowledged = index;
    });
    while (acknowledged < index) queue.shift()?.();
  }
  const more = Array.from({ length: unsynced }, (_, index) => recordAt(records + 1 + index));
  if (unsynced > 0) wal.append(more, () => undefined);
  disk.crash(new Prng(seed));
  return disk;
}

/** How far a log goes that opens; undefined where it knows that it has lost something. */
function openedUpTo(disk: MemoryDisk): number | undefined {
  try {
    return openWal(disk).lastIndex();
  } catch (error) {
    if (error instanceof StorageError) return undefined;
    throw error;
  }
}

describe.each(LOG_DAMAGES)("%s", (how) => {
  test("is found by a log that has lost something by it, whatever it has acknowledged", () => {
    const outcomes = Array.from({ length: 60 }, (_, seed) => {
      const disk = diskWithLog(RECORDS);
      return damageLog(disk, how, new Prng(seed)) ? (openedUpTo(disk) ?? "lost") : "nowhere";
    });
    expect(outcomes.filter((outcome) => outcome !== "lost" && outcome !== "nowhere" && outcome !== RECORDS)).toEqual(
      [],
    );
    expect(outcomes.filter((outcome) => outcome === "lost").length).toBeGreaterThan(20);
  });

  test("does not take what was acknowledged last, while nothing tells of it, though something later is there", () => {
    for (let seed = 0; seed < 200; seed++) {
      const disk = diskWithLog(3, { unsynced: 8, seed });
      damageLog(disk, how, new Prng(seed));
      expect(openedUpTo(disk) ?? 3, `seed ${seed}`).toBeGreaterThanOrEqual(3);
    }
  });

  test("happens to nothing that is not there, nor to what stands beside a log that holds nothing", () => {
    const disk = new MemoryDisk(() => undefined);
    expect(damageLog(disk, how, new Prng(1))).toBe(false);
    settleReached(disk, "log", 0);
    for (let seed = 0; seed < 20; seed++) expect(damageLog(disk, how, new Prng(seed))).toBe(false);
  });
});

test("damage upon damage never makes what stands beside the log look like another program's", () => {
  for (let seed = 0; seed < 20; seed++) {
    const [disk, random] = [diskWithLog(2), new Prng(seed)];
    for (let damage = 0; damage < 40; damage++) {
      damageLog(disk, damage % 2 === 0 ? "bitFlip" : "lostWrite", random);
      expect(() => readReached(disk, "log")).not.toThrow();
    }
  }
});

describe("a bit that turns over in an old file", () => {
  test("is in none of the two newest, and is there until the file is written anew", () => {
    const disk = diskWithLog(RECORDS);
    const segments = disk.list("log");
    const old = segments.slice(0, -2).map((name) => `log/${name}`);
    expect(old.length).toBeGreaterThan(1);
    const spoiled = new Set<string>();
    for (let seed = 0; seed < 40; seed++) {
      const rotten = rotOldFile(disk, new Prng(seed));
      if (rotten === undefined) throw new Error("there is an old file");
      const { path, offset, byte } = rotten;
      spoiled.add(path);
      expect(isRotten(disk, rotten)).toBe(true);
      disk.overwrite(path, offset, Uint8Array.of(byte ^ 0xff));
      expect(isRotten(disk, rotten)).toBe(false);
    }
    expect([...spoiled].sort()).toEqual(old);
  });

  test("is nowhere where the log is young", () => {
    expect(rotOldFile(diskWithLog(3), new Prng(1))).toBeUndefined();
  });

  test("is gone with its file", () => {
    const disk = diskWithLog(RECORDS);
    const rotten = rotOldFile(disk, new Prng(1));
    if (rotten === undefined) throw new Error("there is an old file");
    disk.vanish(rotten.path);
    expect(isRotten(disk, rotten)).toBe(false);
  });
});
