import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { testCipher } from "../cipher.test-support.ts";
import { contents, describeRecord, openLog, record, records, SteppedDisk } from "./log-fixture.contract.ts";
import type { WalRecord } from "./log-store.ts";
import { verifyWal } from "./verify.ts";

const SECOND = "log/0000000000000008.wal";
const NEWEST = "log/000000000000000f.wal";
const ALL = records(1, 16);
const NINTH = ALL[8] as WalRecord;

/** A log of files with seven records each, of which the ninth record has a flipped bit. */
function damagedLog() {
  const stepped = new SteppedDisk();
  const opened = openLog(stepped.disk);
  opened.wal.append(ALL, () => {});
  stepped.run();
  stepped.disk.flipBit(SECOND, 32 + 128 + 110, 3);
  return { stepped, ...opened };
}

describe("a damaged record of a running log", () => {
  test.each([
    ["in the clear", undefined],
    ["encrypted", testCipher()],
  ])("%s is put back in its place, and the log goes on", (_, cipher) => {
    const stepped = new SteppedDisk();
    const { wal, fatal } = openLog(stepped.disk, { cipher });
    wal.append(ALL, () => {});
    stepped.run();
    const name = stepped.disk.list("log")[1] as string;
    stepped.disk.flipBit(`log/${name}`, 32 + 110, 0);
    const index = Number.parseInt(name, 16);
    expect(() => wal.check(index)).toThrow(expect.objectContaining({ code: "wal_damaged" }));
    const heard: boolean[] = [];
    wal.repair(ALL[index - 1] as WalRecord, (isSound) => heard.push(isSound));
    wal.append(records(17, 20), () => {});
    stepped.run();
    expect([heard, fatal]).toEqual([[true], []]);
    expect(contents(wal)).toEqual(records(1, 20).map(describeRecord));
    wal.close();
    expect(verifyWal(stepped.disk, "log", cipher)).toMatchObject({ records: 20, problem: undefined });
    expect(stepped.disk.list("log").filter((one) => one.endsWith(".new"))).toEqual([]);
  });

  test("of the newest file is put back while appends wait behind it", () => {
    const { stepped, wal } = damagedLog();
    stepped.disk.flipBit(SECOND, 32 + 128 + 110, 3);
    stepped.disk.flipBit(NEWEST, 32 + 60, 3);
    const heard: unknown[] = [];
    wal.repair(ALL[14] as WalRecord, (isSound) => heard.push(isSound));
    wal.append(records(17, 18), () => heard.push("appended"));
    stepped.run();
    expect(heard).toEqual([true, "appended"]);
    wal.close();
    expect(verifyWal(stepped.disk, "log")).toMatchObject({ records: 18, problem: undefined });
  });

  test("is not put back where it is not the record that was there, or has left the log", () => {
    const { stepped, wal } = damagedLog();
    const heard: boolean[] = [];
    wal.repair(record(9, new Uint8Array(20), 2), (isSound) => heard.push(isSound));
    wal.repair(record(99, new Uint8Array(20)), (isSound) => heard.push(isSound));
    wal.compactTo(15);
    wal.repair(NINTH, (isSound) => heard.push(isSound));
    stepped.run();
    expect(heard).toEqual([false, false, false]);
  });

  test("whose file is given up before its turn comes is not put back", () => {
    const { stepped, wal, fatal } = damagedLog();
    stepped.disk.free = 0;
    const heard: boolean[] = [];
    wal.append(records(17, 40), () => {});
    wal.repair(NINTH, (isSound) => heard.push(isSound));
    wal.compactTo(15);
    stepped.run();
    expect([wal.isFull(), heard]).toEqual([true, []]);
    wal.retry(); // gives up first, and is still full
    stepped.run();
    stepped.disk.free = Number.MAX_SAFE_INTEGER;
    wal.retry();
    stepped.run();
    expect([heard, fatal, wal.lastIndex()]).toEqual([[false], [], 40]);
  });

  test("is not put back where there is no room, or its file does not read, and nothing else comes of it", () => {
    for (const fault of ["free", "write", "read"] as const) {
      const { stepped, wal, fatal } = damagedLog();
      if (fault === "free") stepped.disk.free = 0;
      const heard: boolean[] = [];
      if (fault === "write") stepped.disk.failNext("write", "disk_full");
      if (fault === "read") stepped.disk.failNext("read", "disk_io");
      wal.repair(NINTH, (isSound) => heard.push(isSound));
      stepped.run();
      expect([heard, fatal]).toEqual([[false], []]);
      expect(stepped.disk.list("log").filter((name) => name.endsWith(".new"))).toEqual([]);
      expect(() => wal.check(9)).toThrow(expect.objectContaining({ code: "wal_damaged" }));
      stepped.disk.free = Number.MAX_SAFE_INTEGER;
      wal.repair(NINTH, (isSound) => heard.push(isSound));
      stepped.run();
      expect([heard, wal.check(9)]).toEqual([[false, true], 128]);
    }
  });

  test("and a disk that fails under it are the end of the log, as always", () => {
    for (const kind of ["write", "sync", "syncDirectory"] as const) {
      const { stepped, wal, fatal } = damagedLog();
      stepped.disk.failNext(kind, "disk_io");
      const heard: boolean[] = [];
      wal.repair(NINTH, (isSound) => heard.push(isSound));
      stepped.run();
      expect([heard, fatal.map(({ code }) => code)]).toEqual([[], ["wal_write_failed"]]);
    }
  });

  test("and a disk that is full when the new file has its name already are the end of the log, too", () => {
    const { stepped, wal, fatal } = damagedLog();
    stepped.disk.failNext("syncDirectory", "disk_full");
    const heard: unknown[] = [];
    wal.repair(NINTH, (isSound) => heard.push(isSound));
    wal.append(records(17, 18), () => heard.push("appended"));
    stepped.run();
    expect([heard, fatal.map(({ code }) => code)]).toEqual([[], ["wal_write_failed"]]);
  });

  test("is as damaged as it was or as sound when the power fails at any moment, and no other is harmed", () => {
    for (let operations = 0; operations < 8; operations++) {
      for (let seed = 0; seed < 8; seed++) {
        const { stepped, wal } = damagedLog();
        wal.repair(NINTH, () => {});
        stepped.run(operations);
        stepped.disk.crash(new Prng(seed));
        const { problem, records: sound } = verifyWal(stepped.disk, "log");
        if (problem === undefined) expect(contents(openLog(stepped.disk).wal)).toEqual(ALL.map(describeRecord));
        else expect([problem.facts["index"], sound]).toEqual([9, 8]);
      }
    }
  });
});
