import { describe, expect, test } from "vitest";
import { Prng } from "../../node/base/prng.ts";
import { DamagedLog } from "./damaged-log.ts";
import { MARK_BYTES, recordBytes } from "./format.ts";
import {
  contents,
  DIRECTORY,
  describeRecord,
  openLog,
  record,
  records,
  refusal,
  SteppedDisk,
  startAt,
} from "./log-fixture.contract.ts";
import { reachedPath, readReached } from "./reached-file.ts";
import { verifyWal } from "./verify.ts";

const SEGMENT_BYTES = 520;
const ALL = records(1, 9);

/** Three files with three records each, every one acknowledged before the next came. */
function written(): SteppedDisk {
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk, { segmentBytes: SEGMENT_BYTES });
  for (const one of ALL) {
    wal.append([one], () => {});
    stepped.run();
  }
  wal.close();
  return stepped;
}

/** The newest files are gone, so many of them. */
function without(files: number): SteppedDisk {
  const stepped = written();
  for (const name of [...stepped.image().keys()].slice(-files)) stepped.disk.remove(`${DIRECTORY}/${name}`);
  return stepped;
}

function damagedLog({ disk }: SteppedDisk): DamagedLog {
  return DamagedLog.open(disk, DIRECTORY, { segmentBytes: SEGMENT_BYTES, cipher: undefined, reached: 0 });
}

describe("files that are gone are missed", () => {
  test.each([
    ["the newest", 1, 6],
    ["the newest two", 2, 3],
    ["all", 3, 0],
  ])("%s, and what is left is not taken for all there was", (_, files, last) => {
    const stepped = without(files);
    expect(refusal(stepped.disk)).toMatchObject({ code: "wal_missing_segment", facts: { index: last + 1 } });
    expect(verifyWal(stepped.disk, DIRECTORY).problem?.code).toBe("wal_missing_segment");
    const log = damagedLog(stepped);
    expect(log.holes).toEqual([{ from: last + 1, to: 7, hash: undefined }]);
    log.close();
  });

  test("also the newest where it is there, and nothing in it is whole", () => {
    const stepped = written();
    const newest = `${DIRECTORY}/${[...stepped.image().keys()].at(-1)}`;
    const file = stepped.disk.open(newest, { create: false });
    file.settle(0, new Uint8Array(file.size()), file.size());
    expect(refusal(stepped.disk).code).toBe("wal_missing_segment");
    expect(damagedLog(stepped).holes).toEqual([{ from: 7, to: 7, hash: undefined }]);
  });

  test("also the newest that holds one record, and no mark: any flipped bit in it is told with its place", () => {
    const stepped = new SteppedDisk();
    const { wal } = openLog(stepped.disk, { segmentBytes: SEGMENT_BYTES });
    for (const one of ALL.slice(0, 7)) {
      wal.append([one], () => {});
      stepped.run();
    }
    wal.close();
    const path = `${DIRECTORY}/${[...stepped.image().keys()].at(-1)}`;
    const end = 32 + recordBytes(ALL[6]?.payload.length ?? 0);
    stepped.disk.overwrite(path, end, new Uint8Array(MARK_BYTES));
    expect(verifyWal(stepped.disk, DIRECTORY)).toMatchObject({ records: 7, problem: undefined });
    for (let offset = 0; offset < end; offset++) {
      stepped.disk.flipBit(path, offset, offset % 8);
      expect(verifyWal(stepped.disk, DIRECTORY).problem, `byte ${offset}`).toMatchObject({
        ...{ code: "wal_damaged", facts: { segment: path, offset: offset < 32 ? 0 : 32, index: 7 } },
      });
      stepped.disk.flipBit(path, offset, offset % 8);
    }
  });

  test("that is known before anything in a file is acknowledged, and never before it is there", () => {
    for (let operations = 0; operations < 40; operations++) {
      const stepped = new SteppedDisk();
      const { wal } = openLog(stepped.disk, { segmentBytes: SEGMENT_BYTES });
      let acknowledged = 0;
      for (const one of ALL.slice(0, 4)) wal.append([one], () => (acknowledged = one.index));
      for (let i = 0; i < operations; i++) {
        stepped.run(1);
        expect(readReached(stepped.disk, DIRECTORY)).toBeGreaterThanOrEqual(
          acknowledged > 3 ? 4 : Math.min(1, acknowledged),
        );
      }
      stepped.disk.crash(new Prng(operations));
      expect(openLog(stepped.disk).wal.lastIndex()).toBeGreaterThanOrEqual(acknowledged);
    }
  });

  test("after a crash that kept its records and not how far they reach", () => {
    const stepped = written();
    stepped.disk.remove(reachedPath(DIRECTORY));
    openLog(stepped.disk).wal.close();
    expect(readReached(stepped.disk, DIRECTORY)).toBe(7);
  });

  test("one damaged copy costs nothing, and is told", () => {
    for (const offset of [9, 512 + 9]) {
      const stepped = without(1);
      stepped.disk.flipBit(reachedPath(DIRECTORY), offset, 3);
      expect(refusal(stepped.disk).code).toBe("wal_missing_segment");
      const whole = written();
      whole.disk.flipBit(reachedPath(DIRECTORY), offset, 3);
      expect(verifyWal(whole.disk, DIRECTORY).problem?.facts).toMatchObject({ segment: reachedPath(DIRECTORY) });
    }
  });
});

describe("what a log gives up is not missed", () => {
  test("after a cut that was cut off at any moment, and records that are written behind it are missed again", () => {
    for (let operations = 0; operations < 40; operations++) {
      const stepped = written();
      const { wal } = openLog(stepped.disk, { segmentBytes: SEGMENT_BYTES });
      wal.truncate(4, () => undefined);
      stepped.run(operations);
      stepped.disk.crash(new Prng(operations));
      expect(openLog(stepped.disk).wal.lastIndex()).toBeGreaterThanOrEqual(3);
    }
    const stepped = written();
    const { wal } = openLog(stepped.disk, { segmentBytes: SEGMENT_BYTES });
    wal.truncate(7, () => undefined);
    wal.append([record(7, new Uint8Array(20), 2, 1)], () => undefined);
    stepped.run();
    wal.close();
    const newest = [...stepped.image().keys()].at(-1);
    stepped.disk.remove(`${DIRECTORY}/${newest}`);
    expect(refusal(stepped.disk).code).toBe("wal_missing_segment");
  });

  test("after a reset that was cut off at any moment", () => {
    for (let operations = 0; operations < 40; operations++) {
      const stepped = written();
      const { wal } = openLog(stepped.disk, { segmentBytes: SEGMENT_BYTES });
      wal.reset(startAt(5, 2), () => undefined);
      stepped.run(operations);
      stepped.disk.crash(new Prng(operations));
      expect([5, 9]).toContain(openLog(stepped.disk).wal.lastIndex());
    }
  });
});

describe("a log whose end is to be mended", () => {
  test("is missed up to where a leader said that it goes, until it is whole", () => {
    const stepped = without(1);
    const log = damagedLog(stepped);
    log.endAt(9, (ALL[8] as (typeof ALL)[8]).hash);
    log.write(() => undefined);
    log.close();
    const again = damagedLog(stepped);
    expect([refusal(stepped.disk).code, again.holes]).toEqual([
      "wal_missing_segment",
      [{ from: 7, to: 9, hash: undefined }],
    ]);
    again.endAt(9, (ALL[8] as (typeof ALL)[8]).hash);
    again.fill(ALL.slice(6), () => undefined);
    stepped.run();
    again.close();
    expect(contents(openLog(stepped.disk).wal)).toEqual(ALL.map(describeRecord));
  });

  test("is not missed any more where a leader said that it ends there", () => {
    const stepped = without(1);
    const log = damagedLog(stepped);
    log.endAt(5, (ALL[4] as (typeof ALL)[4]).hash);
    log.write(() => undefined);
    stepped.run();
    log.close();
    expect(contents(openLog(stepped.disk).wal)).toEqual(ALL.slice(0, 6).map(describeRecord));
  });
});
