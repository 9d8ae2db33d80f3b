/** Packed rows against the rows themselves. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { assert, InvariantError } from "../base/assert.ts";
import { packSegment, readSegment, Segment } from "./segment.ts";

const ROWS = 64;
const WORD = fc.integer({ min: 0, max: 2 ** 32 - 1 });

/** Columns of all kinds: constant, rising by one, in runs, of few bits, of all bits. */
const column: fc.Arbitrary<number[]> = fc.oneof(
  WORD.map((value) => Array.from({ length: ROWS }, () => value)),
  WORD.map((start) => Array.from({ length: ROWS }, (_, row) => (start + row) >>> 0)),
  fc
    .tuple(WORD, WORD, fc.nat(ROWS))
    .map(([a, b, turn]) => Array.from({ length: ROWS }, (_, row) => ((row < turn ? a : b) + row) >>> 0)),
  fc
    .tuple(WORD, WORD, fc.nat(ROWS))
    .map(([a, b, turn]) => Array.from({ length: ROWS }, (_, row) => (row < turn ? a : b))),
  fc
    .tuple(WORD, fc.integer({ min: 1, max: 32 }))
    .chain(([base, bits]) =>
      fc
        .array(fc.integer({ min: 0, max: 2 ** bits - 1 }), { minLength: ROWS, maxLength: ROWS })
        .map((values) => values.map((value) => Math.min(base, 2 ** 32 - 2 ** bits) + value)),
    ),
);

function packed(columns: readonly number[][]): { segment: ReturnType<typeof readSegment>; source: Uint32Array } {
  const width = columns.length;
  const source = new Uint32Array(ROWS * width);
  columns.forEach((values, at) => {
    values.forEach((value, row) => {
      source[row * width + at] = value;
    });
  });
  return { segment: packSegment(source, ROWS, width), source };
}

test("every value of every row is what it was, also after a checkpoint", () => {
  const property = fc.property(fc.array(column, { minLength: 1, maxLength: 6 }), (columns) => {
    const { segment } = packed(columns);
    const again = readSegment(new Uint8Array(segment.words.slice().buffer), ROWS, columns.length);
    columns.forEach((values, at) => {
      expect(values.map((_, row) => segment.get(row, at))).toEqual(values);
      expect(values.map((_, row) => again.get(row, at))).toEqual(values);
      expect(segment.isConstant(at)).toBe(values.every((value) => value === values[0]));
    });
  });
  fc.assert(property, { numRuns: 150 });
});

test("constant and rising columns take no room, others their bits", () => {
  const constant = Array.from({ length: ROWS }, () => 7);
  const rising = constant.map((value, row) => value + row);
  const threeBits = constant.map((value, row) => value + ((row * 5) % 8));
  const header = 2;
  const describing = 4;
  expect(packed([constant]).segment.words).toHaveLength(header + describing);
  expect(packed([rising]).segment.words).toHaveLength(header + describing + 2);
  expect(packed([threeBits]).segment.words).toHaveLength(header + describing + (ROWS * 3) / 32);
});

test("damaged segments are not taken", () => {
  const { segment } = packed([Array.from({ length: ROWS }, (_, row) => (row * 7) % 64)]);
  const bytes = new Uint8Array(segment.words.slice().buffer);
  expect(() => readSegment(bytes, ROWS, 1)).not.toThrow();
  expect(() => readSegment(bytes.subarray(0, bytes.length - 4), ROWS, 1)).toThrow(InvariantError);
  expect(() => readSegment(bytes.subarray(0, 7), ROWS, 1)).toThrow(InvariantError);
  expect(() => readSegment(bytes, ROWS, 2)).toThrow(InvariantError);
  const foreign = bytes.slice();
  foreign[8] = 9;
  expect(() => readSegment(foreign, ROWS, 1)).toThrow(InvariantError);
  // A run that begins in the last word, and has its value behind that.
  const cut = Uint32Array.from([ROWS, 1, 1, 1, 0, 6, 0]);
  expect(() => readSegment(new Uint8Array(cut.buffer), ROWS, 1)).toThrow(InvariantError);
  expect(() => readSegment(new Uint8Array(Uint32Array.from([...cut, 0]).buffer), ROWS, 1)).not.toThrow();
});

/** Words behind which nothing may be read. */
function boundedWords(words: Uint32Array): Uint32Array {
  return new Proxy(words, {
    get: (target, key) => {
      assert(
        typeof key !== "string" || !/^\d+$/.test(key) || Number(key) < target.length,
        `word ${String(key)} is read`,
      );
      return Reflect.get(target, key) as unknown;
    },
  });
}

test("segments with any words changed are refused, or are read the same in all ways, within their bounds", () => {
  // Mostly words that describe columns, which end near where the data does.
  const place = fc.oneof({ weight: 3, arbitrary: fc.nat(2 + 4 * 4) }, fc.nat(400));
  const value = fc.oneof(fc.nat(2 * ROWS), WORD, fc.constantFrom(31, 32, 33, 2 ** 31, 2 ** 32 - 1));
  const change = fc.tuple(place, value);
  const property = fc.property(
    fc.array(column, { minLength: 1, maxLength: 4 }),
    fc.array(change, { minLength: 1, maxLength: 3 }),
    (columns, changes) => {
      const words = packed(columns).segment.words.slice();
      for (const [at, value] of changes) words[at % words.length] = value;
      let segment: ReturnType<typeof readSegment>;
      try {
        segment = readSegment(new Uint8Array(words.buffer), ROWS, columns.length);
      } catch (error) {
        expect(error).toBeInstanceOf(InvariantError);
        return;
      }
      const bounded = new Segment(boundedWords(segment.words));
      const unpacked = new Uint32Array(ROWS * columns.length);
      bounded.unpackTo(unpacked, 0);
      columns.forEach((_, at) => {
        const values = Array.from({ length: ROWS }, (_row, row) => bounded.get(row, at));
        expect(values.every((value) => Number.isInteger(value) && value >= 0 && value < 2 ** 32)).toBe(true);
        expect([...bounded.column(at)]).toEqual(values);
        expect(values).toEqual(values.map((_value, row) => unpacked[row * columns.length + at]));
      });
    },
  );
  fc.assert(property, { numRuns: 2_000 });
});
