import { describe, expect, test } from "vitest";
import { InvariantError } from "../../node/base/assert.ts";
import { Prng } from "../../node/base/prng.ts";
import {
  contents,
  DIRECTORY,
  describeRecord,
  diskWith,
  flipped,
  type Image,
  openLog,
  record,
  records,
  refusal,
  SteppedDisk,
  startAt,
  withFile,
} from "./log-fixture.contract.ts";
import { verifyWal } from "./verify.ts";
import type { Wal } from "./wal.ts";

interface Fixture {
  readonly stepped: SteppedDisk;
  readonly wal: Wal;
  readonly done: string[];
}

/** A log of 20 records in three files, which begin at 1, 8 and 15. */
function fixture(): Fixture {
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk);
  const done: string[] = [];
  wal.append(records(1, 20), () => done.push("append"));
  stepped.run();
  stepped.started.length = 0;
  return { stepped, wal, done };
}

const texts = (from: number, to: number): string[] => records(from, to).map(describeRecord);
const firsts = ({ disk }: SteppedDisk): number[] =>
  disk.list(DIRECTORY).flatMap((name) => (name === "start" ? [] : [Number.parseInt(name, 16)]));

describe("compaction", () => {
  test.each([
    ...[0, 1, 7].map((index) => [index, 1] as const),
    ...[8, 14].map((index) => [index, 8] as const),
    ...[15, 20, 21, 1_000].map((index) => [index, 15] as const),
  ])("up to %i gives up whole files: the log begins at %i", (index, first) => {
    const { wal, stepped } = fixture();
    const before = wal.bytesBefore(index);
    const files = wal.bytesBefore(8);
    wal.compactTo(index);
    expect([before, wal.bytesBefore(index), files > 0]).toEqual([files * [1, 8, 15].indexOf(first), 0, true]);
    expect([wal.firstIndex(), wal.lastIndex(), wal.durableIndex()]).toEqual([first, 20, 20]);
    stepped.run();
    expect(firsts(stepped)).toEqual([1, 8, 15].filter((file) => file >= first));
    expect(contents(wal)).toEqual(texts(first, 20));
    const again = openLog(stepped.disk).wal;
    expect([again.firstIndex(), contents(again)]).toEqual([first, texts(first, 20)]);
    expect(again.recovery).toEqual({ records: 21 - first, tornBytes: 0 });
  });

  test("leaves term and hash of what stood before the log, and nothing else of it", () => {
    const { wal, stepped } = fixture();
    wal.compactTo(15);
    stepped.run();
    for (const log of [wal, openLog(stepped.disk).wal]) {
      expect([log.term(14), log.hash(14)]).toEqual([1, records(14, 14)[0]?.hash]);
      expect([log.term(13), log.hash(13)]).toEqual([undefined, undefined]);
      expect(() => log.read(14, 15, 0)).toThrow(InvariantError);
    }
  });

  test("keeps what is not durable yet", () => {
    const stepped = new SteppedDisk();
    const { wal } = openLog(stepped.disk);
    wal.append(records(1, 20), () => {});
    wal.compactTo(20);
    expect(wal.firstIndex()).toBe(1);
    while (wal.durableIndex() < 7) stepped.run(1);
    wal.compactTo(20);
    expect(wal.firstIndex()).toBe(8);
    stepped.run();
    expect(contents(openLog(stepped.disk).wal)).toEqual(texts(8, 20));
  });

  test("removes files when it is durable where the log begins, and not before", () => {
    const { wal, stepped } = fixture();
    wal.compactTo(20);
    expect(firsts(stepped)).toEqual([1, 8, 15]);
    while (firsts(stepped).length > 1) stepped.run(1);
    expect(stepped.started).toEqual(["write", "sync", "write", "sync", "syncDirectory"]);
  });

  test("goes on: more is appended, cut and given up", () => {
    const { wal, stepped } = fixture();
    wal.compactTo(10);
    wal.truncate(18, () => {});
    wal.append(records(18, 40), () => {});
    stepped.run();
    wal.compactTo(30);
    wal.truncate(32, () => {});
    stepped.run();
    expect([wal.firstIndex(), contents(wal)]).toEqual([29, texts(29, 31)]);
    expect(contents(openLog(stepped.disk).wal)).toEqual(texts(29, 31));
  });

  test("leaves a log that can be cut to nothing", () => {
    const { wal, stepped } = fixture();
    wal.compactTo(20);
    wal.truncate(15, () => {});
    stepped.run();
    const again = openLog(stepped.disk).wal;
    expect([again.firstIndex(), again.lastIndex(), again.term(14)]).toEqual([15, 14, 1]);
    again.append(records(15, 16), () => {});
    stepped.run();
    expect(contents(openLog(stepped.disk).wal)).toEqual(texts(15, 16));
  });
});

describe("a reset", () => {
  test.each([1, 7, 12, 14, 20, 21, 500])(
    "to %i empties the log, wherever it was, and it goes on from there",
    (index) => {
      const { wal, stepped, done } = fixture();
      const start = startAt(index, 3);
      wal.reset(start, () => done.push("reset"));
      expect([wal.firstIndex(), wal.lastIndex(), wal.durableIndex()]).toEqual([index + 1, index, index]);
      expect([wal.term(index), wal.hash(index)]).toEqual([3, start.hash]);
      const next = record(index + 1, new Uint8Array(9), 4, 3);
      wal.append([next], () => done.push("next"));
      expect(done).toEqual(["append"]);
      stepped.run();
      expect(done).toEqual(["append", "reset", "next"]);
      expect(firsts(stepped)).toEqual([index + 1]);
      const again = openLog(stepped.disk).wal;
      expect([again.firstIndex(), contents(again)]).toEqual([index + 1, [describeRecord(next)]]);
      expect([again.term(index), again.hash(index)]).toEqual([3, start.hash]);
      expect(verifyWal(stepped.disk, DIRECTORY)).toMatchObject({
        firstIndex: index + 1,
        records: 1,
        problem: undefined,
      });
    },
  );

  test("keeps its place among what is on its way, none of which makes anything durable behind it", () => {
    const { wal, stepped, done } = fixture();
    wal.append(records(21, 25), () => done.push("21-25"));
    wal.reset(startAt(22, 2), () => done.push("reset"));
    wal.append([record(23, new Uint8Array(9), 2)], () => done.push("23"));
    while (!done.includes("reset")) {
      expect(wal.durableIndex()).toBe(22);
      stepped.run(1);
    }
    stepped.run();
    expect(done).toEqual(["append", "21-25", "reset", "23"]);
    expect(wal.durableIndex()).toBe(23);
  });

  test("takes only what continues its hash, and does not go back before the log", () => {
    const { wal } = fixture();
    wal.reset(startAt(30, 2), () => {});
    expect(() => wal.append([record(31, new Uint8Array(1), 2, 1)], () => {})).toThrow("breaks the chain");
    expect(() => wal.reset(startAt(29, 2), () => {})).toThrow(InvariantError);
  });

  test("that was cut off is finished when the log is opened, and no old file comes back", () => {
    const { wal, stepped } = fixture();
    let isOver = false;
    wal.reset(startAt(10, 2), () => {
      isOver = true;
    });
    // How far the log reaches and the start are durable; that the files are removed is not.
    stepped.run(10);
    const image = stepped.image();
    expect([isOver, firsts(stepped)]).toEqual([false, []]);
    const before = new Map([...fixture().stepped.image(), ["start", image.get("start") as Uint8Array]]);
    for (let seed = 0; seed < 20; seed++) {
      const crashed = diskWith(before);
      expect(verifyWal(crashed.disk, DIRECTORY)).toMatchObject({ firstIndex: 11, records: 0, problem: undefined });
      // Only the names are not durable yet when the power fails.
      crashed.disk.failNext("syncDirectory", "disk_io");
      expect(refusal(crashed.disk).code).toBe("wal_write_failed");
      crashed.disk.crash(new Prng(seed));
      const again = openLog(crashed.disk).wal;
      expect([again.firstIndex(), again.lastIndex(), firsts(crashed)]).toEqual([11, 10, []]);
    }
  });
});

describe("where the log begins", () => {
  function compacted(): Image {
    const { wal, stepped } = fixture();
    wal.compactTo(8);
    stepped.run();
    return stepped.image();
  }

  test("is read past any flipped bit in one copy, which verifying finds, with its place", () => {
    const image = compacted();
    const start = image.get("start") as Uint8Array;
    for (let bit = 0; bit < start.length * 8; bit++) {
      const damaged = withFile(image, "start", flipped(start, bit >> 3, bit & 7));
      expect(openLog(diskWith(damaged).disk).wal.firstIndex()).toBe(8);
      expect(verifyWal(diskWith(damaged).disk, DIRECTORY).problem).toMatchObject({
        code: "wal_damaged",
        facts: { segment: "log/start", offset: bit >> 3 < 512 ? 0 : 512, index: 8 },
      });
    }
  });

  test("is missed when it is gone, or both copies are damaged: what was acknowledged may be missing, too", () => {
    const image = compacted();
    const bytes = flipped(flipped(image.get("start") as Uint8Array, 20, 1), 532, 1);
    for (const damaged of [withFile(image, "start", undefined), withFile(image, "start", bytes)]) {
      expect(refusal(diskWith(damaged).disk)).toMatchObject({ code: "wal_missing_segment", facts: { index: 1 } });
    }
  });

  test("tells a file that is missing from one that was given up", () => {
    const image = compacted();
    const error = refusal(diskWith(withFile(image, "0000000000000008.wal", undefined)).disk);
    expect(error).toMatchObject({ code: "wal_missing_segment", facts: { index: 8 } });
  });

  test("makes leftovers of files before it, whatever is in them", () => {
    const image = withFile(compacted(), "0000000000000001.wal", new Uint8Array(700).fill(7));
    const stepped = diskWith(image);
    expect(verifyWal(stepped.disk, DIRECTORY)).toMatchObject({ firstIndex: 8, records: 13, problem: undefined });
    expect(contents(openLog(stepped.disk).wal)).toEqual(texts(8, 20));
    expect(firsts(stepped)).toEqual([8, 15]);
  });

  test("cannot be written: the end is reported, as for any other write", () => {
    const { stepped } = fixture();
    const { wal, fatal } = openLog(stepped.disk);
    stepped.disk.failNext("sync", "disk_io");
    wal.compactTo(20);
    stepped.run();
    expect(fatal.map(({ code }) => code)).toEqual(["wal_write_failed"]);
    expect(firsts(stepped)).toEqual([1, 8, 15]);
  });
});
