/**
 * The three verifiers say the same of signatures that nobody makes by the book: with points of small order, alone or added
 * to an ordinary one, and with second encodings. The points are made by @noble's arithmetic.
 */
import { ed25519 } from "@noble/curves/ed25519.js";
import { bytesToNumberLE, numberToBytesLE } from "@noble/curves/utils.js";
import { sha512 } from "@noble/hashes/sha2.js";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes, utf8 } from "../base/bytes.ts";
import type { VerifyJob } from "../base/ports/crypto.ts";
import { keyFromSeed } from "./keys.ts";
import { unanimous, verdictsOf } from "./verifiers.test-support.ts";

const { Point } = ed25519;
const ORDER = Point.Fn.ORDER;
const PRIME = Point.Fp.ORDER;
const SIGN_OF_X = 1n << 255n;

/** The eight points of small order, place `i` being `i` times a point of order 8. */
const torsion = (() => {
  const eighth = Point.fromHex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a");
  const points = [Point.ZERO];
  while (points.length < 8) points.push((points.at(-1) ?? Point.ZERO).add(eighth));
  return points;
})();

/** All encodings of points of small order, also those that are not canonical. */
const smallOrder = [
  ...torsion.map((point) => bytesToNumberLE(point.toBytes())),
  ...[1n, PRIME - 1n].map((y) => y + SIGN_OF_X),
  ...[PRIME, PRIME + 1n].flatMap((y) => [y, y + SIGN_OF_X]),
].map((y) => numberToBytesLE(y, 32));

function times(scalar: bigint): InstanceType<typeof Point> {
  return Point.BASE.multiplyUnsafe(scalar);
}

function challenge(r: Uint8Array, publicKey: Uint8Array, message: Uint8Array): bigint {
  return bytesToNumberLE(sha512(concatBytes([r, publicKey, message]))) % ORDER;
}

/** A signature for the key `aB + T` with `R = rB + T'`: what would be good but for the points of small order. */
function forged(a: bigint, ofKey: number, r: bigint, ofR: number, message: Uint8Array): VerifyJob & { k: bigint } {
  const publicKey = times(a).add(at(ofKey)).toBytes();
  const point = times(r).add(at(ofR)).toBytes();
  const k = challenge(point, publicKey, message);
  const s = (r + k * a) % ORDER;
  return { publicKey, message, signature: concatBytes([point, numberToBytesLE(s, 32)]), k };
}

function at(place: number): InstanceType<typeof Point> {
  return torsion[place] ?? expect.unreachable(`${place} of 8`);
}

describe("the three verifiers agree", () => {
  test("the points of small order are those, and no more", () => {
    expect(new Set(torsion.map((point) => point.toHex())).size).toBe(8);
    expect(torsion.every((point) => point.isSmallOrder())).toBe(true);
  });

  test("on every point of small order added to a key, to R or to both: good is what solves the equation itself", async () => {
    const [a, r] = [0x1234_5678_9abcn, 0xcba9_8765_4321n];
    const places = [0, 1, 2, 3, 4, 5, 6, 7];
    const pairs = places.flatMap((ofKey) => places.map((ofR) => [ofKey, ofR] as const));
    const cases = pairs.map(([ofKey, ofR]) => {
      const job = forged(a, ofKey, r, ofR, utf8("pay 100"));
      return { ofKey, job, valid: (BigInt(ofR) + job.k * BigInt(ofKey)) % 8n === 0n };
    });
    expect(await verdictsOf(cases.map(({ job }) => job))).toEqual(cases.map(({ valid }) => unanimous(valid)));
    // Such a key is good where the hash happens to be a multiple of its order, or R makes up for it.
    expect(cases.some(({ ofKey, valid }) => ofKey > 0 && valid)).toBe(true);
  });

  test.each([
    ["R", 0x1234n, 0n],
    ["a key", 0n, 0x4321n],
    ["a key and R", 0n, 0n],
  ])("that %s of small order is never good, whatever the message", async (_, a, r) => {
    const jobs = torsion.flatMap((_point, ofKey) => {
      return torsion.map((_other, ofR) => forged(a, ofKey, r, ofR, new Uint8Array([ofKey, ofR])));
    });
    expect(await verdictsOf(jobs)).toEqual(jobs.map(() => unanimous(false)));
  });

  test("that no encoding of a point of small order is a key, canonical or not", async () => {
    const message = utf8("any message");
    const scalar = new Uint8Array(32);
    const jobs = smallOrder.flatMap((publicKey) => {
      return smallOrder.map((r) => ({ publicKey, message, signature: concatBytes([r, scalar]) }));
    });
    expect(await verdictsOf(jobs)).toEqual(jobs.map(() => unanimous(false)));
  });

  test("on whatever is done to a good signature", async () => {
    const bit = fc.record({
      field: fc.constantFrom("publicKey" as const, "message" as const, "signature" as const),
      bit: fc.nat(32 * 8 - 1),
    });
    const change = fc.oneof(
      fc.constant(undefined),
      bit,
      fc.record({ scalar: fc.constantFrom(1n, ORDER, 2n * ORDER, 8n * ORDER) }),
      fc.record({ r: fc.constantFrom(...smallOrder) }),
      fc.record({ key: fc.oneof(fc.constantFrom(...smallOrder), bytes32()) }),
    );
    const message = fc.uint8Array({ minLength: 32, maxLength: 100 });
    await fc.assert(
      fc.asyncProperty(bytes32(), message, change, async (seed, text, how) => {
        const key = keyFromSeed(seed);
        const good = { publicKey: key.publicKey, message: text, signature: key.sign(text) };
        const job = how === undefined ? good : changed(good, how);
        expect(await verdictsOf([job])).toEqual([unanimous(how === undefined)]);
      }),
      { numRuns: 300 },
    );
  });
});

type Change =
  | { readonly field: keyof VerifyJob; readonly bit: number }
  | { readonly scalar: bigint }
  | { readonly r: Uint8Array }
  | { readonly key: Uint8Array };

function bytes32(): fc.Arbitrary<Uint8Array> {
  return fc.uint8Array({ minLength: 32, maxLength: 32 });
}

function changed(job: VerifyJob, change: Change): VerifyJob {
  const [r, s] = [job.signature.subarray(0, 32), job.signature.subarray(32)];
  if ("key" in change) return { ...job, publicKey: change.key };
  if ("r" in change) return { ...job, signature: concatBytes([change.r, s]) };
  if ("scalar" in change) {
    const scalar = numberToBytesLE(bytesToNumberLE(s) + change.scalar, 32);
    return { ...job, signature: concatBytes([r, scalar]) };
  }
  const bytes = job[change.field].slice();
  bytes[change.bit >> 3] = (bytes[change.bit >> 3] as number) ^ (1 << (change.bit & 7));
  return { ...job, [change.field]: bytes };
}
