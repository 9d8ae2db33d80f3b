import { describe, expect, test } from "vitest";
import { BLOCK_BYTES_MAX, CHUNK_BYTES_MAX, FRAME_BYTES_MAX } from "../base/limits.ts";
import { describeHostileBytes, refusalOf } from "../wire/hostile.contract.ts";
import { pack } from "../wire/msgpack.ts";
import { type CatchUpFrame, decodeCatchUp, encodeCatchUp } from "./catch-up-frames.ts";
import {
  ANSWER_BYTES_MAX,
  BLOCKS_IN_ANSWER_MAX,
  decodeRepair,
  encodeRepair,
  type RepairFrame,
} from "./repair-frames.ts";

const HASH = new Uint8Array(32).fill(9);

const REPAIR: readonly RepairFrame[] = [
  { type: "want", question: 7, to: 2 ** 40, from: 1 },
  { type: "blocks", question: 7, to: 3, blocks: [Uint8Array.of(1, 2), new Uint8Array(0)] },
  { type: "blocks", question: 0xffff_ffff, to: 3, blocks: [] },
  { type: "wantEnd", question: 8 },
  { type: "end", question: 8, term: 4, index: 5, hash: HASH },
  { type: "noEnd", question: 8, mending: true },
];

const CATCH_UP: readonly CatchUpFrame[] = [
  { type: "ask", atLeast: 5 },
  { type: "offer", height: 9, digest: HASH, components: [{ name: "a", pages: 3 }] },
  { type: "refuse", height: 0 },
  { type: "fetch", height: 9, component: 0, page: 2, offset: 100 },
  { type: "chunk", height: 9, component: 0, page: 2, offset: 100, total: 200, bytes: Uint8Array.of(1, 2, 3) },
  { type: "gone", height: 9 },
  { type: "vouch", height: 9 },
  { type: "vouched", height: 9, standing: HASH },
  { type: "vouched", height: 9, standing: "behind" },
  { type: "vouched", height: 9, standing: "passed" },
  { type: "vouched", height: 9, standing: "lacking" },
  { type: "vouched", height: 2 ** 40, standing: "waiting" },
];

describeHostileBytes("a frame of the repair lane", {
  valid: REPAIR.map(encodeRepair),
  ...{ decode: decodeRepair, encode: encodeRepair },
  codes: ["malformed_frame", "malformed_msgpack"],
});

describeHostileBytes("a frame of the catch-up lane", {
  valid: CATCH_UP.map(encodeCatchUp),
  ...{ decode: decodeCatchUp, encode: encodeCatchUp },
  codes: ["malformed_frame", "malformed_msgpack"],
});

describe("frames of both lanes", () => {
  test("come back as they were", () => {
    expect(REPAIR.map((frame) => decodeRepair(encodeRepair(frame)))).toEqual(REPAIR);
    expect(CATCH_UP.map((frame) => decodeCatchUp(encodeCatchUp(frame)))).toEqual(CATCH_UP);
  });

  test("say how a node stands to a checkpoint by a root or by one of four words, and by nothing else", () => {
    for (const standing of [HASH.subarray(1), new Uint8Array(33), "the same", "unheard", "silent", 1, true, []]) {
      expect(refusalOf(decodeCatchUp, pack(["vouched", 9, standing]))).toBe("malformed_frame");
    }
    expect(refusalOf(decodeCatchUp, pack(["vouched", 9]))).toBe("malformed_frame");
    expect(refusalOf(decodeCatchUp, pack(["vouch", 9, "behind"]))).toBe("malformed_frame");
  });

  test("fit in a frame of the network at their largest, and hold no more than their bounds", () => {
    const blocks = [new Uint8Array(BLOCK_BYTES_MAX + 256)];
    expect(encodeRepair({ type: "blocks", question: 1, to: 1, blocks }).length).toBeLessThan(FRAME_BYTES_MAX);
    expect(ANSWER_BYTES_MAX + BLOCKS_IN_ANSWER_MAX * 8).toBeLessThan(FRAME_BYTES_MAX);
    const many = Array.from({ length: BLOCKS_IN_ANSWER_MAX + 1 }, () => new Uint8Array(1));
    expect(refusalOf(decodeRepair, pack(["blocks", 1, 1, many]))).toBe("malformed_frame");
    const chunk = pack(["chunk", 9, 0, 0, 0, CHUNK_BYTES_MAX + 1, new Uint8Array(CHUNK_BYTES_MAX + 1), 0]);
    expect(refusalOf(decodeCatchUp, chunk)).toBe("malformed_frame");
  });
});
