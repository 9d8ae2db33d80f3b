import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { concatBytes } from "../base/bytes.ts";
import { BLOCK_BYTES_MAX, BLOCK_TRANSACTIONS_MAX, TRANSACTION_BYTES_MAX } from "../base/limits.ts";
import { describeHostileBytes, refusalOf } from "../wire/hostile.contract.ts";
import { pack } from "../wire/msgpack.ts";
import { decodeForwardFrame, encodeForwardFrame, type ForwardFrame, inFrames } from "./forward-frames.ts";

const FRAMES: readonly ForwardFrame[] = [
  { type: "submit", transactions: [new Uint8Array([1, 2, 3])] },
  { type: "submit", transactions: [300, 1, 17].map((length) => new Uint8Array(length).fill(length)) },
  { type: "submit", transactions: Array.from({ length: 40 }, (_, i) => new Uint8Array([i])) },
  ...(["busy", "disk_full", "no_leader", "not_leader"] as const).map((code) => ({
    ...{ type: "refused" as const, hash: new Uint8Array(32).fill(7), code },
  })),
];

function encoded(frame: ForwardFrame): Uint8Array {
  return concatBytes(encodeForwardFrame(frame));
}

describe("forward frames", () => {
  test("come back", () => {
    for (const frame of FRAMES) expect(decodeForwardFrame(encoded(frame))).toEqual(frame);
  });

  test("what is submitted is cut into frames in order, none of more than a block", () => {
    const size = fc.oneof(
      fc.integer({ min: 1, max: 300 }),
      fc.constantFrom(BLOCK_BYTES_MAX, BLOCK_BYTES_MAX / 2, 400_000),
    );
    fc.assert(
      fc.property(fc.array(size), fc.integer({ min: 0, max: 5_000 }), (sizes, small) => {
        const transactions = [...sizes, ...Array.from({ length: small }, () => 1)].map(
          (length) => new Uint8Array(length),
        );
        const frames = inFrames(transactions);
        expect(frames.flat().every((transaction, index) => transaction === transactions[index])).toBe(true);
        expect(frames.flat().length).toBe(transactions.length);
        for (const frame of frames) {
          const bytes = frame.reduce((sum, { length }) => sum + length, 0);
          expect(frame.length).toBeGreaterThan(0);
          expect(frame.length).toBeLessThanOrEqual(BLOCK_TRANSACTIONS_MAX);
          expect(frame.length === 1 || bytes <= BLOCK_BYTES_MAX).toBe(true);
        }
      }),
      { numRuns: 30 },
    );
  });

  test.each<readonly [string, unknown]>([
    ["no list", 1],
    ["an empty list", []],
    ["another type", [3, new Uint8Array(5)]],
    ["no transaction", [1]],
    ["an empty transaction", [1, new Uint8Array(0)]],
    ["an empty transaction among others", [1, new Uint8Array(1), new Uint8Array(0)]],
    ["too many transactions", [1, ...Array.from({ length: BLOCK_TRANSACTIONS_MAX + 1 }, () => new Uint8Array(1))]],
    ["a transaction that is too large", [1, new Uint8Array(TRANSACTION_BYTES_MAX + 1)]],
    ["a short hash", [2, new Uint8Array(31), "busy"]],
    ["a code of the state machine", [2, new Uint8Array(32), "expired"]],
    ["no code", [2, new Uint8Array(32)]],
  ])("%s is refused", (_name, value) => {
    expect(refusalOf(decodeForwardFrame, pack(value))).toBe("malformed_frame");
  });
});

describeHostileBytes("forward frames", {
  valid: FRAMES.map(encoded),
  decode: decodeForwardFrame,
  encode: encoded,
  codes: ["malformed_msgpack", "malformed_frame"],
});
