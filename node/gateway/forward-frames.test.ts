import { describe, expect, test } from "vitest";
import { TRANSACTION_BYTES_MAX } from "../base/limits.ts";
import { describeHostileBytes, refusalOf } from "../wire/hostile.contract.ts";
import { pack } from "../wire/msgpack.ts";
import { decodeForwardFrame, encodeForwardFrame, type ForwardFrame } from "./forward-frames.ts";

const FRAMES: readonly ForwardFrame[] = [
  { type: "submit", transaction: new Uint8Array([1, 2, 3]) },
  ...(["busy", "no_leader", "not_leader"] as const).map((code) => ({
    ...{ type: "refused" as const, hash: new Uint8Array(32).fill(7), code },
  })),
];

describe("forward frames", () => {
  test("come back", () => {
    for (const frame of FRAMES) expect(decodeForwardFrame(encodeForwardFrame(frame))).toEqual(frame);
  });

  test.each<readonly [string, unknown]>([
    ["no list", 1],
    ["an empty list", []],
    ["another type", [3, new Uint8Array(5)]],
    ["an empty transaction", [1, new Uint8Array(0)]],
    ["a transaction that is too large", [1, new Uint8Array(TRANSACTION_BYTES_MAX + 1)]],
    ["a short hash", [2, new Uint8Array(31), "busy"]],
    ["a code of the state machine", [2, new Uint8Array(32), "expired"]],
    ["no code", [2, new Uint8Array(32)]],
  ])("%s is refused", (_name, value) => {
    expect(refusalOf(decodeForwardFrame, pack(value))).toBe("malformed_frame");
  });
});

describeHostileBytes("forward frames", {
  valid: FRAMES.map(encodeForwardFrame),
  decode: decodeForwardFrame,
  encode: encodeForwardFrame,
  codes: ["malformed_msgpack", "malformed_frame"],
});
