/**
 * Raft messages as bytes: a fixed header, and for appends the entries behind it. Little-endian.
 *
 *   0 type u8 | 1 from u8 | 2 to u8 | 3 flag u8 | 4 entry count u32 | 8 term u64 | 16 first u64 | 24 second u64 | 32 third u64
 *   each entry: term u64 | length u32 | data; indexes follow the append's previous index
 */
import type { Entry, Message, MessageBody } from "../../consensus/raft/messages.ts";
import { readU32, readU64Number, writeU32, writeU64Number } from "../base/bytes.ts";
import { CodedError } from "../base/errors.ts";

const HEADER_BYTES = 40;
const ENTRY_HEADER_BYTES = 12;

const TYPES = [
  "preVote",
  "preVoteResponse",
  "vote",
  "voteResponse",
  "append",
  "appendResponse",
  "heartbeat",
  "heartbeatResponse",
  "readIndex",
  "readIndexResponse",
  "timeoutNow",
  "compacted",
] as const satisfies readonly Message["type"][];

/** Bytes from a peer that are no Raft message. */
export class RaftCodecError extends CodedError<"malformed_raft_message"> {
  override readonly name = "RaftCodecError";
}

/** Three numbers and a flag; those that a type does not have are 0 and false, so each message has one encoding. */
type Fields = readonly [first: number, second: number, third: number, flag: boolean];

/** What stands in the fields, by the message's type. */
function fieldsOf(m: MessageBody): Fields {
  switch (m.type) {
    case "preVote":
      return [m.lastIndex, m.lastTerm, 0, false];
    case "vote":
      return [m.lastIndex, m.lastTerm, 0, m.transfer === true];
    case "timeoutNow":
      return [m.lastIndex, 0, 0, false];
    case "compacted":
      return [m.previousIndex, m.previousTerm, 0, false];
    case "preVoteResponse":
    case "voteResponse":
      return [0, 0, 0, m.granted];
    case "append":
      return [m.previousIndex, m.previousTerm, m.commit, false];
    case "appendResponse":
      return [m.index, m.hintIndex, m.hintTerm, m.accepted];
    case "heartbeat":
      return [m.commit, m.sequence, 0, false];
    case "heartbeatResponse":
      return [m.sequence, m.promiseMs, 0, false];
    case "readIndex":
      return [m.requestId, 0, 0, m.lease];
    case "readIndexResponse":
      return [m.requestId, m.index, 0, m.refused];
  }
}

/** A message in pieces, to be sent one behind the other: what entries hold is not copied. */
export function encodeRaftMessage(message: Message): Uint8Array[] {
  const entries = message.type === "append" ? message.entries : [];
  const bytes = new Uint8Array(HEADER_BYTES);
  const [first, second, third, flag] = fieldsOf(message);
  bytes[0] = TYPES.indexOf(message.type);
  bytes[1] = message.from;
  bytes[2] = message.to;
  bytes[3] = flag ? 1 : 0;
  writeU32(bytes, 4, entries.length);
  writeU64Number(bytes, 8, message.term);
  writeU64Number(bytes, 16, first);
  writeU64Number(bytes, 24, second);
  writeU64Number(bytes, 32, third);
  return [bytes, ...entries.flatMap((entry) => [entryHeader(entry), entry.data])];
}

function entryHeader({ term, data }: Entry): Uint8Array {
  const bytes = new Uint8Array(ENTRY_HEADER_BYTES);
  writeU64Number(bytes, 0, term);
  writeU32(bytes, 8, data.length);
  return bytes;
}

/** Which message begins at an offset, by its first byte alone; undefined where there is no such type. */
export function raftMessageType(bytes: Uint8Array, offset = 0): Message["type"] | undefined {
  return TYPES[bytes[offset] ?? TYPES.length];
}

/** Decodes a message; throws `RaftCodecError`. An entry is a view of its frame where it is most of it, or else a copy. */
export function decodeRaftMessage(bytes: Uint8Array): Message {
  if (bytes.length < HEADER_BYTES) throw malformed("shorter than its header");
  const type = raftMessageType(bytes);
  if (type === undefined) throw malformed("of no known type");
  const [from, to, term] = [bytes[1] as number, bytes[2] as number, readNumber(bytes, 8)];
  const flag = bytes[3] as number;
  if (flag > 1) throw malformed("its flag is neither 0 nor 1");
  const first = readNumber(bytes, 16);
  const second = readNumber(bytes, 24);
  const third = readNumber(bytes, 32);
  const entries = decodeEntries(bytes, first);
  if (type !== "append" && entries.length > 0) throw malformed("entries in a message that has none");
  const message: Message = { from, to, term, ...bodyOf(type, [first, second, third, flag === 1], entries) };
  const used = fieldsOf(message);
  if (used[0] !== first || used[1] !== second || used[2] !== third || used[3] !== (flag === 1)) {
    throw malformed("a field is set that it does not have");
  }
  return message;
}

/** The other way round: what the fields of a type mean. */
function bodyOf(type: Message["type"], fields: Fields, entries: readonly Entry[]): MessageBody {
  const [first, second, third, yes] = fields;
  switch (type) {
    case "preVote":
      return { type, lastIndex: first, lastTerm: second };
    case "vote":
      return { type, lastIndex: first, lastTerm: second, ...(yes ? { transfer: yes } : {}) };
    case "timeoutNow":
      return { type, lastIndex: first };
    case "compacted":
      return { type, previousIndex: first, previousTerm: second };
    case "preVoteResponse":
    case "voteResponse":
      return { type, granted: yes };
    case "append":
      return { type, previousIndex: first, previousTerm: second, entries, commit: third };
    case "appendResponse":
      return { type, accepted: yes, index: first, hintIndex: second, hintTerm: third };
    case "heartbeat":
      return { type, commit: first, sequence: second };
    case "heartbeatResponse":
      return { type, sequence: first, promiseMs: second };
    case "readIndex":
      return { type, requestId: first, lease: yes };
    case "readIndexResponse":
      return { type, requestId: first, index: second, refused: yes };
  }
}

function decodeEntries(bytes: Uint8Array, previousIndex: number): Entry[] {
  const count = readU32(bytes, 4);
  const entries: Entry[] = [];
  let offset = HEADER_BYTES;
  for (let i = 0; i < count; i++) {
    if (offset + ENTRY_HEADER_BYTES > bytes.length) throw malformed("an entry is cut");
    const term = readNumber(bytes, offset);
    const length = readU32(bytes, offset + 8);
    offset += ENTRY_HEADER_BYTES;
    if (offset + length > bytes.length) throw malformed("an entry is cut");
    entries.push({ index: previousIndex + 1 + i, term, data: kept(bytes.subarray(offset, offset + length)) });
    offset += length;
  }
  if (offset !== bytes.length) throw malformed("bytes after its end");
  return entries;
}

/** An entry outlives its frame: it must not keep a large one alive for few bytes, nor be copied where it is nearly all. */
function kept(data: Uint8Array): Uint8Array {
  return data.length * 2 > data.buffer.byteLength ? data : data.slice();
}

function readNumber(bytes: Uint8Array, offset: number): number {
  const value = readU64Number(bytes, offset);
  if (value > Number.MAX_SAFE_INTEGER) throw malformed("a number is too large");
  return value;
}

function malformed(reason: string): RaftCodecError {
  return new RaftCodecError("malformed_raft_message", `malformed Raft message: ${reason}`);
}
