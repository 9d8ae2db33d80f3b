import { describe, expect, test } from "vitest";
import { concatBytes, utf8, viewOf } from "../../node/base/bytes.ts";
import { testCipher } from "../cipher.test-support.ts";
import { crc32 } from "../crc32.ts";
import {
  contents,
  describeRecord,
  diskWith,
  type Image,
  openLog,
  patched,
  record,
  refusal,
  SteppedDisk,
  withFile,
} from "./log-fixture.contract.ts";
import type { WalRecord } from "./log-store.ts";
import { verifyWal } from "./verify.ts";

const FIRST = "0000000000000001.wal";
const MARKER = "the payee of this payment is Ada Lovelace";
const RECORDS: readonly WalRecord[] = [1, 2, 3].map((index) => record(index, utf8(`${MARKER} ${index}`)));
/** Header, payload of 43 bytes, 44 of the cipher, and padding. */
const RECORD_BYTES = 192;

function imageOf(...options: Parameters<typeof testCipher>): Image {
  return written({ cipher: testCipher(...options) });
}

function written(options: Parameters<typeof openLog>[1]): Image {
  const stepped = new SteppedDisk();
  const { wal } = openLog(stepped.disk, options);
  wal.append(RECORDS, () => {});
  stepped.run();
  return stepped.image();
}

/** A file in which a record was changed by somebody who knows how to make its checksum right again. */
function forged(image: Image, nth: number, change: (bytes: Uint8Array) => void): Image {
  const bytes = (image.get(FIRST) as Uint8Array).slice();
  const part = bytes.subarray(32 + nth * RECORD_BYTES, 32 + (nth + 1) * RECORD_BYTES);
  change(part);
  viewOf(part).setUint32(0, crc32(part.subarray(4)), true);
  return withFile(image, FIRST, bytes);
}

describe("an encrypted log", () => {
  test("shows nothing of its payloads, and gives them back to whoever has the key", () => {
    const isIn = (image: Image): boolean => Buffer.from(concatBytes([...image.values()])).includes(MARKER);
    expect(isIn(written({}))).toBe(true);
    const image = imageOf();
    expect(isIn(image)).toBe(false);
    const { wal } = openLog(diskWith(image).disk, { cipher: testCipher() });
    expect(contents(wal)).toEqual(RECORDS.map(describeRecord));
  });

  test("is verified with the key, record by record as it was appended", () => {
    const seen: string[] = [];
    const report = verifyWal(diskWith(imageOf()).disk, "log", testCipher(), (one) => seen.push(describeRecord(one)));
    expect(report).toMatchObject({ records: 3, problem: undefined, tornBytes: 0 });
    expect(seen).toEqual(RECORDS.map(describeRecord));
  });

  test.each([
    ["without a key", imageOf(), undefined, "data_key_missing"],
    ["with another data key", imageOf(), testCipher(2), "data_key_wrong"],
    ["with a key, where it is not encrypted", written({}), testCipher(), "data_not_encrypted"],
  ])("opened %s is refused, is not called damaged, and stays as it is", (_, image, cipher, code) => {
    const stepped = diskWith(image);
    expect(refusal(stepped.disk, { cipher }).code).toBe(code);
    expect(verifyWal(stepped.disk, "log", cipher)).toMatchObject({ records: 0, problem: { code } });
    expect(stepped.image()).toEqual(image);
  });

  test("is called damaged, whatever the key, where a checksum is wrong", () => {
    const image = imageOf();
    const damaged = withFile(image, FIRST, patched(image.get(FIRST) as Uint8Array, 24, Uint8Array.of(0xff)));
    for (const cipher of [undefined, testCipher(), testCipher(2)]) {
      expect(refusal(diskWith(damaged).disk, { cipher }).code).toBe("wal_damaged");
    }
  });

  test("is refused at the record of which one byte was changed, though its checksum is right", () => {
    const image = imageOf();
    const place = { segment: `log/${FIRST}`, offset: 32 + RECORD_BYTES, index: 2 };
    for (let at = 104; at < 104 + 43 + 44; at++) {
      const disk = diskWith(forged(image, 1, (bytes) => bytes.set([(bytes[at] as number) ^ 1], at))).disk;
      const report = verifyWal(disk, "log", testCipher());
      expect(report).toMatchObject({ records: 1, problem: { code: "wal_damaged", facts: place } });
      const { wal } = openLog(disk, { cipher: testCipher() });
      expect(() => wal.read(2, 3, 0)).toThrow(expect.objectContaining({ code: "wal_damaged", facts: place }));
    }
  });

  test.each([
    ["the payload of another record", (bytes: Uint8Array, other: Uint8Array) => bytes.set(other.subarray(104), 104)],
    ["another term", (bytes: Uint8Array) => bytes.set([2], 24)],
    ["another hash", (bytes: Uint8Array) => bytes.set([bytes[103] as number, 1], 102)],
  ])("is refused at a record that was given %s", (_, change) => {
    const image = imageOf();
    const other = (image.get(FIRST) as Uint8Array).slice(32, 32 + RECORD_BYTES);
    const report = verifyWal(diskWith(forged(image, 2, (bytes) => change(bytes, other))).disk, "log", testCipher());
    expect(report).toMatchObject({ records: 2, problem: { code: "wal_damaged", facts: { index: 3 } } });
  });

  test("with an empty payload, and one larger than a segment", () => {
    const stepped = new SteppedDisk();
    const added = [
      record(1, new Uint8Array(0)),
      record(2, new Uint8Array(5_000).fill(3)),
      record(3, new Uint8Array(1)),
    ];
    const { wal } = openLog(stepped.disk, { cipher: testCipher() });
    wal.append(added, () => {});
    stepped.run();
    expect(contents(wal)).toEqual(added.map(describeRecord));
    expect(contents(openLog(stepped.disk, { cipher: testCipher() }).wal)).toEqual(added.map(describeRecord));
    expect(stepped.image().size).toBe(3);
  });
});
