import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, toHex, viewOf } from "../../node/base/bytes.ts";
import { NO_KEY } from "../data-key.ts";
import {
  claimedBytes,
  decodeClaimed,
  decodeSegmentHeader,
  encodeMark,
  encodeRecords,
  encodeSegmentHeader,
  FORMAT_VERSION,
  MARK_BYTES,
  recordBytes,
  SEGMENT_HEADER_BYTES,
} from "./format.ts";
import type { WalRecord } from "./log-store.ts";

const RECORD: WalRecord = {
  ...{ index: 0x0102_0304_0506, term: 7 },
  previousHash: new Uint8Array(32).fill(0x11),
  hash: new Uint8Array(32).fill(0x22),
  payload: Uint8Array.of(0xde, 0xad, 0xbe, 0xef, 0x01),
};

function decodeAt(bytes: Uint8Array, offset: number) {
  const claimed = claimedBytes(viewOf(bytes), 0, offset);
  return claimed === undefined || claimed > bytes.length ? undefined : decodeClaimed(bytes.subarray(0, claimed));
}

describe("bytes of the log: whoever changes them raises FORMAT_VERSION", () => {
  test("segment header", () => {
    expect(FORMAT_VERSION).toBe(4);
    expect(toHex(encodeSegmentHeader(0x1234, Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8)))).toBe(
      ["5157414c", "04000000", "3412000000000000", "aa6a274a", "0102030405060708", "5618c1e1"].join(""),
    );
  });

  test("record", () => {
    expect(toHex(concatBytes(encodeRecords([RECORD], { offset: 0x40, durableIndex: 0x0102_0304_0505 })))).toBe(
      [
        ...["6a30b844", "51574152", "05000000", "40000000"],
        ...["0605040302010000", "0700000000000000", "0505040302010000"],
        ...["11".repeat(32), "22".repeat(32), "deadbeef01", "000000"],
      ].join(""),
    );
  });

  test("mark", () => {
    expect(toHex(encodeMark(0x70, 0x0102))).toBe(
      ["2648eb8a", "5157414d", "70000000", "00000000", "0201000000000000"].join(""),
    );
  });
});

describe("segment header", () => {
  test("reads what was written", () => {
    expect(decodeSegmentHeader(encodeSegmentHeader(2 ** 40, NO_KEY))).toEqual({
      version: FORMAT_VERSION,
      firstIndex: 2 ** 40,
      keyId: NO_KEY,
    });
  });

  test("no flipped bit and no cut goes unnoticed", () => {
    const bytes = encodeSegmentHeader(77, NO_KEY);
    for (let bit = 0; bit < SEGMENT_HEADER_BYTES * 8; bit++) {
      const copy = bytes.slice();
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decodeSegmentHeader(copy)).toBeUndefined();
    }
    for (let length = 0; length < SEGMENT_HEADER_BYTES; length++) {
      expect(decodeSegmentHeader(bytes.subarray(0, length))).toBeUndefined();
    }
  });
});

describe("records and marks", () => {
  const hash = fc.uint8Array({ minLength: 32, maxLength: 32 });
  const anyRecord = fc.record({
    index: fc.maxSafeNat(),
    term: fc.maxSafeNat(),
    previousHash: hash,
    hash,
    payload: fc.uint8Array({ maxLength: 100 }),
  });

  test("a group reads back record by record, each at its offset", () => {
    fc.assert(
      fc.property(fc.array(anyRecord, { maxLength: 5 }), fc.nat(1_000), fc.maxSafeNat(), (group, place, durable) => {
        const start = place * 8;
        const bytes = concatBytes(encodeRecords(group, { offset: start, durableIndex: durable }));
        let at = 0;
        for (const expected of group) {
          const found = decodeAt(bytes.subarray(at), start + at);
          expect(found?.record).toEqual(expected);
          expect(found?.durableIndex).toBe(durable);
          expect(found?.bytes).toBe(recordBytes(expected.payload.length));
          at += found?.bytes ?? Number.NaN;
        }
        expect(at).toBe(bytes.length);
        expect(at % 8).toBe(0);
      }),
    );
  });

  test("a mark reads back", () => {
    expect(decodeAt(encodeMark(48, 9), 48)).toEqual({ record: undefined, durableIndex: 9, bytes: MARK_BYTES });
  });

  test.each([
    ["record", concatBytes(encodeRecords([RECORD], { offset: 64, durableIndex: 3 }))],
    ["mark", encodeMark(64, 3)],
  ])("no flipped bit of a %s goes unnoticed", (_, bytes) => {
    for (let bit = 0; bit < bytes.length * 8; bit++) {
      const copy = concatBytes([bytes, new Uint8Array(1_024)]);
      copy[bit >> 3] = (copy[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(decodeAt(copy, 64)).toBeUndefined();
    }
  });

  test.each([
    ["record", concatBytes(encodeRecords([RECORD], { offset: 64, durableIndex: 3 }))],
    ["mark", encodeMark(64, 3)],
  ])("a %s at another place than it was written for is none", (_, bytes) => {
    expect(decodeAt(bytes, 64)).toBeDefined();
    expect(decodeAt(bytes, 72)).toBeUndefined();
  });

  test("bytes that end too early claim nothing that they do not have", () => {
    const bytes = concatBytes(encodeRecords([RECORD], { offset: 64, durableIndex: 3 }));
    for (let length = 0; length < bytes.length; length++) {
      expect(decodeAt(bytes.subarray(0, length), 64)).toBeUndefined();
    }
  });
});
