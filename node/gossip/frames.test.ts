import fc from "fast-check";
import { expect, test } from "vitest";
import { CodedError } from "../base/errors.ts";
import { NODE_ID_MAX } from "../base/limits.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { decodeGossip, encodeGossip, type GossipFrame, INCARNATION_MAX, MEMBER_STATES } from "./frames.ts";

const bytes = (length: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ minLength: length, maxLength: length });
const node = fc.integer({ min: 1, max: NODE_ID_MAX });
const height = fc.oneof(fc.nat({ max: 300 }), fc.maxSafeNat());
const frames: fc.Arbitrary<GossipFrame> = fc.record({
  type: fc.constantFrom("ping", "pingRequest", "ack"),
  sequence: height,
  subject: node,
  rumours: fc.array(
    fc.record({
      member: node,
      state: fc.constantFrom(...MEMBER_STATES),
      incarnation: fc.integer({ min: 0, max: INCARNATION_MAX }),
    }),
    { maxLength: 3 },
  ),
  digests: fc.array(fc.record({ height, digest: bytes(32) }), { maxLength: 2 }),
  endorsement: fc.option(
    fc.record({
      ...{ height, blockHash: bytes(32), digest: bytes(32) },
      ...{ historyRoot: bytes(32), signature: bytes(64) },
    }),
    { nil: undefined },
  ),
  state: fc.option(fc.record({ height, root: bytes(32), signature: bytes(64) }), { nil: undefined }),
  releaseMax: fc.integer({ min: 1, max: 9 }),
});

/** What the schema reads: it is what reads the frame as a later program would send it, with a field more. */
function bySchema(encoded: Uint8Array): GossipFrame | undefined {
  const fields = attempt(() => unpack(encoded));
  if (!Array.isArray(fields)) return undefined;
  // Frames without the last field, or with others already, are read by the schema as they are.
  const longer = fields.length === 8 ? pack([...(fields as unknown[]), 1]) : encoded;
  return attempt(() => decodeGossip(longer));
}

function attempt<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
}

test("a frame is in the one form of MessagePack, and read as it was written", () => {
  fc.assert(
    fc.property(frames, (frame) => {
      const encoded = encodeGossip(frame);
      expect(pack(unpack(encoded))).toEqual(encoded);
      expect(decodeGossip(encoded)).toEqual(frame);
    }),
  );
});

test("read field by field, a frame is what the schema reads, whatever byte of it is changed", () => {
  const change = fc.record({ at: fc.nat({ max: 400 }), to: fc.nat({ max: 255 }) });
  fc.assert(
    fc.property(frames, fc.array(change, { maxLength: 2 }), (frame, changes) => {
      const encoded = new Uint8Array(encodeGossip(frame));
      for (const { at, to } of changes) if (at < encoded.length) encoded[at] = to;
      expect(attempt(() => decodeGossip(encoded))).toEqual(bySchema(encoded));
    }),
    { numRuns: 2_000 },
  );
});
