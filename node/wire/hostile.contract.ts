/**
 * What every decoder owes to hostile bytes: a typed error or a value, never another exception, and for each value one
 * encoding only, unless it passes over fields that are not known yet.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";

export interface DecoderUnderTest<T> {
  /** Encodings that are in order, one a shape at least. */
  readonly valid: readonly Uint8Array[];
  readonly decode: (bytes: Uint8Array) => T;
  /** Gives back what `decode` took. */
  readonly encode: (value: T) => Uint8Array;
  /** Codes it may refuse with. */
  readonly codes: readonly string[];
  /** Whether bytes may be missing at the end, or others follow: for bodies whose length nobody announces. */
  readonly openEnded?: boolean;
  /** Whether fields of later versions are passed over: then what is taken may have more than one encoding. */
  readonly passesOver?: boolean;
}

/** Valid bytes with something done to them. */
function mutated(valid: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> {
  const fraction = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const change = fc.oneof(
    fc.record({ at: fraction, set: fc.integer({ min: 0, max: 255 }) }),
    fc.record({ at: fraction, flip: fc.nat(7) }),
    fc.record({ at: fraction, cut: fc.integer({ min: 1, max: 40 }) }),
    fc.record({ at: fraction, insert: fc.uint8Array({ minLength: 1, maxLength: 10 }) }),
    fc.record({ at: fraction, repeat: fc.integer({ min: 1, max: 40 }) }),
  );
  return fc
    .tuple(fc.constantFrom(...valid), fc.array(change, { minLength: 1, maxLength: 4 }))
    .map(([start, changes]) => changes.reduce<Uint8Array>(changed, start.slice()));
}

type Change = { readonly at: number } & (
  | { readonly set: number }
  | { readonly flip: number }
  | { readonly cut: number }
  | { readonly insert: Uint8Array }
  | { readonly repeat: number }
);

function changed(bytes: Uint8Array, change: Change): Uint8Array {
  const at = Math.floor(change.at * bytes.length);
  if ("cut" in change) return concatBytes([bytes.subarray(0, at), bytes.subarray(at + change.cut)]);
  if ("insert" in change) return concatBytes([bytes.subarray(0, at), change.insert, bytes.subarray(at)]);
  if ("repeat" in change) return concatBytes([bytes.subarray(0, at + change.repeat), bytes.subarray(at)]);
  const copy = bytes.slice();
  if (copy.length > 0) copy[at] = "set" in change ? change.set : (copy[at] as number) ^ (1 << change.flip);
  return copy;
}

/** The code that `bytes` are refused with; undefined where they are taken. Anything else than a coded error escapes. */
export function refusalOf(decode: (bytes: Uint8Array) => unknown, bytes: Uint8Array): string | undefined {
  try {
    decode(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof CodedError) return error.code;
    throw error;
  }
}

/** The suite; `name` says whose it is. */
export function describeHostileBytes<T>(name: string, decoder: DecoderUnderTest<T>): void {
  const { valid, decode, encode, codes, openEnded = false, passesOver = false } = decoder;
  /** Refused with one of the codes, or taken and then the only encoding of its value. */
  const judge = (bytes: Uint8Array): void => {
    const refusal = refusalOf(decode, bytes);
    if (refusal !== undefined) expect(codes).toContain(refusal);
    else if (passesOver) expect(decode(encode(decode(bytes)))).toEqual(decode(bytes));
    else expect(Buffer.from(encode(decode(bytes))).toString("hex")).toBe(Buffer.from(bytes).toString("hex"));
  };

  describe(`hostile bytes: ${name}`, () => {
    test("what is in order is taken, and comes back as it was", () => {
      for (const bytes of valid) expect(encode(decode(bytes))).toEqual(bytes);
    });

    test("random bytes get a typed error", () => {
      fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), judge), { numRuns: 150 });
    });

    test("changed bytes get a typed error, or are another value in its only form", () => {
      fc.assert(fc.property(mutated(valid), judge), { numRuns: 300 });
    });

    test("no bytes may be missing and none may follow", () => {
      if (openEnded) return;
      for (const bytes of valid) {
        for (let length = 0; length < bytes.length; length += Math.ceil(bytes.length / 300)) {
          expect(codes).toContain(refusalOf(decode, bytes.subarray(0, length)));
        }
        for (const more of [0, 0xc0, 0xff]) {
          expect(codes).toContain(refusalOf(decode, concatBytes([bytes, new Uint8Array([more])])));
        }
      }
    });
  });
}
