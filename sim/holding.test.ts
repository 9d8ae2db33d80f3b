import { expect, test } from "vitest";
import { toHex } from "../node/base/bytes.ts";
import { Prng } from "../node/base/prng.ts";
import { MemoryDisk } from "../storage/memory-disk.ts";
import { MemoryStore } from "../storage/state/memory-store.ts";
import { Wal } from "../storage/wal/wal.ts";
import { segments } from "./fault/log-contents.ts";
import { holdingOf } from "./holding.ts";

const RECORDS = 60;
const hashAt = (index: number): Uint8Array => new Uint8Array(32).fill(index);

function throwIt(error: Error): never {
  throw error;
}

/** A disk with a log of some files. */
function diskWithLog(): MemoryDisk {
  const queue: (() => void)[] = [];
  const disk = new MemoryDisk((_, run) => queue.push(run));
  const wal = Wal.open(disk, "log", { segmentBytes: 8_192, cacheBytes: 0, cipher: undefined, onFatal: throwIt });
  let acknowledged = 0;
  for (let index = 1; index <= RECORDS; index++) {
    const links = { previousHash: hashAt(index - 1), hash: hashAt(index) };
    wal.append([{ index, term: 1, payload: new Uint8Array(100), ...links }], () => {
      acknowledged = index;
    });
    while (acknowledged < index) queue.shift()?.();
  }
  disk.crash(new Prng(1));
  return disk;
}

/** How many records a node has that is down, and whether it has lost how its log ends. */
function held(disk: MemoryDisk): readonly [records: number, endIsLost: boolean] {
  const store = new MemoryStore(() => undefined);
  const { has, endIsLost } = holdingOf(1, { disk, store }, undefined);
  const indexes = Array.from({ length: RECORDS }, (_, index) => index + 1);
  return [indexes.filter((index) => has(index, toHex(hashAt(index)))).length, endIsLost];
}

test("what can be read, if only the second time, is held", () => {
  const disk = diskWithLog();
  expect(held(disk)).toEqual([RECORDS, false]);
  disk.spoilOnce(segments(disk)[0] ?? "", 100);
  expect(held(disk)).toEqual([RECORDS, false]);
});

test("what nobody can read is not held, and behind the last of it there may have been more", () => {
  const files = segments(diskWithLog());
  expect(files.length).toBeGreaterThan(1);
  const [first, last] = [files[0], files.at(-1)].map((path = "") => {
    const disk = diskWithLog();
    disk.spoil(path, 100);
    return held(disk);
  });
  expect(first?.[0]).toBeLessThan(RECORDS);
  expect(first?.[1]).toBe(false);
  expect(last?.[0]).toBeLessThan(RECORDS);
  expect(last?.[1]).toBe(true);
});
