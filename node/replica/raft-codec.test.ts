import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { Entry, Message, MessageBody } from "../../consensus/raft/messages.ts";
import { concatBytes, viewOf } from "../base/bytes.ts";
import { decodeRaftMessage, encodeRaftMessage, RaftCodecError } from "./raft-codec.ts";

const number = fc.oneof(fc.nat(9), fc.maxSafeNat());
const yes = fc.boolean();

const append = fc
  .record({
    previousIndex: fc.nat(1_000_000),
    previousTerm: number,
    commit: number,
    run: fc.array(fc.tuple(number, fc.uint8Array({ maxLength: 20 })), { maxLength: 5 }),
  })
  .map(({ previousIndex, previousTerm, commit, run }): MessageBody => {
    const entries = run.map(([term, data], offset): Entry => ({ index: previousIndex + 1 + offset, term, data }));
    return { type: "append", previousIndex, previousTerm, entries, commit };
  });

const bodies: { readonly [Type in Message["type"]]: fc.Arbitrary<MessageBody> } = {
  preVote: fc.record({ type: fc.constant("preVote"), lastIndex: number, lastTerm: number }),
  vote: fc.record(
    { type: fc.constant("vote"), lastIndex: number, lastTerm: number, transfer: fc.constant(true) },
    { requiredKeys: ["type", "lastIndex", "lastTerm"] },
  ),
  timeoutNow: fc.record({ type: fc.constant("timeoutNow"), lastIndex: number }),
  compacted: fc.record({ type: fc.constant("compacted"), previousIndex: number, previousTerm: number }),
  preVoteResponse: fc.record({ type: fc.constant("preVoteResponse"), granted: yes }),
  voteResponse: fc.record({ type: fc.constant("voteResponse"), granted: yes }),
  append,
  appendResponse: fc.record({
    ...{ type: fc.constant("appendResponse"), accepted: yes },
    ...{ index: number, hintIndex: number, hintTerm: number },
  }),
  heartbeat: fc.record({ type: fc.constant("heartbeat"), commit: number, sequence: number }),
  heartbeatResponse: fc.record({ type: fc.constant("heartbeatResponse"), sequence: number, promiseMs: number }),
  readIndex: fc.record({ type: fc.constant("readIndex"), requestId: number, lease: yes }),
  readIndexResponse: fc.record({
    ...{ type: fc.constant("readIndexResponse"), requestId: number, index: number, refused: yes },
  }),
};

const message: fc.Arbitrary<Message> = fc
  .tuple(fc.oneof(...Object.values(bodies)), fc.nat(255), fc.nat(255), number)
  .map(([body, from, to, term]) => ({ ...body, from, to, term }));

/** The message in some bytes, or the error. */
function decoded(bytes: Uint8Array): Message | RaftCodecError {
  try {
    return decodeRaftMessage(bytes);
  } catch (error) {
    if (error instanceof RaftCodecError) return error;
    throw error;
  }
}

/** A message as it arrives: an array of its own. */
function frameOf(sent: Message): Uint8Array {
  return concatBytes(encodeRaftMessage(sent));
}

/** Whatever is taken for a message has no other encoding. */
function expectOneEncoding(bytes: Uint8Array): void {
  const result = decoded(bytes);
  if (!(result instanceof RaftCodecError)) expect(frameOf(result)).toEqual(bytes);
}

describe("messages as bytes", () => {
  test.each(Object.entries(bodies))("%s comes back as it went", (type, body) => {
    fc.assert(
      fc.property(body, fc.nat(255), fc.nat(255), number, (said, from, to, term) => {
        const sent: Message = { ...said, from, to, term };
        expect(sent.type).toBe(type);
        expect(decodeRaftMessage(frameOf(sent))).toEqual(sent);
      }),
    );
  });

  test("an entry keeps its frame alive where it is most of it, and no other", () => {
    const large = { index: 1, term: 1, data: new Uint8Array(1_000).fill(1) };
    const small = { index: 2, term: 1, data: Uint8Array.of(1, 2, 3) };
    const frame = frameOf({
      ...{
        type: "append",
        from: 1,
        to: 2,
        term: 1,
        previousIndex: 0,
        previousTerm: 0,
        entries: [large, small],
        commit: 0,
      },
    });
    const message = decodeRaftMessage(frame);
    const entries = message.type === "append" ? message.entries : [];
    expect(entries).toEqual([large, small]);
    expect(entries.map(({ data }) => data.buffer === frame.buffer)).toEqual([true, false]);
    expect(entries[1]?.data.buffer.byteLength).toBe(3);
  });
});

describe("bytes that are no message get a typed error", () => {
  test("any bytes", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 120 }), expectOneEncoding), { numRuns: 1_000 });
  });

  test("a message that is cut short or goes on", () => {
    fc.assert(
      fc.property(message, fc.nat(1_000), fc.uint8Array({ minLength: 1, maxLength: 9 }), (sent, at, more) => {
        const bytes = frameOf(sent);
        expect(decoded(bytes.subarray(0, at % bytes.length))).toBeInstanceOf(RaftCodecError);
        expect(decoded(Uint8Array.from([...bytes, ...more]))).toBeInstanceOf(RaftCodecError);
      }),
    );
  });

  test("a message with bytes changed", () => {
    const changes = fc.array(fc.tuple(fc.nat(1_000), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(message, changes, (sent, places) => {
        const bytes = frameOf(sent);
        for (const [at, value] of places) bytes[at % bytes.length] = value;
        expectOneEncoding(bytes);
      }),
      { numRuns: 1_000 },
    );
  });

  const vote = frameOf({ type: "preVote", from: 1, to: 2, term: 3, lastIndex: 4, lastTerm: 2 });

  test.each<[string, (bytes: Uint8Array) => void]>([
    ["of no known type", (bytes) => bytes.fill(12, 0, 1)],
    ["its flag is neither 0 nor 1", (bytes) => bytes.fill(2, 3, 4)],
    ["a flag that it does not have", (bytes) => bytes.fill(1, 3, 4)],
    ["a number that it does not have", (bytes) => bytes.fill(1, 32, 33)],
    ["a number is too large", (bytes) => viewOf(bytes).setBigUint64(16, 2n ** 53n, true)],
    ["more entries than bytes", (bytes) => viewOf(bytes).setUint32(4, 0xffff_ffff, true)],
  ])("%s", (_what, change) => {
    const bytes = vote.slice();
    change(bytes);
    expect(decoded(bytes)).toMatchObject({ code: "malformed_raft_message" });
  });

  test("entries in a message that has none", () => {
    const bytes = new Uint8Array(vote.length + 12);
    bytes.set(vote);
    viewOf(bytes).setUint32(4, 1, true);
    expect(decoded(bytes)).toMatchObject({ code: "malformed_raft_message" });
  });
});
