import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "./assert.ts";
import {
  allZero,
  concatBytes,
  equalBytes,
  fromHex,
  fromUtf8,
  nameOf,
  readU128,
  toHex,
  U64_MAX,
  U128_MAX,
  u128Bytes,
  u128Of,
  utf8,
  viewOf,
  writeU128,
} from "./bytes.ts";

const bytes = fc.uint8Array({ maxLength: 64 });
const u128 = fc.oneof(fc.bigInt({ min: 0n, max: U128_MAX }), fc.constantFrom(0n, 1n, U64_MAX, U64_MAX + 1n, U128_MAX));

test("all zero, wherever in memory the bytes begin", () => {
  fc.assert(
    fc.property(fc.nat(40), fc.nat(8), fc.option(fc.nat(39)), (length, from, at) => {
      const value = new Uint8Array(from + length).fill(1, 0, from).subarray(from);
      if (at !== null && at < length) value[at] = 1;
      expect(allZero(value)).toBe(at === null || at >= length);
    }),
  );
});

describe("hexadecimal", () => {
  test("is Node's, and comes back", () => {
    fc.assert(
      fc.property(bytes, (value) => {
        expect(toHex(value)).toBe(Buffer.from(value).toString("hex"));
        expect(fromHex(toHex(value))).toEqual(value);
        expect(fromHex(toHex(value).toUpperCase())).toEqual(value);
      }),
    );
  });

  test.each(["0", "0g", "zz", " 00", "00 ", "0x00", "-1", "٠٠"])("%j is refused", (text) => {
    expect(fromHex(text)).toBeUndefined();
  });
});

test("names are equal for equal bytes and for no others", () => {
  const few = fc.constantFrom(0, 1, 0xd8, 0xdc, 0xff); // halves of surrogates among them
  const named = fc.oneof(
    fc.array(few, { minLength: 16, maxLength: 16 }),
    fc.array(few, { minLength: 32, maxLength: 32 }),
  );
  fc.assert(
    fc.property(named, fc.nat(31), few, (values, at, value) => {
      const one = Uint8Array.from(values);
      const other = one.slice();
      other[at % other.length] = value;
      expect(nameOf(one) === nameOf(other)).toBe(equalBytes(one, other));
      expect(nameOf(one)).toBe(nameOf(Uint8Array.of(7, ...values).subarray(1)));
    }),
  );
  expect(() => nameOf(new Uint8Array(15))).toThrow(InvariantError);
});

test("equalBytes and concatBytes agree with Node's", () => {
  fc.assert(
    fc.property(fc.array(bytes, { maxLength: 5 }), bytes, (chunks, other) => {
      const joined = concatBytes(chunks);
      expect(Buffer.from(joined)).toEqual(Buffer.concat(chunks));
      expect(equalBytes(joined, other)).toBe(Buffer.compare(joined, other) === 0);
      expect(equalBytes(joined, joined.slice())).toBe(true);
    }),
  );
  expect(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 3]))).toBe(false);
  expect(equalBytes(new Uint8Array([1]), new Uint8Array([1, 2]))).toBe(false);
});

test("viewOf looks at exactly the bytes of a view, wherever they lie in their buffer", () => {
  const inner = new Uint8Array([9, 1, 2, 9]).subarray(1, 3);
  expect(viewOf(inner).byteLength).toBe(2);
  expect(viewOf(inner).getUint16(0)).toBe(0x0102);
});

describe("u128", () => {
  test("is little-endian and comes back, at any offset", () => {
    fc.assert(
      fc.property(u128, fc.nat(16), (value, offset) => {
        const view = new DataView(new ArrayBuffer(32));
        writeU128(view, offset, value);
        expect(readU128(view, offset)).toBe(value);
        let rest = value;
        for (let i = 0; i < 16; i++, rest >>= 8n) expect(view.getUint8(offset + i)).toBe(Number(rest & 0xffn));
        expect(u128Of(u128Bytes(value))).toBe(value);
      }),
    );
  });

  test.each([-1n, U128_MAX + 1n])("%s is refused, never cut to size", (value) => {
    expect(() => u128Bytes(value)).toThrow(InvariantError);
  });
});

describe("UTF-8", () => {
  test("comes back, whatever the text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        expect(fromUtf8(utf8(text))).toBe(text);
        expect(Buffer.from(utf8(text))).toEqual(Buffer.from(text));
      }),
    );
  });

  test("a lone surrogate, which has no bytes, becomes U+FFFD", () => {
    expect(fromUtf8(utf8("a\ud800b"))).toBe("a\ufffdb");
  });

  test("a byte order mark is a character: two texts never share their bytes", () => {
    expect(fromUtf8(utf8("\ufeffa"))).toBe("\ufeffa");
  });

  test.each(["80", "c3", "c080", "eda080", "f4908080", "61ff"])("%s is refused", (hex) => {
    expect(() => fromUtf8(fromHex(hex) ?? new Uint8Array())).toThrow(TypeError);
  });
});
