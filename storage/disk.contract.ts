/** What every disk must do, whatever it is made of. */
import fc from "fast-check";
import { afterEach, describe, expect, test } from "vitest";
import type { Disk, DiskDone, DiskError, DiskFile } from "../node/base/ports/disk.ts";

export interface DiskUnderTest {
  readonly disk: Disk;
  /** Lets what was started go on until it is over. */
  readonly settle: () => Promise<void>;
  readonly dispose: () => void;
}

const bytes = (...values: number[]): Uint8Array => Uint8Array.from(values);
const whole = (file: DiskFile): number[] => [...file.read(0, file.size() + 10)];

/** Does something and waits for its completion. */
async function doing({ settle }: DiskUnderTest, start: (done: DiskDone) => void): Promise<DiskError | undefined> {
  const results: (DiskError | undefined)[] = [];
  start((error) => results.push(error));
  await settle();
  expect(results).toHaveLength(1);
  return results[0];
}

/** Runs the suite; `create` gives an empty disk each time. */
export function describeDisk(name: string, create: () => DiskUnderTest): void {
  describe(`${name} as a disk`, () => {
    const used: DiskUnderTest[] = [];
    const fresh = (): DiskUnderTest => {
      const under = create();
      used.push(under);
      return under;
    };

    afterEach(() => {
      for (const { dispose } of used.splice(0)) dispose();
    });

    test("a new file is empty; making it again is refused, and so is opening one that is not there", () => {
      const { disk } = fresh();
      const file = disk.open("log/a", { create: true });
      expect([file.path, file.size(), whole(file)]).toEqual(["log/a", 0, []]);
      expect(() => disk.open("log/a", { create: true })).toThrow(expect.objectContaining({ code: "disk_exists" }));
      expect(() => disk.open("log/b", { create: false })).toThrow(expect.objectContaining({ code: "disk_not_found" }));
      file.close();
    });

    test("chunks are written one behind the other, and what is between writes is zeros", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      expect(await doing(under, (done) => file.write(3, [bytes(1, 2), bytes(), bytes(3)], done))).toBeUndefined();
      expect(whole(file)).toEqual([0, 0, 0, 1, 2, 3]);
      await doing(under, (done) => file.write(1, [bytes(9)], done));
      await doing(under, (done) => file.write(6, [], done));
      expect(whole(file)).toEqual([0, 9, 0, 1, 2, 3]);
      file.close();
    });

    test("thousands of chunks are one write", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      const chunks = Array.from({ length: 5_000 }, (_, i) => new Uint8Array(i % 4).fill(i));
      expect(await doing(under, (done) => file.write(8, chunks, done))).toBeUndefined();
      const expected = [...new Uint8Array(8), ...chunks.flatMap((chunk) => [...chunk])];
      expect(whole(file).join()).toBe(expected.join());
      expect(file.size()).toBe(8 + 7_500);
      file.close();
    });

    test("reads what there is from a place on, and no more", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      await doing(under, (done) => file.write(0, [bytes(1, 2, 3, 4)], done));
      expect([...file.read(1, 2)]).toEqual([2, 3]);
      expect([...file.read(3, 5)]).toEqual([4]);
      expect([...file.read(4, 5)]).toEqual([]);
      expect([...file.read(99, 5)]).toEqual([]);
      expect([...file.read(0, 0)]).toEqual([]);
      file.close();
    });

    test("reads into memory of the caller, and leaves the rest of that alone", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      await doing(under, (done) => file.write(0, [bytes(1, 2, 3, 4)], done));
      const memory = new Uint8Array(6).fill(9);
      const read = file.read(1, 2, memory);
      expect([[...read], [...memory]]).toEqual([
        [2, 3],
        [2, 3, 9, 9, 9, 9],
      ]);
      expect(read.buffer).toBe(memory.buffer);
      expect([...file.read(3, 3, memory)]).toEqual([4]);
      file.close();
    });

    test("what is read belongs to the reader", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      await doing(under, (done) => file.write(0, [bytes(1, 2)], done));
      file.read(0, 2).fill(7);
      expect(whole(file)).toEqual([1, 2]);
      file.close();
    });

    test("the size is that of the operations started so far", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      file.write(0, [bytes(1, 2, 3)], () => {});
      expect(file.size()).toBe(3);
      file.truncate(10, () => {});
      expect(file.size()).toBe(10);
      file.truncate(1, () => {});
      expect(file.size()).toBe(1);
      await under.settle();
      expect(whole(file)).toEqual([1]);
      file.close();
    });

    test("what was cut off does not come back when the file grows again", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      file.write(0, [new Uint8Array(5_000).fill(7)], () => {});
      file.truncate(2, () => {});
      file.truncate(5_000, () => {});
      await under.settle();
      const expected = new Uint8Array(5_000);
      expected.fill(7, 0, 2);
      expect(file.read(0, 5_000)).toEqual(expected);
      file.close();
    });

    test("completions of a file come in the order things were started", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      const order: number[] = [];
      for (let i = 0; i < 40; i++) {
        const done: DiskDone = (error) => {
          expect(error).toBeUndefined();
          order.push(i);
        };
        if (i % 4 === 0) file.write(0, [new Uint8Array(i % 8 === 0 ? 200_000 : 1).fill(i)], done);
        else if (i % 4 === 1) file.truncate(i * 10, done);
        else file.sync(done);
      }
      await under.settle();
      expect(order).toEqual(Array.from({ length: 40 }, (_, i) => i));
      file.close();
    });

    test("no completion comes before the call that started it has returned", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      let returned = false;
      const check: DiskDone = () => expect(returned).toBe(true);
      file.write(0, [bytes(1)], check);
      file.sync(check);
      under.disk.syncDirectory("log", check);
      returned = true;
      await under.settle();
      file.close();
    });

    test("closing waits for what was started", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      const results: unknown[] = [];
      file.write(0, [new Uint8Array(100_000).fill(1)], (error) => results.push(error));
      file.sync((error) => results.push(error));
      file.close();
      await under.settle();
      expect(results).toEqual([undefined, undefined]);
      const again = under.disk.open("log/a", { create: false });
      expect(again.read(99_999, 10)).toEqual(bytes(1));
      again.close();
    });

    test("settling writes at once, clears what is behind up to the size, and can make a file longer or shorter", async () => {
      const under = fresh();
      const file = under.disk.open("log/a", { create: true });
      await doing(under, (done) => file.write(0, [bytes(1, 2, 3, 4, 5, 6)], done));
      file.settle(2, bytes(8, 9), 10);
      expect([file.size(), ...whole(file)]).toEqual([10, 1, 2, 8, 9, 0, 0, 0, 0, 0, 0]);
      file.settle(4, bytes(), 5);
      expect([file.size(), ...whole(file)]).toEqual([5, 1, 2, 8, 9, 0]);
      file.settle(0, bytes(), 0);
      expect(whole(file)).toEqual([]);
      file.close();
    });

    test("lists the files of a directory in order, and nothing of others", async () => {
      const under = fresh();
      const { disk } = under;
      for (const path of ["log/b", "log/a", "log/deep/c", "other/d", "log/C"])
        disk.open(path, { create: true }).close();
      expect(disk.list("log")).toEqual(["C", "a", "b"]);
      expect(disk.list("log/deep")).toEqual(["c"]);
      expect(disk.list("nowhere")).toEqual([]);
      expect(await doing(under, (done) => disk.syncDirectory("log", done))).toBeUndefined();
    });

    test("a removed file is gone, and its name can be used again for another", async () => {
      const under = fresh();
      const { disk } = under;
      const file = disk.open("log/a", { create: true });
      await doing(under, (done) => file.write(0, [bytes(1, 2)], done));
      file.close();
      disk.remove("log/a");
      expect(disk.list("log")).toEqual([]);
      expect(() => disk.remove("log/a")).toThrow(expect.objectContaining({ code: "disk_not_found" }));
      const another = disk.open("log/a", { create: true });
      expect(whole(another)).toEqual([]);
      another.close();
    });

    test("a renamed file takes the place of another, which stays what it was for those who have it open", async () => {
      const under = fresh();
      const { disk } = under;
      const old = disk.open("log/a", { create: true });
      const renewed = disk.open("log/a.new", { create: true });
      await doing(under, (done) => old.write(0, [bytes(1)], done));
      await doing(under, (done) => renewed.write(0, [bytes(2)], done));
      disk.rename("log/a.new", "log/a");
      expect(await doing(under, (done) => disk.syncDirectory("log", done))).toBeUndefined();
      expect([disk.list("log"), whole(old)]).toEqual([["a"], [1]]);
      const opened = disk.open("log/a", { create: false });
      expect(whole(opened)).toEqual([2]);
      expect(() => disk.rename("log/a.new", "log/b")).toThrow(expect.objectContaining({ code: "disk_not_found" }));
      for (const file of [old, renewed, opened]) file.close();
    });

    test("any sequence of operations gives what it gives on an array", async () => {
      const operation = fc.oneof(
        fc.record({ kind: fc.constant("write" as const), at: fc.nat(3_000), data: fc.uint8Array({ maxLength: 600 }) }),
        fc.record({ kind: fc.constant("truncate" as const), size: fc.nat(4_000) }),
        fc.record({ kind: fc.constant("settle" as const), at: fc.nat(100), data: fc.uint8Array({ maxLength: 50 }) }),
      );
      await fc.assert(
        fc.asyncProperty(fc.array(operation, { maxLength: 12 }), async (operations) => {
          const under = fresh();
          const file = under.disk.open("log/a", { create: true });
          let model: number[] = [];
          const resize = (size: number): void => {
            model = Array.from({ length: size }, (_, i) => model[i] ?? 0);
          };
          const put = (at: number, data: Uint8Array): void => {
            if (data.length > 0) resize(Math.max(model.length, at + data.length));
            for (const [i, byte] of data.entries()) model[at + i] = byte;
          };
          for (const one of operations) {
            if (one.kind === "write") {
              put(one.at, one.data);
              file.write(one.at, [one.data], () => {});
            } else if (one.kind === "truncate") {
              resize(one.size);
              file.truncate(one.size, () => {});
            } else {
              await under.settle();
              put(one.at, one.data);
              resize(one.at + one.data.length);
              resize(500);
              file.settle(one.at, one.data, 500);
            }
            expect(file.size()).toBe(model.length);
          }
          await under.settle();
          expect(whole(file)).toEqual(model);
          file.close();
        }),
        { numRuns: 40 },
      );
    });
  });
}
