import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import {
  contents,
  DIRECTORY,
  describeRecord,
  type OpenLog,
  openLog,
  records,
  SteppedDisk,
  startAt,
} from "./log-fixture.contract.ts";
import { RESERVE_BYTES } from "./log-writer.ts";

interface Fixture extends OpenLog {
  readonly stepped: SteppedDisk;
  readonly done: string[];
  readonly append: (from: number, to: number) => void;
}

/** A log of five records; a file has room for seven. */
function fixture(): Fixture {
  const stepped = new SteppedDisk();
  const log = openLog(stepped.disk);
  const done: string[] = [];
  const append = (from: number, to: number): void =>
    log.wal.append(records(from, to), () => done.push(`append ${from}-${to}`));
  append(1, 5);
  stepped.run();
  return { ...log, stepped, done, append };
}

const firsts = ({ disk }: SteppedDisk): string[] =>
  disk.list(DIRECTORY).flatMap((name) => (name === "start" ? [] : [`${Number.parseInt(name, 16)}`]));
const texts = (from: number, to: number): string[] => records(from, to).map(describeRecord);

describe("a full disk", () => {
  test("holds appends up before anything of them is written; they can be read, and are done when there is room", () => {
    const { wal, stepped, done, append, fatal } = fixture();
    stepped.disk.free = RESERVE_BYTES;
    append(6, 9);
    append(10, 10);
    stepped.run();
    // Two fit into the file that there is.
    expect([wal.isFull(), wal.durableIndex(), done]).toEqual([true, 7, ["append 1-5"]]);
    expect(contents(wal)).toEqual(texts(1, 10));
    expect(stepped.disk.list(DIRECTORY)).toHaveLength(1);
    wal.retry();
    stepped.run();
    expect([wal.isFull(), wal.durableIndex()]).toEqual([true, 7]);
    stepped.disk.free = 2 * RESERVE_BYTES;
    wal.retry();
    stepped.run();
    expect([wal.isFull(), wal.durableIndex(), fatal]).toEqual([false, 10, []]);
    expect(done).toEqual(["append 1-5", "append 6-9", "append 10-10"]);
    expect(contents(openLog(stepped.disk).wal)).toEqual(texts(1, 10));
  });

  test.each([
    ["a write", "write", 6],
    ["the first write of a file", "write", 8],
    ["a new file its size", "truncate", 8],
  ] as const)("that refuses %s is no failure: all of it is written again", (_, kind, from) => {
    const refused = (): Fixture => {
      const log = fixture();
      if (from > 6) log.append(6, from - 1);
      log.stepped.run();
      log.stepped.disk.failNext(kind, "disk_full");
      log.append(from, from + 1);
      log.stepped.run();
      expect([log.wal.isFull(), log.wal.durableIndex(), log.fatal]).toEqual([true, from - 1, []]);
      return log;
    };
    for (let seed = 0; seed < 10; seed++) {
      const { stepped } = refused();
      stepped.disk.crash(new Prng(seed));
      const again = openLog(stepped.disk).wal;
      expect(again.lastIndex()).toBeGreaterThanOrEqual(from - 1);
      expect(contents(again)).toEqual(texts(1, again.lastIndex()));
    }
    const { wal, stepped } = refused();
    wal.retry();
    stepped.run();
    expect([wal.isFull(), wal.durableIndex()]).toEqual([false, from + 1]);
    stepped.disk.crash(new Prng(1));
    expect(contents(openLog(stepped.disk).wal)).toEqual(texts(1, from + 1));
  });

  test("stays full while what waits is tried again, until it is there", () => {
    const { wal, stepped, append } = fixture();
    stepped.disk.failNext("write", "disk_full");
    append(6, 6);
    stepped.run();
    wal.retry();
    expect([wal.isFull(), wal.durableIndex()]).toEqual([true, 5]);
    wal.retry();
    stepped.run();
    expect([wal.isFull(), wal.durableIndex()]).toEqual([false, 6]);
  });

  test("that has no room for a mark lets nothing be written behind the hole", () => {
    const { wal, stepped, append } = fixture();
    append(6, 6);
    stepped.run(1);
    stepped.disk.failNext("write", "disk_full");
    stepped.run();
    expect([wal.isFull(), wal.durableIndex()]).toEqual([true, 6]);
    append(7, 7);
    stepped.run();
    expect(wal.durableIndex()).toBe(6);
    wal.retry();
    stepped.run();
    expect([wal.isFull(), wal.durableIndex()]).toEqual([false, 7]);
    expect(contents(openLog(stepped.disk).wal)).toEqual(texts(1, 7));
  });

  test("at a sync is the end: nobody knows what is on the disk", () => {
    const { wal, stepped, append, fatal } = fixture();
    stepped.disk.failNext("sync", "disk_full");
    append(6, 6);
    stepped.run();
    expect([wal.isFull(), fatal.map(({ code }) => code)]).toEqual([false, ["wal_write_failed"]]);
  });

  test("that has no room to say where the log begins has it say so later", () => {
    for (const step of ["compact", "reset"] as const) {
      const { wal, stepped, done, append, fatal } = fixture();
      append(6, 20);
      stepped.run();
      if (step === "compact") wal.compactTo(20);
      else wal.reset(startAt(14), () => done.push("reset"));
      stepped.disk.failNext("write", "disk_full");
      stepped.run();
      expect([wal.isFull(), fatal]).toEqual([true, []]);
      wal.retry();
      stepped.run();
      expect([wal.isFull(), wal.firstIndex(), openLog(stepped.disk).wal.firstIndex()]).toEqual([false, 15, 15]);
      expect(done.includes("reset")).toBe(step === "reset");
    }
  });

  test("gets room by giving up old files, and what waits is cut or replaced in its turn", () => {
    const { wal, stepped, done, append } = fixture();
    append(6, 20);
    stepped.run();
    stepped.disk.free = 0;
    append(21, 30);
    wal.truncate(25, () => done.push("cut"));
    stepped.run();
    expect([wal.isFull(), wal.durableIndex()]).toEqual([true, 21]);
    // Though it was asked for last, it goes first: it makes the room that the others wait for.
    wal.compactTo(20);
    stepped.run();
    expect(firsts(stepped)).toEqual(["1", "8", "15"]);
    wal.retry();
    while (firsts(stepped).length > 1) stepped.run(1);
    stepped.disk.free = 2 * RESERVE_BYTES;
    stepped.run();
    wal.retry();
    stepped.run();
    expect(done.at(-1)).toBe("cut");
    expect([wal.firstIndex(), contents(openLog(stepped.disk).wal)]).toEqual([15, texts(15, 24)]);
  });
});
