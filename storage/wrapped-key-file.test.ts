import { describe, expect, test } from "vitest";
import { Prng } from "../node/base/prng.ts";
import { MemoryDisk } from "./memory-disk.ts";
import { WRAPPED_BYTES, type WrappedKey, WrappedKeyFile } from "./wrapped-key-file.ts";

const PATH = "wrapped.key";
const OLD = keyOf(1);
const NEW = keyOf(2);

function keyOf(seed: number): WrappedKey {
  return { keyId: new Uint8Array(8).fill(seed), wrapped: new Uint8Array(WRAPPED_BYTES).fill(seed + 100) };
}

function fixture() {
  const queue: (() => void)[] = [];
  const disk = new MemoryDisk((_, run) => queue.push(run));
  /** Lets up to so many operations complete. */
  const run = (count = Number.POSITIVE_INFINITY): void => {
    for (let i = 0; i < count; i++) queue.shift()?.();
  };
  const file = WrappedKeyFile.create(disk, PATH, OLD);
  return { disk, queue, run, file };
}

function found(disk: MemoryDisk): readonly WrappedKey[] {
  return WrappedKeyFile.open(disk, PATH)?.read() ?? [];
}

describe("the wrapped data key", () => {
  test("is there as soon as it is made, twice, and survives the power", () => {
    const { disk } = fixture();
    disk.crash(new Prng(1));
    expect(found(disk)).toEqual([OLD, OLD]);
    expect(WrappedKeyFile.open(disk, "other")).toBeUndefined();
  });

  test("wrapped anew is the new one only, in both copies", () => {
    const { disk, run, file } = fixture();
    const results: unknown[] = [];
    file.replace(NEW, (error) => results.push(error));
    run(4);
    expect(results).toEqual([undefined]);
    disk.crash(new Prng(1));
    expect(found(disk)).toEqual([NEW, NEW]);
  });

  test("is whole after a crash at any step of that, with one copy damaged before or not", () => {
    const seen = new Set<string>();
    for (const damagedAt of [undefined, 20, 512 + 20]) {
      for (let steps = 0; steps <= 4; steps++) {
        for (let seed = 0; seed < 20; seed++) {
          const { disk, run, file } = fixture();
          if (damagedAt !== undefined) disk.flipBit(PATH, damagedAt, 0);
          file.replace(NEW, () => {});
          run(steps);
          disk.crash(new Prng(seed));
          const copies = found(disk);
          expect(copies.length).toBeGreaterThan(0);
          for (const copy of copies) expect([OLD, NEW]).toContainEqual(copy);
          seen.add(copies.map(({ keyId }) => keyId[0]).join(" "));
        }
      }
    }
    expect(seen).toEqual(new Set(["1 1", "2 1", "1 2", "2 2", "1"]));
  });

  test("is read past any flipped bit in one copy; in both copies nothing is", () => {
    const { disk } = fixture();
    for (let bit = 0; bit < 80 * 8; bit++) {
      disk.flipBit(PATH, bit >> 3, bit & 7);
      expect(found(disk)).toEqual([OLD]);
      disk.flipBit(PATH, 512 + (bit >> 3), bit & 7);
      expect(found(disk)).toEqual([]);
      disk.flipBit(PATH, bit >> 3, bit & 7);
      disk.flipBit(PATH, 512 + (bit >> 3), bit & 7);
    }
  });

  test.each(["write", "sync"] as const)("a %s that fails is reported, once, and leaves what opens", (kind) => {
    const { disk, run, file } = fixture();
    disk.failNext(kind, "disk_full");
    const results: (string | undefined)[] = [];
    file.replace(NEW, (error) => results.push(error?.code));
    run(4);
    expect(results).toEqual(["disk_full"]);
    disk.crash(new Prng(1));
    expect(found(disk)).toContainEqual(OLD);
  });

  test("whose making was cut off is made again", () => {
    const queue: (() => void)[] = [];
    const disk = new MemoryDisk((_, run) => queue.push(run));
    disk.open(PATH, { create: true }).settle(0, new Uint8Array(40).fill(1), 100);
    expect(found(disk)).toEqual([]);
    WrappedKeyFile.create(disk, PATH, NEW);
    expect(found(disk)).toEqual([NEW, NEW]);
  });
});
