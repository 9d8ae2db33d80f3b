import { describe, expect, test } from "vitest";
import type { Cipher } from "../../node/base/ports/cipher.ts";
import type { DiskError } from "../../node/base/ports/disk.ts";
import { crc32c } from "../checksum.ts";
import { testCipher } from "../cipher.test-support.ts";
import { NO_KEY } from "../data-key.ts";
import { encodeSegmentHeader, FORMAT_VERSION, MARK_BYTES } from "./format.ts";
import {
  contents,
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
  withFile,
} from "./log-fixture.contract.ts";
import { verifyWal } from "./verify.ts";

const RECORDS = 9;
const RECORD_BYTES = 128;
const RECORDS_END = recordsEnd(RECORD_BYTES);
const FIRST = "0000000000000001.wal";
const SECOND = "0000000000000004.wal";
const THIRD = "0000000000000007.wal";

/** A log of three files with three records each, appended one by one, every one marked, as a stopped node leaves it. */
function sealedLog(recordBytes: number, cipher?: Cipher): Image {
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk, { segmentBytes: recordsEnd(recordBytes) + 40, cipher });
  for (const one of records(1, RECORDS)) {
    wal.append([one], () => {});
    stepped.run();
  }
  return stepped.image();
}

/** The same as the power leaves it that failed before the newest mark was on the disk. */
function unmarkedLog(recordBytes: number, cipher?: Cipher): Image {
  const sealed = sealedLog(recordBytes, cipher);
  const at = recordsEnd(recordBytes) - MARK_BYTES;
  return withFile(sealed, THIRD, patched(sealed.get(THIRD) as Uint8Array, at, new Uint8Array(MARK_BYTES)));
}

const SEALED = sealedLog(RECORD_BYTES);

function recordsEnd(recordBytes: number): number {
  return 32 + 3 * (recordBytes + MARK_BYTES);
}

function bytesOf(name: string): Uint8Array {
  return SEALED.get(name) as Uint8Array;
}

/** The height that a byte of a sealed file belongs to, and where its record or mark begins, by plain arithmetic. */
function placeOf(
  name: string,
  offset: number,
  recordBytes: number,
): { readonly offset: number; readonly index: number } {
  const first = Number.parseInt(name, 16);
  if (offset < 32) return { offset: 0, index: first };
  const step = recordBytes + MARK_BYTES;
  const nth = Math.floor((offset - 32) / step);
  const within = (offset - 32) % step;
  const isMark = within >= recordBytes;
  return { offset: 32 + nth * step + (isMark ? recordBytes : 0), index: first + nth + (isMark ? 1 : 0) };
}

describe.each<[string, number, Cipher | undefined]>([
  ["in the clear", RECORD_BYTES, undefined],
  ["encrypted", RECORD_BYTES + 40, testCipher()], // 44 bytes more, of which 4 were padding
])("a flipped bit in a log %s", (_, recordBytes, cipher) => {
  const end = recordsEnd(recordBytes);
  const last = 32 + 2 * (recordBytes + MARK_BYTES);
  const image = sealedLog(recordBytes, cipher);
  const fileOf = (name: string): Uint8Array => image.get(name) as Uint8Array;

  test("the log under test is as the tests below think", () => {
    expect([...image.keys()]).toEqual([FIRST, SECOND, THIRD]);
    expect(verifyWal(diskWith(image).disk, "log", cipher)).toMatchObject({ records: 9, segments: 3, tornBytes: 0 });
    expect(contents(openLog(diskWith(image).disk, { cipher }).wal)).toEqual(records(1, RECORDS).map(describeRecord));
  });

  test.each([FIRST, SECOND, THIRD])("anywhere in %s is found, with its place and height, and never served", (name) => {
    const bytes = fileOf(name);
    const harmlessFrom = name === THIRD ? end - MARK_BYTES : bytes.length;
    for (let offset = 0; offset < bytes.length; offset++) {
      for (let bit = 0; bit < 8; bit++) {
        const damaged = withFile(image, name, flipped(bytes, offset, bit));
        const report = verifyWal(diskWith(damaged).disk, "log", cipher);
        if (offset >= harmlessFrom) {
          // The newest mark and what is behind it: all records are there, and what is not as it was counts as torn.
          expect(report).toMatchObject({ records: RECORDS, problem: undefined });
          expect(report.tornBytes).toBeGreaterThan(0);
          const isMark = offset < end;
          const at = isMark ? end - MARK_BYTES : end;
          expect(report.tornAt).toEqual({ path: `log/${THIRD}`, offset: at, index: RECORDS + 1 });
          expect(openLog(diskWith(damaged).disk, { cipher }).wal.lastIndex()).toBe(RECORDS);
          continue;
        }
        const place = { segment: `log/${name}`, ...placeOf(name, offset, recordBytes) };
        const behindAll = offset >= end;
        expect(report.problem).toMatchObject({
          code: "wal_damaged",
          facts: behindAll ? { segment: place.segment } : place,
        });
        expect(report.records).toBe((behindAll ? Number.parseInt(name, 16) + 3 : place.index) - 1);
      }
    }
  });

  test("in the newest record before its mark is written, or a cut in it, is told with its place and height", () => {
    const unmarked = unmarkedLog(recordBytes, cipher);
    const bytes = unmarked.get(THIRD) as Uint8Array;
    const expected = { problem: undefined, records: 8, tornAt: { path: `log/${THIRD}`, offset: last, index: 9 } };
    expect(verifyWal(diskWith(unmarked).disk, "log", cipher)).toMatchObject({ records: 9, tornBytes: 0 });
    for (let offset = last; offset < last + recordBytes; offset++) {
      const flip = withFile(unmarked, THIRD, flipped(bytes, offset, offset % 8));
      expect(verifyWal(diskWith(flip).disk, "log", cipher), `byte ${offset}`).toMatchObject(expected);
      // Up to the first byte that is not zero nothing is left of it.
      if (bytes.subarray(last, offset).every((byte) => byte === 0)) continue;
      const cut = withFile(unmarked, THIRD, bytes.slice(0, offset));
      const whole = bytes.subarray(offset, last + recordBytes).every((byte) => byte === 0);
      expect(verifyWal(diskWith(cut).disk, "log", cipher), `cut at ${offset}`).toMatchObject(
        whole ? { problem: undefined } : expected,
      );
    }
  });

  test("opening refuses what verifying finds, says where in words, and leaves the files as they are", () => {
    const damaged = withFile(image, THIRD, flipped(fileOf(THIRD), 32 + 2 * (recordBytes + MARK_BYTES) + 60, 3));
    const stepped = diskWith(damaged);
    const error = refusal(stepped.disk, { cipher });
    expect(error).toMatchObject({
      code: "wal_damaged",
      facts: { segment: `log/${THIRD}`, offset: last, index: 9 },
      message: expect.stringContaining(`log/${THIRD}, byte ${last}, height 9`),
    });
    expect(stepped.image()).toEqual(damaged);
  });

  test("while the node runs is found when the record is read, and not served", () => {
    const stepped = diskWith(image);
    const { wal } = openLog(stepped.disk, { cacheBytes: 0, cipher });
    stepped.disk.flipBit(`log/${SECOND}`, 32 + recordBytes + MARK_BYTES + 110, 0);
    expect(wal.read(4, 5, 0).map(({ index }) => index)).toEqual([4]);
    expect(() => wal.read(5, 6, 0)).toThrow(
      expect.objectContaining({
        code: "wal_damaged",
        facts: { segment: `log/${SECOND}`, offset: 32 + recordBytes + MARK_BYTES, index: 5 },
      }),
    );
  });
});

/** A disk with a log of one record, of one branch or another. */
function oneRecordOf(branch: number): SteppedDisk {
  const stepped = new SteppedDisk();
  openLog(stepped.disk).wal.append([record(1, new Uint8Array(20), branch)], () => {});
  stepped.run();
  return stepped;
}

describe("other damage", () => {
  test("a record that a disk has brought back from an earlier life is not served in place of the newer one", () => {
    const stepped = oneRecordOf(2);
    const { wal } = openLog(stepped.disk);
    const earlier = oneRecordOf(1).image().get(FIRST) as Uint8Array;
    stepped.disk.open(`log/${FIRST}`, { create: false }).settle(0, earlier, earlier.length);
    expect(() => wal.read(1, 2, 0)).toThrow(expect.objectContaining({ code: "wal_damaged" }));
  });

  test.each([
    ["a lost write: zeros where a record was", FIRST, 32 + RECORD_BYTES + MARK_BYTES, new Uint8Array(RECORD_BYTES)],
    ["zeros where the newest record was", THIRD, 32 + 2 * (RECORD_BYTES + MARK_BYTES), new Uint8Array(RECORD_BYTES)],
    ["a misdirected write: a record at another's place", SECOND, 32, bytesOf(SECOND).subarray(184, 184 + RECORD_BYTES)],
    ["a record of another file at the same place", SECOND, 32, bytesOf(FIRST).subarray(32, 32 + RECORD_BYTES)],
    ["a sector of garbage", SECOND, 0, new Uint8Array(512).fill(0x5a)],
    ["the header of another segment", SECOND, 0, encodeSegmentHeader(7, NO_KEY)],
  ])("%s is refused", (_, name, offset, patch) => {
    const damaged = withFile(
      SEALED,
      name,
      patched(bytesOf(name), offset, patch.subarray(0, bytesOf(name).length - offset)),
    );
    expect(refusal(diskWith(damaged).disk)).toMatchObject({ code: "wal_damaged", facts: { segment: `log/${name}` } });
  });

  test("a record that is whole but does not continue the chain is refused, newest or not", () => {
    const stepped = new SteppedDisk();
    const { wal } = openLog(stepped.disk);
    wal.append(records(1, 1), () => {});
    stepped.run();
    const other = new SteppedDisk();
    openLog(other.disk).wal.append([record(1, new Uint8Array(20), 2), record(2, new Uint8Array(20), 2)], () => {});
    other.run();
    // Where its record is, ours has the mark behind record 1: cut it off and put the foreign record there.
    const foreign = (other.image().get(FIRST) as Uint8Array).subarray(32 + RECORD_BYTES, 32 + 2 * RECORD_BYTES);
    const mixed = withFile(stepped.image(), FIRST, patched(stepped.image().get(FIRST) as Uint8Array, 160, foreign));
    expect(refusal(diskWith(mixed).disk)).toMatchObject({ code: "wal_damaged", facts: { offset: 160, index: 2 } });
  });

  test.each([
    [FIRST, SECOND, 1],
    [SECOND, THIRD, 4],
  ])("a missing file %s is noticed at %s", (missing, next, index) => {
    const error = refusal(diskWith(withFile(SEALED, missing, undefined)).disk);
    expect(error).toMatchObject({ code: "wal_missing_segment", facts: { segment: `log/${next}`, index } });
    expect(error.message).toContain(`${next}, byte 0, height ${index}`);
  });

  test("a file twice, under another name, is refused", () => {
    expect(refusal(diskWith(withFile(SEALED, "0000000000000005.wal", bytesOf(SECOND))).disk).code).toBe("wal_damaged");
    expect(refusal(diskWith(withFile(SEALED, "000000000000000a.wal", bytesOf(THIRD))).disk).code).toBe("wal_damaged");
  });

  test("a file that was to take another's place and did not is removed", () => {
    const stepped = diskWith(withFile(SEALED, "0000000000000004.wal.new", new Uint8Array(10)));
    expect(openLog(stepped.disk).wal.lastIndex()).toBe(RECORDS);
    expect([...stepped.image().keys()]).toEqual([FIRST, SECOND, THIRD]);
  });

  test("files that are not segments are left alone", () => {
    const stepped = diskWith(withFile(SEALED, "README", new Uint8Array(10)));
    expect(openLog(stepped.disk).wal.lastIndex()).toBe(RECORDS);
    expect([...stepped.image().keys()]).toContain("README");
  });

  test("a newer format is refused by its number", () => {
    const header = encodeSegmentHeader(1, NO_KEY);
    const view = new DataView(header.buffer);
    view.setUint32(4, FORMAT_VERSION + 1, true);
    view.setUint32(16, crc32c(header.subarray(0, 16)), true);
    header.fill(0xff, 20); // whatever a later version keeps there
    const error = refusal(diskWith(withFile(SEALED, FIRST, patched(bytesOf(FIRST), 0, header))).disk);
    expect(error.code).toBe("wal_foreign_format");
    expect(error.message).toContain(`format ${FORMAT_VERSION + 1}, this program format ${FORMAT_VERSION}`);
  });
});

describe("the newest file", () => {
  test("whose creation was cut off holds nothing, and its name is used again", () => {
    for (const bytes of [new Uint8Array(0), new Uint8Array(496), encodeSegmentHeader(10, NO_KEY).subarray(0, 17)]) {
      const stepped = diskWith(withFile(SEALED, "000000000000000a.wal", bytes));
      const { wal } = openLog(stepped.disk, { segmentBytes: 496 });
      expect(wal.lastIndex()).toBe(RECORDS);
      wal.append(records(10, 12), () => {});
      stepped.run();
      expect(openLog(stepped.disk).wal.lastIndex()).toBe(12);
    }
  });

  test("that holds records, but none that was acknowledged, and no header, holds nothing", () => {
    const stepped = new SteppedDisk();
    openLog(stepped.disk).wal.append(records(1, 3), () => {});
    const [[name, bytes] = ["", new Uint8Array(0)]] = stepped.image();
    const torn = diskWith(new Map([[name, patched(bytes, 0, new Uint8Array(32))]]));
    expect(openLog(torn.disk).wal.recovery).toEqual({ records: 0, tornBytes: 32 + 3 * RECORD_BYTES - 4 });
  });

  test("with a torn tail is cut, and says how much", () => {
    const stepped = diskWith(SEALED);
    const { wal } = openLog(stepped.disk, { segmentBytes: 4_096 });
    wal.append(records(10, 11, 200), () => {});
    const image = stepped.image();
    const bytes = image.get(THIRD) as Uint8Array;
    const torn = diskWith(withFile(image, THIRD, patched(bytes, RECORDS_END + 304 + 50, new Uint8Array(254))));
    const recovered = openLog(torn.disk).wal;
    expect(recovered.recovery).toEqual({ records: 10, tornBytes: 50 });
    expect(openLog(torn.disk).wal.recovery).toEqual({ records: 10, tornBytes: 0 });
  });
});

/** A log whose disk fails once, when something more is asked of it. */
function failing(kind: "write" | "sync" | "syncDirectory", code: DiskError["code"]) {
  const stepped = new SteppedDisk();
  const { wal, fatal } = openLog(stepped.disk);
  const done: string[] = [];
  wal.append(records(1, 2), () => done.push("1-2"));
  stepped.run();
  if (kind !== "write" && kind !== "sync") wal.append(records(3, 7), () => done.push("3-7"));
  stepped.run();
  const before = wal.lastIndex();
  stepped.disk.failNext(kind, code);
  wal.append(records(before + 1, before + 1), () => done.push("lost"));
  wal.append(records(before + 2, before + 2), () => done.push("lost"));
  wal.truncate(before + 1, () => done.push("lost"));
  stepped.run();
  return { stepped, wal, fatal, done, before };
}

describe("a disk that fails", () => {
  test.each([
    ["EIO on a write", "write", "disk_io"],
    ["EIO on a sync", "sync", "disk_io"],
    ["no space at a sync", "sync", "disk_full"],
    ["EIO on the directory", "syncDirectory", "disk_io"],
  ] as const)("%s: the end is reported once, nothing completes, what was acknowledged can be read", (_, kind, code) => {
    const { stepped, wal, fatal, done, before } = failing(kind, code);
    expect(fatal.map((error) => [error.code, error.facts["disk"]])).toEqual([["wal_write_failed", code]]);
    expect(done).not.toContain("lost");
    expect(wal.durableIndex()).toBe(before);
    expect(contents(wal).slice(0, before)).toEqual(records(1, before).map(describeRecord));
    const started = stepped.started.length;
    wal.append(records(wal.lastIndex() + 1, wal.lastIndex() + 1), () => done.push("lost"));
    stepped.run();
    expect([stepped.started.length, done.includes("lost"), fatal.length]).toEqual([started, false, 1]);
  });

  test("a sync is not tried again: no second sync follows the one that failed", () => {
    const { stepped } = failing("sync", "disk_io");
    const before = ["the first record", "how far the log reaches", "its second copy"];
    expect(stepped.started.filter((kind) => kind === "sync")).toHaveLength(before.length + 1);
  });

  test("a file that must not be there ends the log, and is not touched", () => {
    const stepped = new SteppedDisk();
    const { wal, fatal } = openLog(stepped.disk);
    const bytes = new Uint8Array(64).fill(9);
    stepped.disk.open(`log/${FIRST}`, { create: true }).settle(0, bytes, 64);
    wal.append(records(1, 1), () => {});
    stepped.run();
    expect(fatal.map((error) => error.facts["disk"])).toEqual(["disk_exists"]);
    expect(stepped.image().get(FIRST)).toEqual(bytes);
  });

  test("EIO on a read says which record could not be read", () => {
    const stepped = diskWith(SEALED);
    const { wal } = openLog(stepped.disk, { cacheBytes: 0 });
    stepped.disk.failNext("read", "disk_io");
    expect(() => wal.read(5, 6, 0)).toThrow(
      expect.objectContaining({
        code: "wal_read_failed",
        facts: { segment: `log/${SECOND}`, offset: 184, index: 5, disk: "disk_io" },
      }),
    );
    expect(wal.read(5, 6, 0)).toHaveLength(1);
  });

  test("EIO on a read while the log is opened or verified", () => {
    const stepped = diskWith(SEALED);
    stepped.disk.failNext("read", "disk_io");
    expect(refusal(stepped.disk)).toMatchObject({ code: "wal_read_failed", facts: { segment: `log/${FIRST}` } });
    stepped.disk.failNext("read", "disk_io");
    expect(verifyWal(stepped.disk, "log").problem?.code).toBe("wal_read_failed");
  });

  test("what was found cannot be made durable: the node does not start", () => {
    const stepped = diskWith(SEALED);
    stepped.disk.failNext("sync", "disk_io");
    expect(refusal(stepped.disk)).toMatchObject({ code: "wal_write_failed", facts: { disk: "disk_io" } });
  });
});
