import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { equalBytes, U64_MAX } from "../base/bytes.ts";
import { pack } from "./msgpack.ts";
import { unpacking } from "./pack-reader.ts";
import { packing } from "./pack-writer.ts";

/** About every width that an integer may have. */
const edges = [0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER];
const near = fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -1, max: 0 })).map(([edge, by]) => edge + by);
const integers = fc.oneof(fc.maxSafeNat(), near);
const wide = fc.oneof(fc.bigInt({ min: 0n, max: U64_MAX }), integers.map(BigInt), fc.constant(2n ** 63n));
const lengths = fc.constantFrom(0, 1, 32, 255, 256, 65_535, 65_536, 200_000);

const value = (i: number): Uint8Array => new Uint8Array(i * 20).fill(i);

describe("what is written field by field", () => {
  test("is what `pack` makes of the values, and is read again", () => {
    fc.assert(
      fc.property(integers, wide, lengths, fc.nat({ max: 15 }), (integer, big, length, count) => {
        const bytes = new Uint8Array(length).fill(count);
        const to = packing().list(4).integer(integer).unsigned64(big).bytes(bytes).list(count);
        for (let i = 0; i < count; i++) to.integer(i);
        const written = to.finish();
        const list = Array.from({ length: count }, (_, i) => i);
        expect(equalBytes(written, pack([integer, big, bytes, list]))).toBe(true);
        const from = unpacking(written);
        from.listOf(4);
        expect(from.integer(Number.MAX_SAFE_INTEGER)).toBe(integer);
        const isRead = big < 2n ** 63n;
        if (isRead) expect(from.unsigned64()).toBe(big);
        else from.unsigned64();
        if (!isRead) return;
        expect(equalBytes(from.bytes(length), bytes)).toBe(true);
        expect(from.list(15)).toBe(count);
        for (let i = 0; i < count; i++) expect(from.integer(14)).toBe(i);
        expect(from.end()).toBe(true);
      }),
    );
  });

  test("may be a long list, and a map", () => {
    const long = packing().list(300);
    for (let i = 0; i < 300; i++) long.integer(i);
    expect(long.finish()).toEqual(pack(Array.from({ length: 300 }, (_, i) => i)));
    expect(packing().map(1).encoded(pack("a")).integer(7).finish()).toEqual(pack({ a: 7 }));
  });

  test("what was written before is not written over, also where bytes come last", () => {
    const places = Array.from({ length: 300 }, (_, i) => i);
    const alone = places.map((i) => packing().bytes(value(i)).finish());
    const last = places.map((i) => packing().list(2).integer(i).finishWith(value(i)));
    for (const [i, bytes] of alone.entries()) expect(equalBytes(bytes, pack(value(i)))).toBe(true);
    for (const [i, bytes] of last.entries()) expect(equalBytes(bytes, pack([i, value(i)]))).toBe(true);
  });

  test("an encoding that was not finished leaves nothing behind", () => {
    packing().list(3).integer(1);
    expect(packing().integer(5).finish()).toEqual(pack(5));
  });
});
