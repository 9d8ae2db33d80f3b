import { describe, expect, test } from "vitest";
import type { DiskError } from "../../node/base/ports/disk.ts";
import { Prng } from "../../node/base/prng.ts";
import { MemoryDisk } from "../memory-disk.ts";
import { SealFile } from "./seal-file.ts";

function fixture() {
  const queue: (() => void)[] = [];
  const disk = new MemoryDisk((_, run) => queue.push(run));
  const run = (): void => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) next();
  };
  const write = (seal: SealFile, number: number): (DiskError | undefined)[] => {
    const results: (DiskError | undefined)[] = [];
    seal.write(number, (error) => results.push(error));
    run();
    return results;
  };
  return { disk, run, write, seal: SealFile.open(disk, "state/seal", { create: true }) };
}

describe("SealFile", () => {
  test("begins with 0, is made only on demand, and gives the number that was written last", () => {
    const { disk, write, seal } = fixture();
    expect(() => SealFile.open(disk, "state/other", { create: false })).toThrow(
      expect.objectContaining({ code: "disk_not_found" }),
    );
    expect(seal.read()).toBe(0);
    for (let number = 1; number <= 5; number++) {
      expect(write(seal, number)).toEqual([undefined]);
      expect(SealFile.open(disk, "state/seal", { create: true }).read()).toBe(number);
    }
  });

  test("a crash while a number is written leaves it or the one before, and never loses one that was done", () => {
    const seen = Array.from({ length: 60 }, (_, seed) => {
      const { disk, write, seal } = fixture();
      for (let number = 1; number <= 4; number++) write(seal, number);
      seal.write(5, () => {});
      disk.crash(new Prng(seed));
      return SealFile.open(disk, "state/seal", { create: false }).read();
    });
    expect(new Set(seen)).toEqual(new Set([4, 5]));
  });

  test("a flipped bit in the newest number leaves the one before", () => {
    const { disk, write, seal } = fixture();
    for (const number of [1, 2, 3]) write(seal, number);
    for (let bit = 0; bit < 12 * 8; bit++) {
      disk.flipBit("state/seal", 512 + (bit >> 3), bit & 7);
      expect(seal.read()).toBe(2);
      disk.flipBit("state/seal", 512 + (bit >> 3), bit & 7);
    }
    expect(seal.read()).toBe(3);
  });

  test("settling is durable at once, and keeps the number before", () => {
    const { disk, write, seal } = fixture();
    write(seal, 6);
    seal.settle(7);
    disk.crash(new Prng(1));
    expect(seal.read()).toBe(7);
    disk.flipBit("state/seal", 512, 0);
    expect(seal.read()).toBe(6);
  });

  test.each(["write", "sync"] as const)("a %s that fails is reported, once", (kind) => {
    const { disk, write, seal } = fixture();
    disk.failNext(kind, "disk_full");
    expect(write(seal, 1).map((error) => error?.code)).toEqual(["disk_full"]);
  });
});
