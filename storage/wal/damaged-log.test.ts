import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import { equalBytes } from "../../node/base/bytes.ts";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import { Prng } from "../../node/base/prng.ts";
import { testCipher } from "../cipher.test-support.ts";
import { StorageError } from "../errors.ts";
import { DamagedLog } from "./damaged-log.ts";
import { MARK_BYTES } from "./format.ts";
import {
  contents,
  DIRECTORY,
  describeRecord,
  diskWith,
  flipped,
  type Image,
  openLog,
  patched,
  record,
  records,
  refusal,
  SteppedDisk,
  startAt,
  withFile,
} from "./log-fixture.contract.ts";
import type { WalRecord } from "./log-store.ts";
import { verifyWal } from "./verify.ts";

const RECORDS = 9;
const FIRST = "0000000000000001.wal";
const SECOND = "0000000000000004.wal";
const THIRD = "0000000000000007.wal";
const ALL = records(1, RECORDS);

/** A log of three files with three records each, every one marked, as a stopped node leaves it. */
function sealedLog(recordBytes: number, cipher?: Cipher): Image {
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk, { segmentBytes: 32 + 3 * (recordBytes + MARK_BYTES) + 40, cipher });
  for (const one of ALL) {
    wal.append([one], () => {});
    stepped.run();
  }
  return stepped.image();
}

const SEALED = sealedLog(128);

function fileOf(image: Image, name: string): Uint8Array {
  return image.get(name) as Uint8Array;
}

/** All records of a file are broken; its marks are not. */
function withoutRecords(name: string): Image {
  let bytes = fileOf(SEALED, name);
  for (let nth = 0; nth < 3; nth++) bytes = flipped(bytes, 32 + nth * (128 + MARK_BYTES) + 60, 0);
  return withFile(SEALED, name, bytes);
}

function openDamaged(stepped: SteppedDisk, cipher?: Cipher, reached = 0): DamagedLog {
  return DamagedLog.open(stepped.disk, DIRECTORY, { segmentBytes: 520, cipher, reached });
}

/** How the log went on, for those who ask: its records and its end. */
interface Others {
  readonly records: readonly WalRecord[];
  readonly end: number;
}

const OTHERS: Others = { records: ALL, end: RECORDS };

/** Mends as a node does: from the newest hole backwards, each record demanded by the hash of the one behind it. */
function mend(
  stepped: SteppedDisk,
  log: DamagedLog,
  { records: theirs, end }: Others = OTHERS,
  atATime = 100,
): number[] {
  const lost: number[] = [];
  const done = (error?: StorageError): void => expect(error).toBeUndefined();
  log.write(done);
  stepped.run();
  for (let hole = log.holes.at(-1); hole !== undefined; hole = log.holes.at(-1)) {
    if (hole.hash === undefined) {
      log.endAt(end, (theirs[end - 1] as WalRecord).hash);
      log.write(done);
      stepped.run();
      continue;
    }
    const taken: WalRecord[] = [];
    let { to: index, hash } = hole;
    while (taken.length < atATime && index >= log.firstIndex && !same(log.hash(index), hash)) {
      const one = theirs[index - 1] as WalRecord;
      expect(one.hash).toEqual(hash);
      taken.unshift(one);
      lost.push(index);
      hash = one.previousHash;
      index -= 1;
    }
    log.fill(taken, done);
    stepped.run();
  }
  expect(log.isWhole).toBe(true);
  log.close();
  return lost.toReversed();
}

function same(hash: Uint8Array | undefined, other: Uint8Array): boolean {
  return hash !== undefined && equalBytes(hash, other);
}

function expectWhole(stepped: SteppedDisk, cipher?: Cipher, expected: readonly WalRecord[] = ALL): void {
  expect(verifyWal(stepped.disk, DIRECTORY, cipher)).toMatchObject({ problem: undefined, tornBytes: 0 });
  expect(contents(openLog(stepped.disk, { cipher }).wal)).toEqual(expected.map(describeRecord));
}

describe.each<[string, number, Cipher | undefined]>([
  ["in the clear", 128, undefined],
  ["encrypted", 168, testCipher()],
])("a log %s", (_, recordBytes, cipher) => {
  const image = sealedLog(recordBytes, cipher);

  test.each([FIRST, SECOND, THIRD])("with a flipped bit anywhere in %s is mended, with one record at most", (name) => {
    const bytes = fileOf(image, name);
    for (let offset = 0; offset < bytes.length; offset++) {
      const stepped = diskWith(withFile(image, name, flipped(bytes, offset, offset % 8)));
      if (verifyWal(stepped.disk, DIRECTORY, cipher).problem === undefined) continue; // a torn tail costs nothing
      const log = openDamaged(stepped, cipher);
      expect(log.faults[0]).toMatchObject({ code: "wal_damaged", facts: { segment: `log/${name}` } });
      expect(mend(stepped, log).length).toBeLessThanOrEqual(1);
      expectWhole(stepped, cipher);
    }
  });
});

describe("damage", () => {
  const at = (nth: number): number => 32 + nth * (128 + MARK_BYTES);
  test.each<[string, Image, readonly number[]]>([
    ["a record", withFile(SEALED, SECOND, flipped(fileOf(SEALED, SECOND), at(1) + 110, 3)), [5]],
    [
      "the header of a file, which costs no record",
      withFile(SEALED, SECOND, flipped(fileOf(SEALED, SECOND), 9, 0)),
      [],
    ],
    ["a mark, which costs no record", withFile(SEALED, SECOND, flipped(fileOf(SEALED, SECOND), at(0) + 130, 0)), []],
    ["half a file", withFile(SEALED, SECOND, patched(fileOf(SEALED, SECOND), 0, new Uint8Array(300))), [4, 5]],
    ["a whole file", withFile(SEALED, SECOND, new Uint8Array(496).fill(0x5a)), [4, 5, 6]],
    [
      "the end of a file that is not the newest",
      withFile(SEALED, FIRST, patched(fileOf(SEALED, FIRST), at(2), new Uint8Array(152))),
      [3],
    ],
    ["a missing first file", withFile(SEALED, FIRST, undefined), [1, 2, 3]],
    ["a missing file", withFile(SEALED, SECOND, undefined), [4, 5, 6]],
    ["two missing files", withFile(withFile(SEALED, FIRST, undefined), SECOND, undefined), [1, 2, 3, 4, 5, 6]],
    [
      "the beginning of the newest file",
      withFile(SEALED, THIRD, patched(fileOf(SEALED, THIRD), 32, new Uint8Array(128))),
      [7],
    ],
    [
      "a record of another file at the same place",
      withFile(SEALED, SECOND, patched(fileOf(SEALED, SECOND), 32, fileOf(SEALED, FIRST).subarray(32, 160))),
      [4],
    ],
    [
      "a later record at an earlier one's place",
      withFile(SEALED, SECOND, patched(fileOf(SEALED, SECOND), 32, fileOf(SEALED, THIRD).subarray(32, 160))),
      [4],
    ],
    [
      "two files at once",
      withFile(
        withFile(SEALED, FIRST, flipped(fileOf(SEALED, FIRST), at(1) + 50, 3)),
        THIRD,
        flipped(fileOf(SEALED, THIRD), at(0) + 60, 1),
      ),
      [2, 7],
    ],
  ])("of %s is mended, and nothing else is asked for", (_, image, lost) => {
    for (const atATime of [100, 1]) {
      const stepped = diskWith(image);
      expect(mend(stepped, openDamaged(stepped), OTHERS, atATime)).toEqual(lost);
      expectWhole(stepped);
    }
  });

  test("of the last record, of which a mark tells, has no known end, and is not taken for a shorter log", () => {
    const stepped = diskWith(withFile(SEALED, THIRD, flipped(fileOf(SEALED, THIRD), at(2) + 60, 3)));
    const log = openDamaged(stepped);
    expect(log.holes).toEqual([{ from: 9, to: 9, hash: undefined }]);
    expect([log.lastIndex, log.hash(9), log.read(9)]).toEqual([9, undefined, undefined]);
    expect(describeRecord(log.read(8) as WalRecord)).toBe(describeRecord(ALL[7] as WalRecord));
  });

  test.each([
    ["went on", { records: records(1, 14), end: 14 }, 14],
    ["ended there", OTHERS, 9],
    ["was cut before it", { records: ALL, end: 7 }, 8],
  ])("at the end of a log that %s elsewhere is mended so", (_, others, last) => {
    for (const atATime of [100, 1]) {
      const stepped = diskWith(withFile(SEALED, THIRD, flipped(fileOf(SEALED, THIRD), at(2) + 60, 3)));
      mend(stepped, openDamaged(stepped), others, atATime);
      expectWhole(stepped, undefined, records(1, last));
    }
  });

  test("of a whole newest file, whose records were never committed, leaves the log before it", () => {
    const image = withFile(withoutRecords(THIRD), SECOND, flipped(fileOf(SEALED, SECOND), at(2) + 60, 1));
    const stepped = diskWith(image);
    const log = openDamaged(stepped);
    expect(log.holes).toEqual([{ from: 6, to: 9, hash: undefined }]);
    mend(stepped, log, { records: ALL, end: 4 });
    expect([...stepped.image().keys()]).toEqual([FIRST, SECOND]);
    expectWhole(stepped, undefined, records(1, 5));
  });

  test("is told of place by place, also in files that follow each other", () => {
    const end = withFile(SEALED, FIRST, patched(fileOf(SEALED, FIRST), at(3), new Uint8Array(8).fill(9)));
    const image = withFile(end, SECOND, flipped(flipped(fileOf(SEALED, SECOND), 9, 0), at(1) + 60, 0));
    const log = openDamaged(diskWith(image));
    expect(log.faults.map(({ facts }) => [facts["segment"], facts["offset"], facts["index"]])).toEqual([
      [`log/${FIRST}`, at(3), 4],
      [`log/${SECOND}`, 0, 4],
      [`log/${SECOND}`, at(1), 5],
    ]);
  });

  test("that hides the newest file is known from how far the log has reached", () => {
    const stepped = diskWith(withFile(SEALED, THIRD, undefined));
    const log = openDamaged(stepped, undefined, 8);
    expect(log.holes).toEqual([{ from: 7, to: 8, hash: undefined }]);
    mend(stepped, log);
    expectWhole(stepped);
  });

  test("that brought back records of another branch is undone by what stands behind them", () => {
    const branch = [record(2, new Uint8Array(20), 2, 1), record(3, new Uint8Array(20), 2)];
    const other = new SteppedDisk();
    const { wal } = openLog(other.disk, { segmentBytes: 536 });
    for (const one of [ALL[0] as WalRecord, ...branch]) {
      wal.append([one], () => {});
      other.run();
    }
    const stepped = diskWith(withFile(SEALED, FIRST, fileOf(other.image(), FIRST)));
    expect(refusal(stepped.disk).code).toBe("wal_damaged");
    expect(mend(stepped, openDamaged(stepped), OTHERS, 1)).toEqual([2, 3]);
    expectWhole(stepped);
  });

  test.each([
    ["in an old file: that is written anew", FIRST, [1, 2, 3]],
    ["in the newest, at its end: nobody knows what stood there", THIRD, [7, 8, 9]],
  ])("that cannot be read, %s", (_, name, lost) => {
    const stepped = diskWith(SEALED);
    stepped.disk.spoil(`log/${name}`, 32 + 50);
    expect(() => openLog(stepped.disk)).toThrow(expect.objectContaining({ code: "wal_read_failed" }));
    expect(mend(stepped, openDamaged(stepped)).sort((a, b) => a - b)).toEqual(lost);
    expectWhole(stepped);
  });

  test("of a log that begins later is mended up to where it begins, and a record before that is never asked for", () => {
    const stepped = diskWith(SEALED);
    const { wal } = openLog(stepped.disk);
    wal.compactTo(4);
    stepped.run();
    wal.close();
    stepped.disk.flipBit(`log/${SECOND}`, 32 + 110, 3);
    expect(mend(stepped, openDamaged(stepped))).toEqual([4]);
    expect(openLog(stepped.disk).wal.firstIndex()).toBe(4);
  });

  test.each<[string, Image, number, readonly number[], readonly number[]]>([
    ["inside the first file", withFile(SEALED, FIRST, flipped(fileOf(SEALED, FIRST), at(1) + 50, 3)), 5, [], [6, 9]],
    ["up to where a file ends", withFile(SEALED, FIRST, flipped(fileOf(SEALED, FIRST), at(1) + 50, 3)), 3, [], [4, 9]],
    ["inside the newest file", withFile(SEALED, THIRD, flipped(fileOf(SEALED, THIRD), at(0) + 50, 3)), 7, [], [8, 9]],
    ["of which the log needs a part", withFile(SEALED, SECOND, undefined), 5, [6], [6, 9]],
    [
      "at the end, beyond the log",
      withFile(SEALED, THIRD, flipped(fileOf(SEALED, THIRD), at(2) + 50, 3)),
      12,
      [],
      [13, 12],
    ],
    ["of all files", new Map(), 12, [], [13, 12]],
  ])("%s may be given up with all before it", (_, image, index, lost, [first, last]) => {
    for (const operations of [0, 1, 2, 4, 6, 8, 100]) {
      const stepped = diskWith(image);
      const log = openDamaged(stepped);
      log.beginBehind(startAt(index));
      if (operations === 100) {
        expect(mend(stepped, log)).toEqual(lost);
        const { wal } = openLog(stepped.disk);
        expect([wal.firstIndex(), wal.lastIndex(), wal.term(index)]).toEqual([first, last, 1]);
        expect(contents(wal)).toEqual(ALL.slice(index).map(describeRecord));
        continue;
      }
      // The power fails on the way: the log is as it was, or as it shall be.
      log.write(() => undefined);
      stepped.run(operations);
      stepped.disk.crash(new Prng(operations));
      if (verifyWal(stepped.disk, DIRECTORY).problem === undefined) {
        const { wal } = openLog(stepped.disk);
        expect([[1, 4, 7, first].includes(wal.firstIndex()), wal.lastIndex() >= 0]).toEqual([true, true]);
      } else {
        const again = openDamaged(stepped);
        again.beginBehind(startAt(index));
        mend(stepped, again);
        expect(openLog(stepped.disk).wal.firstIndex()).toBe(first);
      }
    }
  });

  test("of which a long gap without files is a part comes back in files of the usual size", () => {
    const long = records(1, 40);
    const source = new SteppedDisk();
    const { wal } = openLog(source.disk, { segmentBytes: 536 });
    for (const one of long) {
      wal.append([one], () => {});
      source.run();
    }
    const image = new Map([...source.image()].filter(([name]) => [1, 40].includes(Number.parseInt(name, 16))));
    const stepped = diskWith(image);
    mend(stepped, openDamaged(stepped), { records: long, end: 40 }, 2);
    expect(Math.max(...[...stepped.image().values()].map(({ length }) => length))).toBeLessThan(4_096);
    expect(stepped.image().size).toBeGreaterThan(2);
    expectWhole(stepped, undefined, long);
  });
});

describe("while it is mended", () => {
  const DAMAGED: readonly Image[] = [
    withFile(SEALED, SECOND, flipped(fileOf(SEALED, SECOND), 32 + 152 + 110, 3)),
    withFile(SEALED, SECOND, undefined),
    withFile(SEALED, THIRD, flipped(fileOf(SEALED, THIRD), 32 + 304 + 60, 3)),
    withFile(
      withFile(SEALED, FIRST, flipped(fileOf(SEALED, FIRST), 90, 3)),
      THIRD,
      fileOf(withoutRecords(THIRD), THIRD),
    ),
  ];

  test("the power fails at any moment: the log is found damaged, or it is whole", () => {
    let crashes = 0;
    for (const [nth, image] of DAMAGED.entries()) {
      for (let operations = 0; operations < 30; operations++) {
        const stepped = diskWith(image);
        const log = openDamaged(stepped);
        mendUpTo(stepped, log, operations);
        stepped.disk.crash(new Prng(nth * 1_000 + operations));
        crashes += 1;
        const found = verifyWal(stepped.disk, DIRECTORY);
        if (found.problem === undefined) expectWhole(stepped);
        else {
          mend(stepped, openDamaged(stepped));
          expectWhole(stepped);
        }
      }
    }
    expect(crashes).toBe(120);
  });

  test("an error of the disk is reported, and leaves the log as damaged as it was", () => {
    for (const kind of ["write", "sync", "syncDirectory"] as const) {
      const stepped = diskWith(DAMAGED[0] as Image);
      const log = openDamaged(stepped);
      const errors: (StorageError | undefined)[] = [];
      stepped.disk.failNext(kind, "disk_io");
      log.fill([ALL[4] as WalRecord], (error) => errors.push(error));
      stepped.run();
      expect(errors.map((error) => error?.code)).toEqual(["wal_write_failed"]);
    }
  });

  test("a record that has become unreadable meanwhile is reported, and is not written", () => {
    const stepped = diskWith(DAMAGED[0] as Image);
    const log = openDamaged(stepped);
    stepped.disk.flipBit(`log/${SECOND}`, 32 + 110, 1);
    const errors: (StorageError | undefined)[] = [];
    log.fill([ALL[4] as WalRecord], (error) => errors.push(error));
    stepped.run();
    expect(errors.map((error) => [error?.code, error?.facts["index"]])).toEqual([["wal_damaged", 4]]);
  });

  /** Mends, and lets so many operations of the disk complete. */
  function mendUpTo(stepped: SteppedDisk, log: DamagedLog, operations: number): void {
    let left = operations;
    const goOn = (error?: StorageError): void => {
      const hole = log.holes.at(-1);
      if (error !== undefined || hole === undefined) return;
      if (hole.hash === undefined) {
        log.endAt(RECORDS, (ALL[RECORDS - 1] as WalRecord).hash);
        log.write(goOn);
      } else log.fill(ALL.slice(hole.from - 1, hole.to), goOn);
    };
    log.write(goOn);
    while (left-- > 0) stepped.run(1);
  }
});

test("a file behind what was said to be the end, and was not, is made again under its name and stays", () => {
  const first = flipped(fileOf(SEALED, FIRST), 32 + 128 + MARK_BYTES + 60, 0);
  const stepped = diskWith(withFile(withoutRecords(THIRD), FIRST, first));
  const log = openDamaged(stepped);
  expect(log.holes.map(({ from, to }) => [from, to])).toEqual([
    [2, 2],
    [7, 9],
  ]);
  log.endAt(6, (ALL[5] as WalRecord).hash);
  log.loseFrom(7);
  expect(mend(stepped, log)).toEqual([2, 7, 8, 9]);
  expectWhole(stepped);
});

test("a log that begins elsewhere than its start says cannot be mended", () => {
  const stepped = diskWith(SEALED);
  openLog(stepped.disk).wal.compactTo(4);
  stepped.run();
  const other = new SteppedDisk();
  const { wal } = openLog(other.disk);
  wal.reset(startAt(3, 2), () => {});
  other.run();
  const image = withFile(stepped.image(), "start", fileOf(other.image(), "start"));
  expect(() => openDamaged(diskWith(image))).toThrow(StorageError);
});

test("what is known of each record of a long log is outside of the heap, which would be too small for it", () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const count = 40_000;
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk, { segmentBytes: 1_048_576 });
  for (let from = 1; from <= count; from += 1_000) wal.append(records(from, from + 999, 0), () => {});
  stepped.run();
  const image = stepped.image();
  const damage = diskWith(withFile(image, FIRST, flipped(fileOf(image, FIRST), 32 + 104 * 500 + 60, 0)));
  wal.close();
  collect();
  const before = process.memoryUsage();
  const log = openDamaged(damage);
  collect();
  const after = process.memoryUsage();
  expect(log.holes.map(({ from, to }) => [from, to])).toEqual([[501, 501]]);
  expect((after.heapUsed - before.heapUsed) / count).toBeLessThan(100);
  expect((after.arrayBuffers - before.arrayBuffers) / count).toBeLessThan(100);
  log.close();
});
