import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { toHex, U64_MAX } from "../base/bytes.ts";
import {
  type ClientFrame,
  decodeClientFrame,
  decodeNodeFrame,
  encodeClientFrame,
  encodeNodeFrame,
  helloDigest,
  type NodeFrame,
} from "./client-frames.ts";
import { describeHostileBytes, refusalOf } from "./hostile.contract.ts";
import { pack, unpack } from "./msgpack.ts";

const fixed = (length: number) => fc.uint8Array({ minLength: length, maxLength: length });
const some = fc.uint8Array({ maxLength: 50 });
const request = fc.integer({ min: 0, max: 0xffff_ffff });
const node = fc.integer({ min: 1, max: 9 });
const clientFrames: fc.Arbitrary<ClientFrame> = fc.oneof(
  fc.record({ type: fc.constant("hello" as const), clusterId: fixed(16), publicKey: fixed(32), signature: fixed(64) }),
  fc.record({ type: fc.constant("submit" as const), request, transaction: some }),
  fc.record({
    ...{ type: fc.constant("query" as const), request, query: some },
    consistency: fc.oneof(
      fc.constantFrom("linearizable" as const, "local" as const),
      fc.record({ maxStalenessMs: fc.integer({ min: 0, max: 0xffff_ffff }) }),
    ),
  }),
);
const nodeFrames: fc.Arbitrary<NodeFrame> = fc.oneof(
  fc.record({ type: fc.constant("challenge" as const), clusterId: fixed(16), node, nonce: fixed(32) }),
  fc.record({ type: fc.constant("welcome" as const), node, logTime: fc.bigInt({ min: 0n, max: U64_MAX }) }),
  fc.record({ type: fc.constant("receipt" as const), request, receipt: some }),
  fc.record({ type: fc.constant("answer" as const), request, answer: some }),
  fc.record({
    ...{ type: fc.constant("error" as const), request },
    ...{ code: fc.string({ maxLength: 64 }), message: fc.string({ maxLength: 1_024 }) },
  }),
);

test("client frames come back", () => {
  fc.assert(
    fc.property(clientFrames, (frame) => {
      expect(decodeClientFrame(encodeClientFrame(frame))).toEqual(frame);
    }),
  );
});

test("node frames come back", () => {
  fc.assert(
    fc.property(nodeFrames, (frame) => {
      expect(decodeNodeFrame(encodeNodeFrame(frame))).toEqual(frame);
    }),
  );
});

describe("refused", () => {
  const hello = [1, 1, new Uint8Array(16), new Uint8Array(32), new Uint8Array(64)];

  test.each<readonly [string, unknown]>([
    ["no list", { 0: 1 }],
    ["an empty list", []],
    ["a frame of no type", [9, 1, new Uint8Array(0)]],
    ["a node's frame", [101, 1, new Uint8Array(16), 1, new Uint8Array(32)]],
    ["a type as text", ["hello"]],
    ["another protocol version", hello.with(1, 2)],
    ["a short cluster id", hello.with(2, new Uint8Array(15))],
    ["a short key", hello.with(3, new Uint8Array(31))],
    ["a long signature", hello.with(4, new Uint8Array(65))],
    ["a hello with more", [...hello, 0]],
    ["a negative request", [2, -1, new Uint8Array(1)]],
    ["a request beyond 32 bits", [2, 2 ** 32, new Uint8Array(1)]],
    ["a transaction as text", [2, 1, "text"]],
    ["another consistency", [3, 1, "eventual", new Uint8Array(1)]],
    ["a query without consistency", [3, 1, new Uint8Array(1)]],
  ])("from a client: %s", (_name, value) => {
    expect(refusalOf(decodeClientFrame, pack(value))).toBe("malformed_frame");
  });

  test.each<readonly [string, unknown]>([
    ["a client's frame", hello],
    ["a node that cannot be", [102, 0, 5n]],
    ["a node with an id that none can have", [101, 1, new Uint8Array(16), 256, new Uint8Array(32)]],
    ["a log time below zero", [102, 1, -5]],
    ["an error code that is too long", [105, 1, "x".repeat(65), ""]],
  ])("from a node: %s", (_name, value) => {
    expect(refusalOf(decodeNodeFrame, pack(value))).toBe("malformed_frame");
  });
});

test("an error's text is cut to what a frame may carry, wherever the cut falls", () => {
  for (const message of ["x".repeat(5_000), "💶".repeat(3_000), `a${"💶".repeat(3_000)}`]) {
    const frame = decodeNodeFrame(encodeNodeFrame({ type: "error", request: 1, code: "internal", message }));
    const text = frame.type === "error" ? frame.message : "";
    expect(text).toHaveLength(1_024);
    expect(message.startsWith(text.slice(0, 1_023))).toBe(true);
  }
});

test("a hello is signed for one cluster, one node, one connection and one key", () => {
  const base = { clusterId: new Uint8Array(16), node: 1, nonce: new Uint8Array(32), publicKey: new Uint8Array(32) };
  const described = createHash("sha256")
    .update("quorate.hello.v1\0")
    .update(base.clusterId)
    .update(new Uint8Array([1]));
  expect(toHex(helloDigest(sha256, base))).toBe(described.update(base.nonce).update(base.publicKey).digest("hex"));
  const others = [
    { ...base, clusterId: new Uint8Array(16).fill(1) },
    { ...base, node: 2 },
    { ...base, nonce: new Uint8Array(32).fill(1) },
    { ...base, publicKey: new Uint8Array(32).fill(1) },
  ];
  expect(new Set([base, ...others].map((hello) => toHex(helloDigest(sha256, hello)))).size).toBe(5);
});

const typeOf = (bytes: Uint8Array): unknown => (unpack(bytes) as unknown[])[0];

test("numbers of frames never change", () => {
  const [clients, nodes] = [samples(clientFrames, 3), samples(nodeFrames, 5)];
  const numbers = [
    ...clients.map((frame) => [frame.type, typeOf(encodeClientFrame(frame))]),
    ...nodes.map((frame) => [frame.type, typeOf(encodeNodeFrame(frame))]),
  ];
  expect(Object.fromEntries(numbers)).toEqual({
    ...{ hello: 1, submit: 2, query: 3, challenge: 101, welcome: 102, receipt: 103, answer: 104, error: 105 },
  });
});

/** One frame of each type. */
function samples<T extends { readonly type: string }>(frames: fc.Arbitrary<T>, types: number): readonly T[] {
  const byType = new Map(fc.sample(frames, { numRuns: 200, seed: 3 }).map((frame) => [frame.type, frame]));
  expect(byType.size).toBe(types);
  return [...byType.values()];
}

const CODES = ["malformed_msgpack", "malformed_frame"];
describeHostileBytes("frames of clients", {
  valid: samples(clientFrames, 3).map(encodeClientFrame),
  decode: decodeClientFrame,
  encode: encodeClientFrame,
  codes: CODES,
});
describeHostileBytes("frames of nodes", {
  valid: samples(nodeFrames, 5).map(encodeNodeFrame),
  decode: decodeNodeFrame,
  encode: encodeNodeFrame,
  codes: CODES,
});
