import { describe, expect, test } from "vitest";
import { sha256 } from "../../sim/virtual-crypto.ts";
import { encodeBlock } from "../wire/block.ts";
import { encodeClientFrame } from "../wire/client-frames.ts";
import { THREE_VOTERS } from "../wire/configuration.test-support.ts";
import { encodeTransaction } from "../wire/transaction.ts";
import { U64_MAX } from "./bytes.ts";
import * as limits from "./limits.ts";

const COSIGNATURES = Array.from({ length: limits.AUTHORITY_KEYS_MAX - 1 }, () => {
  return { publicKey: new Uint8Array(32), signature: new Uint8Array(64) };
});

/** The largest bulk transaction there can be. */
const FULL_BATCH = encodeTransaction({
  ...{ group: 0, kind: 0xffff, session: new Uint8Array(16), sequence: Number.MAX_SAFE_INTEGER, expiry: U64_MAX },
  ...{ publicKey: new Uint8Array(32), signature: new Uint8Array(64), cosignatures: COSIGNATURES },
  body: new Uint8Array(limits.BATCH_RECORDS_MAX * limits.RECORD_BYTES),
});

describe("limits", () => {
  test("all are positive whole numbers", () => {
    for (const [name, value] of Object.entries(limits)) {
      expect(typeof value === "bigint" ? value > 0n : Number.isSafeInteger(value) && value > 0, name).toBe(true);
    }
  });

  test("a full batch fits in a transaction, with its envelope", () => {
    expect(FULL_BATCH.length).toBeLessThanOrEqual(limits.TRANSACTION_BYTES_MAX);
  });

  test("the largest transaction fits in a client's frame, and with its block in a peer's", () => {
    const largest = new Uint8Array(limits.TRANSACTION_BYTES_MAX);
    const frame = encodeClientFrame({ type: "submit", request: 0xffff_ffff, transaction: largest });
    expect(frame.length).toBeLessThanOrEqual(limits.FRAME_BYTES_MAX);
    const block = encodeBlock(sha256, {
      configuration: THREE_VOTERS,
      ...{
        group: 0,
        height: 1,
        term: 1,
        timestamp: 1n,
        clusterId: new Uint8Array(16),
        previousHash: new Uint8Array(32),
        state: { height: 0, digest: new Uint8Array(32) },
      },
      transactions: [largest],
    });
    expect(block.bytes.length).toBeLessThanOrEqual(limits.BLOCK_BYTES_MAX);
    expect(1 + block.bytes.length + 1_024).toBeLessThanOrEqual(limits.FRAME_BYTES_MAX);
  });
});
