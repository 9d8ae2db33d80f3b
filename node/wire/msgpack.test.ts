import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { InvariantError } from "../base/assert.ts";
import { concatBytes, fromHex, toHex, U64_MAX } from "../base/bytes.ts";
import { dataPath, needsData } from "../base/data.test-support.ts";
import { MESSAGE_VALUES_MAX } from "../base/limits.ts";
import { describeHostileBytes, refusalOf } from "./hostile.contract.ts";
import { pack, unpack } from "./msgpack.ts";

type Plain = null | boolean | number | bigint | string | Uint8Array | Plain[] | { [key: string]: Plain };

const big = (tag: number, number: bigint | number, width: number): number[] => {
  let rest = BigInt.asUintN(8 * width, BigInt(number));
  const digits: number[] = [];
  for (let i = 0; i < width; i++, rest >>= 8n) digits.unshift(Number(rest & 0xffn));
  return [tag, ...digits];
};

/** The form of the format's specification, byte by byte, written down without looking at the code under test. */
function naive(value: Plain): number[] {
  const sized = (length: number, tags: readonly [number, number, number][]): number[] => {
    for (const [max, tag, width] of tags) {
      if (length <= max) return width === 0 ? [tag | length] : big(tag, length, width);
    }
    throw new Error("too long for a test");
  };
  if (value === null) return [0xc0];
  if (typeof value === "boolean") return [value ? 0xc3 : 0xc2];
  if (typeof value === "number" || typeof value === "bigint") {
    const integer = BigInt(value);
    if (integer >= 0n && integer < 128n) return [Number(integer)];
    if (integer < 0n && integer >= -32n) return [256 + Number(integer)];
    if (integer >= 0n && integer < 2n ** 8n) return big(0xcc, integer, 1);
    if (integer >= 0n && integer < 2n ** 16n) return big(0xcd, integer, 2);
    if (integer >= 0n && integer < 2n ** 32n) return big(0xce, integer, 4);
    if (integer < 0n && integer >= -(2n ** 7n)) return big(0xd0, integer, 1);
    if (integer < 0n && integer >= -(2n ** 15n)) return big(0xd1, integer, 2);
    if (integer < 0n && integer >= -(2n ** 31n)) return big(0xd2, integer, 4);
    return big(integer < 2n ** 63n ? 0xd3 : 0xcf, integer, 8);
  }
  if (typeof value === "string") {
    const bytes = [...Buffer.from(value)];
    return [
      ...sized(bytes.length, [
        [31, 0xa0, 0],
        [255, 0xd9, 1],
        [65_535, 0xda, 2],
        [2 ** 31, 0xdb, 4],
      ]),
      ...bytes,
    ];
  }
  if (value instanceof Uint8Array) {
    return [
      ...sized(value.length, [
        [255, 0xc4, 1],
        [65_535, 0xc5, 2],
        [2 ** 31, 0xc6, 4],
      ]),
      ...value,
    ];
  }
  if (Array.isArray(value)) {
    return [
      ...sized(value.length, [
        [15, 0x90, 0],
        [65_535, 0xdc, 2],
        [2 ** 31, 0xdd, 4],
      ]),
      ...value.flatMap(naive),
    ];
  }
  const fields = Object.entries(value);
  const head = sized(fields.length, [
    [15, 0x80, 0],
    [65_535, 0xde, 2],
    [2 ** 31, 0xdf, 4],
  ]);
  return [...head, ...fields.flatMap(([key, field]) => [...naive(key), ...naive(field)])];
}

/** What comes back of a value: integers are numbers up to 32 bits, bigints beyond. */
function back(value: Plain): Plain {
  if (typeof value === "number" || typeof value === "bigint") {
    return value >= -(2 ** 31) && value < 2 ** 32 ? Number(BigInt(value)) : BigInt(value);
  }
  if (Array.isArray(value)) return value.map(back);
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, back(field)]));
}

const edges = [0, 31, 32, 127, 128, 255, 256, 65_535, 65_536, 2 ** 31, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1];
const integers = fc.oneof(
  fc.constantFrom(
    ...edges,
    ...edges.map((edge) => -edge),
    ...edges.map((edge) => -edge - 1).filter(Number.isSafeInteger),
  ),
  fc.maxSafeInteger(),
  fc.bigInt({ min: -(2n ** 63n), max: U64_MAX }),
  fc.constantFrom(U64_MAX, 2n ** 63n, 2n ** 63n - 1n, -(2n ** 63n), 5n),
);
const text = fc.string({ unit: "binary", maxLength: 40 });
const plain: fc.Arbitrary<Plain> = fc.letrec<{ value: Plain }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    fc.constantFrom(null, true, false),
    integers,
    text,
    fc.uint8Array({ maxLength: 40 }),
    fc.array(tie("value"), { maxLength: 20 }),
    fc.dictionary(
      text.filter((key) => key !== "__proto__"),
      tie("value"),
      { maxKeys: 20 },
    ),
  ),
})).value;

describe("pack", () => {
  test("writes the one form of every value, and unpack gives the value back", () => {
    fc.assert(
      fc.property(plain, (value) => {
        const bytes = pack(value);
        expect(toHex(bytes)).toBe(toHex(Uint8Array.from(naive(value))));
        expect(unpack(bytes)).toEqual(back(value));
      }),
      { numRuns: 500 },
    );
  });

  test("long texts, byte strings, lists and maps take the wider headers where they must", () => {
    for (const length of [31, 32, 255, 256, 65_535, 65_536]) {
      const values = ["é".repeat(length / 2), "x".repeat(length), new Uint8Array(length)];
      for (const value of values) expect(Buffer.from(pack(value)).equals(Uint8Array.from(naive(value)))).toBe(true);
      const [accented, ascii, bytes] = unpack(pack(values)) as [string, string, Uint8Array];
      expect([accented === values[0], ascii === values[1], bytes.length]).toEqual([true, true, length]);
    }
    for (const count of [15, 16, 5_000]) {
      const list = Array.from({ length: count }, (_, i) => i);
      const map = Object.fromEntries(list.map((i) => [`key ${i}`, i]));
      expect(Buffer.from(pack([list, map])).equals(Uint8Array.from(naive([list, map])))).toBe(true);
      expect(unpack(pack([list, map]))).toEqual([list, map]);
    }
  });

  test("what earlier calls gave stays as it was", () => {
    const packed = Array.from({ length: 2_000 }, (_, i) => pack([i, "some text to fill the buffer"]));
    packed.forEach((bytes, i) => {
      expect((unpack(bytes) as number[])[0]).toBe(i);
    });
  });

  test("a lone surrogate, which has no bytes, becomes U+FFFD", () => {
    expect(unpack(pack("a\ud800"))).toBe("a\ufffd");
    expect(unpack(pack(`\udfff${"long enough for another way ".repeat(5)}`))).toMatch(/^\ufffdlong/);
  });

  test.each([
    ["a fraction", 0.5],
    ["not a number", Number.NaN],
    ["infinity", Number.POSITIVE_INFINITY],
    ["an integer that is not exact", 2 ** 53],
    ["more than 64 bits", 2n ** 64n],
    ["less than 64 bits", -(2n ** 63n) - 1n],
    ["nothing", undefined],
    ["nothing in a field", { a: undefined }],
    ["a function", () => 1],
  ])("%s is a bug of the caller", (_name, value) => {
    expect(() => pack(value)).toThrow(InvariantError);
    expect(() => pack([[value]])).toThrow(InvariantError);
  });
});

const refused = (hex: string): string | undefined =>
  refusalOf(unpack, fromHex(hex.replaceAll(" ", "")) ?? new Uint8Array());

const nestedLists = (depth: number): string => `${"91".repeat(depth)}c0`;

const nestedMaps = (depth: number): string => `${"81a161".repeat(depth)}c0`;

const emptyMaps = (items: number): Uint8Array => {
  const bytes = new Uint8Array(5 + items).fill(0x80);
  bytes.set([0xdd, items >>> 24, (items >>> 16) & 0xff, (items >>> 8) & 0xff, items & 0xff]);
  return items <= 0xffff ? concatBytes([new Uint8Array([0xdc]), bytes.subarray(3)]) : bytes;
};

describe("unpack", () => {
  test.each([
    ["nothing at all", ""],
    ["bytes after the value", "c0 c0"],
    ["a list that ends early", "93 01 02"],
    ["a map that ends early", "82 a161 01 a162"],
    ["a text that ends early", "a3 6161"],
    ["an integer that ends early", "cd 01"],
    ["a length that ends early", "db 000000"],
    ["four thousand million values in five bytes", "dd ffffffff"],
    ["four thousand million fields in five bytes", "df ffffffff"],
    ["four thousand million bytes in five", "c6 ffffffff"],
    ["four thousand million characters in five bytes", "db ffffffff"],
    ["the reserved type", "c1"],
    ["an extension", "d4 00 00"],
    ["a long extension", "c7 01 05 00"],
    ["a timestamp", "d6 ff 00000000"],
    ["float 32", "ca 3f800000"],
    ["float 64", "cb 3ff0000000000000"],
    ["float 64 with a fraction", "cb 3ff8000000000000"],
    ["not a number", "cb 7ff8000000000000"],
    ["text that is not UTF-8", "a2 c328"],
    ["text with a surrogate", "a3 eda080"],
    ["text with an overlong character", "a2 c080"],
    ["a number as a key", "81 01 01"],
    ["bytes as a key", "81 c40161 01"],
    ["a key of more than 255 bytes", `81 da0100 ${"61".repeat(256)} 01`],
    ["a repeated key", "82 a161 01 a161 02"],
    ["the key __proto__", `81 a9 ${toHex(Buffer.from("__proto__"))} 80`],
  ])("%s is refused", (_name, hex) => {
    expect(refused(hex)).toBe("malformed_msgpack");
  });

  /** Every other form of values that have a shorter or another one: nobody can dress a value in other bytes. */
  test.each([
    ["0", "cc00", "cd0000", "ce00000000", "cf0000000000000000", "d000", "d10000", "d200000000", "d30000000000000000"],
    ["127", "cc7f", "cd007f", "ce0000007f", "cf000000000000007f", "d07f", "d1007f", "d20000007f", "d3000000000000007f"],
    ["128 and 255", "cd0080", "cd00ff", "ce00000080", "d10080", "d200000080", "d30000000000000080"],
    ["256 and 65535", "ce00000100", "ce0000ffff", "d10100", "d20000ffff", "d3000000000000ffff"],
    ["65536 and 2^32 - 1", "cf0000000000010000", "cf00000000ffffffff", "d200010000", "d300000000ffffffff"],
    ["2^32 and 2^63 - 1", "cf0000000100000000", "cf7fffffffffffffff"],
    ["-1 and -32", "d0ff", "d0e0", "d1ffff", "d1ffe0", "d2ffffffff", "d3ffffffffffffffff"],
    ["-33 and -128", "d1ffdf", "d1ff80", "d2ffffffdf", "d3ffffffffffffff80"],
    ["-129 and -32768", "d2ffffff7f", "d2ffff8000", "d3ffffffffffff8000"],
    ["-32769 and -2^31", "d3ffffffffffff7fff", "d3ffffffff80000000"],
    ["an empty text", "d900", "da0000", "db00000000"],
    ["a text of 31 and of 255 bytes", `d91f${"61".repeat(31)}`, `da00ff${"61".repeat(255)}`],
    ["a text of 65535 bytes", `db0000ffff${"61".repeat(65_535)}`],
    ["empty bytes and 255 of them", "c50000", "c600000000", `c500ff${"00".repeat(255)}`],
    ["65535 bytes", `c60000ffff${"00".repeat(65_535)}`],
    ["lists of 0 and of 15", "dc0000", "dd00000000", `dc000f${"c0".repeat(15)}`],
    ["an empty map", "de0000", "df00000000"],
    ["a map with a long key header", "81d90161c0"],
  ])("%s: only the shortest form is taken", (_name, ...forms) => {
    for (const form of forms) expect([form, refused(form)]).toEqual([form, "malformed_msgpack"]);
  });

  test("nesting has an end, in lists and in maps", () => {
    for (const nested of [nestedLists, nestedMaps]) {
      expect(refused(nested(8))).toBeUndefined();
      expect(refused(nested(9))).toBe("malformed_msgpack");
      expect(refused(nested(200_000))).toBe("malformed_msgpack");
    }
  });

  test("a message holds a bounded number of values, counted before they are built", () => {
    expect(refusalOf(unpack, emptyMaps(MESSAGE_VALUES_MAX - 1))).toBeUndefined();
    expect(refusalOf(unpack, emptyMaps(MESSAGE_VALUES_MAX))).toBe("malformed_msgpack");
    expect(refusalOf(unpack, emptyMaps(4_000_000))).toBe("malformed_msgpack");
    expect(refusalOf((bytes) => unpack(bytes, 3), pack([1, 2]))).toBeUndefined();
    expect(refusalOf((bytes) => unpack(bytes, 3), pack([1, 2, 3]))).toBe("malformed_msgpack");
  });

  test("a byte order mark is part of the text, at any length", () => {
    for (const length of [1, 30, 40, 100, 300]) {
      const value = `\ufeff${"é".repeat(length)}`;
      expect(unpack(pack([value, { [value.slice(0, 50)]: value }]))).toEqual([value, { [value.slice(0, 50)]: value }]);
    }
  });

  test("keys that mean something to JavaScript are plain fields", () => {
    const value = { constructor: 1, toString: 2, hasOwnProperty: 3 };
    expect(unpack(pack(value))).toEqual(value);
  });

  test("byte strings are views of the message: nothing is copied", () => {
    const message = pack([new Uint8Array([1, 2, 3])]);
    const [view] = unpack(message) as [Uint8Array];
    expect(view.buffer).toBe(message.buffer);
    expect([Object.getPrototypeOf(view) === Uint8Array.prototype, [...view]]).toEqual([true, [1, 2, 3]]);
  });
});

describeHostileBytes("MessagePack", {
  valid: [
    pack([1, "text", new Uint8Array(20), { a: -1, b: [true, null] }, 2n ** 40n]),
    pack({ name: "x", list: [-200, 70_000, U64_MAX], empty: {} }),
  ],
  decode: (bytes) => {
    const value = unpack(bytes);
    // JavaScript puts keys that look like integers first, so their order, which is the writer's, does not come back.
    fc.pre(!hasIntegerKey(value));
    return value;
  },
  encode: pack,
  codes: ["malformed_msgpack"],
});

function hasIntegerKey(value: unknown): boolean {
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return false;
  const keys = Array.isArray(value) ? [] : Object.keys(value);
  return keys.some((key) => /^\d+$/.test(key)) || Object.values(value).some(hasIntegerKey);
}

describe("msgpack-test-suite", () => {
  const path = dataPath("msgpack/msgpack-test-suite.json");
  type Case = Readonly<Record<string, unknown>> & { readonly msgpack: readonly string[] };

  /** The value of a case, where our form has it; undefined for floats, extensions and timestamps. */
  const valueIn = (entry: Case): Plain | undefined => {
    if ("timestamp" in entry || "ext" in entry) return undefined;
    if ("bignum" in entry) return BigInt(entry["bignum"] as string);
    if ("binary" in entry) return fromHex((entry["binary"] as string).replaceAll("-", ""));
    const key = ["nil", "bool", "number", "string", "array", "map"].find((name) => name in entry);
    const value = entry[key ?? ""] as Plain;
    return typeof value === "number" && !Number.isSafeInteger(value) ? undefined : value;
  };

  test("of the encodings listed for a value exactly ours is taken; what our form lacks is refused", (context) => {
    needsData(context, path);
    const groups = JSON.parse(readFileSync(path, "utf8")) as Readonly<Record<string, readonly Case[]>>;
    const cases = Object.values(groups).flat();
    expect(cases.length).toBeGreaterThan(80);
    const ours = new Set<string>();
    for (const entry of cases) {
      const value = valueIn(entry);
      const forms = entry.msgpack.map((form) => form.replaceAll("-", ""));
      const taken = forms.filter((form) => refusalOf(unpack, fromHex(form) ?? new Uint8Array()) === undefined);
      if (value === undefined) {
        expect(taken).toEqual([]);
        continue;
      }
      expect(taken).toEqual([toHex(pack(value))]);
      expect(unpack(fromHex(taken[0] ?? "") ?? new Uint8Array())).toEqual(back(value));
      ours.add(taken[0] ?? "");
    }
    expect(ours.size).toBeGreaterThan(40);
  });
});
