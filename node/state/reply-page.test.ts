/** Packed pages of replies against the pages themselves. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { InvariantError } from "../base/assert.ts";
import { toHex, utf8, viewOf } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";
import { encodeBatchResult, RESULT_BYTES_MAX } from "../wire/results.ts";
import { checkReplies, HEADER_BYTES, PAGE_BYTES, packPage, sizeOf, unpackPage } from "./reply-page.ts";

interface Given {
  readonly slot: number;
  readonly sequence: number;
  readonly result: Uint8Array;
}

/** A page as it lies in memory. */
function pageOf(replies: readonly Given[]): Uint8Array {
  const page = new Uint8Array(replies.reduce((sum, { result }) => sum + sizeOf(result.length), HEADER_BYTES));
  const view = viewOf(page);
  view.setUint32(0, 7, true);
  let at = HEADER_BYTES;
  for (const { slot, sequence, result } of replies) {
    view.setUint32(at, slot, true);
    view.setUint32(at + 4, result.length, true);
    view.setUint32(at + 8, sequence + 1, true);
    view.setUint32(at + 16, sequence, true);
    page.set(sha256(utf8(`${slot}/${sequence}`)), at + 24);
    page.set(result, at + 56);
    at += sizeOf(result.length);
  }
  checkReplies(page);
  return page;
}

function payments(count: number): Uint8Array {
  const time = 1_700_000_000_000_000_000n;
  return pageOf(
    Array.from({ length: count }, (_, at) => {
      const timestamp = time + BigInt(at) * 140_000n;
      const result = new Uint8Array(16);
      viewOf(result).setBigUint64(0, timestamp, true);
      viewOf(result).setUint32(8, 0xffff_ffff, true);
      return { slot: (at * 37) % 2_000, sequence: 40 + (at % 5), result: encodeBatchResult(timestamp, result) };
    }),
  );
}

const reply: fc.Arbitrary<Given> = fc.record({
  slot: fc.nat(65_535),
  sequence: fc.nat(1_000_000),
  result: fc.oneof(
    { weight: 10, arbitrary: fc.constantFrom(0, 4, 44, 44, 44, 60).map((length) => new Uint8Array(length).fill(0xab)) },
    { weight: 5, arbitrary: fc.uint8Array({ maxLength: 90 }) },
  ),
});

describe("a packed page of replies", () => {
  test("is the page again", () => {
    fc.assert(
      fc.property(fc.array(reply, { maxLength: 120, size: "max" }), (replies) => {
        const page = pageOf(replies);
        expect(toHex(unpackPage(packPage(page)))).toBe(toHex(page));
      }),
      { numRuns: 100 },
    );
  });

  test("of one reply of any length is as long as that, but for what says so", () => {
    for (const length of [0, 1, 60_000, RESULT_BYTES_MAX]) {
      const page = pageOf([{ slot: 1, sequence: 1, result: new Uint8Array(length).fill(1) }]);
      const packed = packPage(page);
      expect(packed.length).toBeLessThanOrEqual(page.length + 32);
      expect(unpackPage(packed)).toEqual(page);
    }
  });

  test("of payments is less than two fifths as long", () => {
    const page = payments(580);
    expect(page.length).toBeLessThanOrEqual(PAGE_BYTES);
    expect(packPage(page).length).toBeLessThan(page.length * 0.4);
  });

  test("of a stamp alone is that", () => {
    const free = new Uint8Array(HEADER_BYTES);
    expect(packPage(free)).toEqual(free);
    expect(unpackPage(free)).toEqual(free);
  });
});

describe("what is no packed page is refused", () => {
  /** Packed, as they are, and several sizes. */
  const pages: readonly Uint8Array[] = [
    payments(40),
    pageOf([{ slot: 1, sequence: 1, result: utf8("result") }]),
    pageOf(Array.from({ length: 30 }, (_, at) => ({ slot: at, sequence: 1, result: new Uint8Array((at % 3) * 20) }))),
  ];

  /** Whether it is refused in the way of what comes from outside, or of what is damaged. */
  function isRefused(packed: Uint8Array): boolean {
    try {
      checkReplies(unpackPage(packed));
      return false;
    } catch (error) {
      if (error instanceof InvariantError || (error instanceof CodedError && error.code === "malformed_body"))
        return true;
      throw error;
    }
  }

  test("one that is cut anywhere, or goes on", () => {
    for (const packed of pages.map(packPage)) {
      for (let length = HEADER_BYTES + 1; length < packed.length; length++) {
        expect(isRefused(packed.slice(0, length))).toBe(true);
      }
      expect(isRefused(new Uint8Array([...packed, 0]))).toBe(true);
      expect(isRefused(new Uint8Array([...packed, 0, 0, 0, 0]))).toBe(true);
    }
  });

  test("one with any word changed takes no more memory than a page has, and gives no page that is none", () => {
    for (const packed of pages.map(packPage)) {
      for (let at = HEADER_BYTES; at + 4 <= Math.min(packed.length, 600); at += 4) {
        for (const value of [0, 1, 0x7fff_ffff, 0xffff_ffff]) {
          const changed = packed.slice();
          viewOf(changed).setUint32(at, value, true);
          if (isRefused(changed)) continue;
          expect(unpackPage(changed).length).toBeLessThanOrEqual(PAGE_BYTES + sizeOf(RESULT_BYTES_MAX));
        }
      }
    }
  });

  /** A page of one reply with so many words, in a segment of these words. */
  function ofOne(replyWords: number, segment: readonly number[]): Uint8Array {
    const sizes = [6, 1, 1, 0, 0, replyWords * 4, 0];
    const words = Uint32Array.from([7, 0, ...sizes, segment.length, ...segment]);
    return new Uint8Array(words.buffer);
  }

  test("one whose columns are not described, or are runs without end", () => {
    const columns = 16;
    expect(isRefused(ofOne(columns, [1, columns]))).toBe(true);
    // All columns have the same runs, which are more than there are rows.
    const runs = Array.from({ length: 1_000 }, () => 0);
    const head = Array.from({ length: columns }, () => [1, runs.length, 0, 2 + 4 * columns]).flat();
    expect(isRefused(ofOne(columns, [1, columns, ...head, ...runs, ...runs]))).toBe(true);
  });
});
