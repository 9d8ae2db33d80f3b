import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { contents, describeRecord, openLog, records, SteppedDisk, startAt } from "./log-fixture.contract.ts";
import { readReached } from "./reached-file.ts";
import { readStart } from "./start-file.ts";
import { verifyWal } from "./verify.ts";

const SECTOR_BYTES = 512;
const START = "log/start";
const REACHED = "log.reached";

/** A log that goes on behind index 4, in two files, all of it durable. */
function written() {
  const stepped = new SteppedDisk();
  const { wal, fatal } = openLog(stepped.disk);
  wal.reset(startAt(4), () => {});
  wal.append(records(5, 14), () => {});
  stepped.run();
  return { stepped, wal, fatal };
}

describe("what a running log keeps in two copies", () => {
  test.each([
    ["where it begins, in one", START, [0]],
    ["where it begins, in both", START, [0, 1]],
    ["how far it reaches, in one", REACHED, [1]],
    ["how far it reaches, in both", REACHED, [0, 1]],
  ])("%s, is found damaged and written again, before what is appended meanwhile", (_what, path, copies) => {
    const { stepped, wal, fatal } = written();
    expect(wal.checkCopies()).toEqual([]);
    for (const copy of copies) stepped.disk.flipBit(path, copy * SECTOR_BYTES + 18, 1);
    expect(wal.checkCopies().map(({ code, facts }) => [code, facts])).toEqual(
      copies.map((copy) => ["wal_damaged", { segment: path, offset: copy * SECTOR_BYTES, index: 5, isCopy: true }]),
    );
    const heard: unknown[] = [];
    wal.rewriteCopies((isSound) => heard.push(isSound));
    wal.append(records(15, 16), () => heard.push("appended"));
    expect(wal.checkCopies()).toEqual([]); // something is on its way
    stepped.run();
    expect([heard, fatal, wal.checkCopies()]).toEqual([[true, "appended"], [], []]);
    stepped.disk.crash(new Prng(1));
    expect(verifyWal(stepped.disk, "log")).toMatchObject({ firstIndex: 5, records: 12, problem: undefined });
    expect(contents(openLog(stepped.disk).wal)).toEqual(records(5, 16).map(describeRecord));
  });

  test("is written again as it is now: a log that has been opened again, given up its beginning and been cut", () => {
    const { stepped, wal } = written();
    wal.close();
    const again = openLog(stepped.disk).wal;
    again.compactTo(12);
    again.append(records(15, 30), () => {});
    stepped.run();
    again.truncate(15, () => {});
    stepped.run();
    const before = [readStart(stepped.disk, "log"), readReached(stepped.disk, "log")];
    for (const path of [START, REACHED]) {
      for (const copy of [0, 1]) stepped.disk.flipBit(path, copy * SECTOR_BYTES + 18, 1);
    }
    again.rewriteCopies(() => {});
    stepped.run();
    expect([readStart(stepped.disk, "log"), readReached(stepped.disk, "log")]).toEqual(before);
    expect(before[0]?.valueOf()).toMatchObject({ index: 11 });
  });

  test("is written again where it says that the log has been cut to nothing", () => {
    const stepped = new SteppedDisk();
    const { wal } = openLog(stepped.disk);
    wal.append(records(1, 3), () => {});
    stepped.run();
    wal.truncate(1, () => {});
    stepped.run();
    expect(readReached(stepped.disk, "log")).toBe(0);
    for (const copies of [[1], [0, 1]]) {
      for (const copy of copies) stepped.disk.flipBit(REACHED, copy * SECTOR_BYTES + 18, 1);
      expect(wal.checkCopies()).toHaveLength(copies.length);
      const heard: boolean[] = [];
      wal.rewriteCopies((isSound) => heard.push(isSound));
      stepped.run();
      expect([heard, wal.checkCopies(), readReached(stepped.disk, "log")]).toEqual([[true], [], 0]);
    }
  });

  test("that does not exist yet is not made", () => {
    const stepped = new SteppedDisk();
    const { wal } = openLog(stepped.disk);
    const heard: boolean[] = [];
    wal.rewriteCopies((isSound) => heard.push(isSound));
    stepped.run();
    expect([heard, stepped.disk.list("log"), stepped.disk.list("")]).toEqual([[true], [], []]);
  });

  test("cannot be written again on a disk that says it is full, and the log goes on", () => {
    const { stepped, wal, fatal } = written();
    stepped.disk.flipBit(START, 18, 1);
    stepped.disk.failNext("write", "disk_full");
    const heard: unknown[] = [];
    wal.rewriteCopies((isSound) => heard.push(isSound));
    wal.append(records(15, 15), () => heard.push("appended"));
    stepped.run();
    expect([heard, fatal]).toEqual([[false, "appended"], []]);
  });

  test("that does not read is said, and is nothing to be written over", () => {
    const { stepped, wal } = written();
    stepped.disk.spoil(START, 5);
    expect(wal.checkCopies().map(({ code, facts }) => [code, facts["isCopy"]])).toEqual([
      ["wal_read_failed", undefined],
    ]);
  });
});
