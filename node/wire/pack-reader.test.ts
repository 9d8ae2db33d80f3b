import fc from "fast-check";
import { expect, test } from "vitest";
import { pack, unpack, WireError } from "./msgpack.ts";
import { unpacking } from "./pack-reader.ts";
import { bytesBetween, check, integer, tuple, u64 } from "./schema.ts";

const schema = tuple(integer(0, 300), integer(0, Number.MAX_SAFE_INTEGER), u64, bytesBetween(2, 400));

function bySchema(encoded: Uint8Array): readonly unknown[] | undefined {
  try {
    return check(schema, unpack(encoded), "malformed_frame");
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

function byReader(encoded: Uint8Array): readonly unknown[] | undefined {
  const from = unpacking(encoded);
  from.listOf(4);
  const values = [from.integer(300), from.integer(Number.MAX_SAFE_INTEGER), from.unsigned64(), from.bytes(2, 400)];
  return from.end() ? values : undefined;
}

const values = fc.tuple(
  fc.integer({ min: 0, max: 310 }),
  fc.oneof(fc.maxSafeNat(), fc.nat({ max: 70_000 })),
  fc.oneof(fc.bigInt({ min: 0n, max: 2n ** 63n - 1n }), fc.nat({ max: 70_000 }).map(BigInt)),
  fc.oneof(
    fc.uint8Array({ maxLength: 4 }),
    fc.constantFrom(255, 256, 400, 401).map((length) => new Uint8Array(length)),
  ),
);

test("takes what `unpack` and a schema take, with the same values, whatever byte is changed, cut or added", () => {
  const change = fc.record({
    at: fc.nat({ max: 40 }),
    to: fc.nat({ max: 255 }),
    cut: fc.nat({ max: 3 }),
    more: fc.nat({ max: 1 }),
  });
  fc.assert(
    fc.property(values, fc.option(change), (list, changed) => {
      let encoded = pack(list);
      if (changed !== null) {
        const { at, to, cut, more } = changed;
        encoded = new Uint8Array([...encoded.slice(0, encoded.length - cut), ...new Uint8Array(more)]);
        if (at < encoded.length) encoded[at] = to;
      }
      const read = byReader(encoded);
      const expected = bySchema(encoded);
      // It leaves to the others what is rare, and takes nothing that they refuse.
      if (read !== undefined || changed === null) expect(read).toEqual(expected);
    }),
    { numRuns: 2_000 },
  );
});

test("every other form of a value is refused", () => {
  const forms = (list: readonly number[]): boolean => byReader(Uint8Array.from(list)) !== undefined;
  const rest = [0x05, 0x05, 0xc4, 2, 1, 2];
  expect(forms([0x94, 0x01, ...rest])).toBe(true);
  for (const one of [
    [0xcc, 1],
    [0xcd, 0, 200],
    [0xce, 0, 0, 1, 1],
    [0xd3, 0, 0, 0, 0, 0, 0, 0, 1],
    [0xcf, 0, 0, 0, 0, 0, 0, 0, 1],
    [0xd0, 1],
    [0xca, 0, 0, 0, 0],
    [0xc3],
  ]) {
    expect(forms([0x94, ...one, ...rest])).toBe(false);
  }
  expect(forms([0xdc, 0, 4, 0x01, ...rest])).toBe(false);
  expect(forms([0x94, 0x01, 0x05, 0x05, 0xc5, 0, 2, 1, 2])).toBe(false);
  expect(forms([0x94, 0x01, 0x05, 0xd3, 0, 0, 0, 0, 1, 0, 0, 0, 0xc4, 2, 1, 2])).toBe(false);
});
