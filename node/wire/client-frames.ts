/**
 * The client protocol: one msgpack array a WebSocket message, its first element says which.
 *
 * The node opens with a challenge; the client proves its key by signing it, and may then submit and query. Requests carry
 * a number that the answer repeats; answers may come in any order.
 */
import { U32_MAX, utf8 } from "../base/bytes.ts";
import { FRAME_BYTES_MAX, NODE_ID_MAX } from "../base/limits.ts";
import type { Sha256 } from "../base/ports/crypto.ts";
import { pack, unpack, WireError } from "./msgpack.ts";
import { unpacking } from "./pack-reader.ts";
import { packing } from "./pack-writer.ts";
import { bytes, bytesBetween, check, integer, oneOf, type Schema, text, tuple, u32, u64 } from "./schema.ts";

const PROTOCOL_VERSION = 1;
const ERROR_TEXT_MAX = 1_024;

const TYPES = {
  hello: 1,
  submit: 2,
  query: 3,
  challenge: 101,
  welcome: 102,
  receipt: 103,
  answer: 104,
  error: 105,
} as const;

const CONSISTENCIES = ["linearizable", "lease", "local"] as const;
/**
 * How fresh an answer must be. `linearizable`: it sees everything acknowledged before the question. `lease`: so it does,
 * as long as no clock of the cluster is further off than its operator says. `maxStalenessMs`: it sees everything acknowledged longer ago than that. `local`: what this node has, however old.
 */
export type Consistency = (typeof CONSISTENCIES)[number] | { readonly maxStalenessMs: number };

/** From a client. */
export type ClientFrame =
  | {
      readonly type: "hello";
      readonly clusterId: Uint8Array;
      readonly publicKey: Uint8Array;
      readonly signature: Uint8Array;
    }
  | { readonly type: "submit"; readonly request: number; readonly transaction: Uint8Array }
  | { readonly type: "query"; readonly request: number; readonly consistency: Consistency; readonly query: Uint8Array };

/** From a node. `receipt`, `answer` are encoded values of their own (receipt.ts, state queries). */
export type NodeFrame =
  | { readonly type: "challenge"; readonly clusterId: Uint8Array; readonly node: number; readonly nonce: Uint8Array }
  | { readonly type: "welcome"; readonly node: number; readonly logTime: bigint }
  | { readonly type: "receipt"; readonly request: number; readonly receipt: Uint8Array }
  | { readonly type: "answer"; readonly request: number; readonly answer: Uint8Array }
  | { readonly type: "error"; readonly request: number; readonly code: string; readonly message: string };

const anyBytes = bytesBetween(0, FRAME_BYTES_MAX);
const helloSchema = tuple(u32, integer(PROTOCOL_VERSION, PROTOCOL_VERSION), bytes(16), bytes(32), bytes(64));
const submitSchema = tuple(u32, u32, anyBytes);
const named = oneOf(...CONSISTENCIES);
/** A name, or the milliseconds of a bound. */
const consistencySchema: Schema<Consistency> = (value, path) =>
  typeof value === "number" ? { maxStalenessMs: u32(value, path) } : named(value, path);
const querySchema = tuple(u32, u32, consistencySchema, anyBytes);
const nodeId = integer(1, NODE_ID_MAX);
const challengeSchema = tuple(u32, integer(PROTOCOL_VERSION, PROTOCOL_VERSION), bytes(16), nodeId, bytes(32));
const welcomeSchema = tuple(u32, nodeId, u64);
const bytesAnswerSchema = tuple(u32, u32, anyBytes);
const errorSchema = tuple(u32, u32, text(64), text(ERROR_TEXT_MAX));

export function encodeClientFrame(frame: ClientFrame): Uint8Array {
  switch (frame.type) {
    case "hello":
      return pack([TYPES.hello, PROTOCOL_VERSION, frame.clusterId, frame.publicKey, frame.signature]);
    case "submit":
      return packing().list(3).integer(TYPES.submit).integer(frame.request).finishWith(frame.transaction);
    case "query":
      return pack([TYPES.query, frame.request, consistencyValue(frame.consistency), frame.query]);
  }
}

function consistencyValue(consistency: Consistency): string | number {
  return typeof consistency === "string" ? consistency : consistency.maxStalenessMs;
}

/** Decodes what a client sent; throws `WireError` `malformed_msgpack` or `malformed_frame`. */
export function decodeClientFrame(encoded: Uint8Array): ClientFrame {
  const three = decodeThree(encoded, TYPES.submit);
  if (three !== undefined) return { type: "submit", request: three.request, transaction: three.payload };
  const value = unpack(encoded);
  switch (typeOf(value)) {
    case TYPES.hello: {
      const [, , clusterId, publicKey, signature] = check(helloSchema, value, "malformed_frame");
      return { type: "hello", clusterId, publicKey, signature };
    }
    case TYPES.submit: {
      const [, request, transaction] = check(submitSchema, value, "malformed_frame");
      return { type: "submit", request, transaction };
    }
    case TYPES.query: {
      const [, request, consistency, query] = check(querySchema, value, "malformed_frame");
      return { type: "query", request, consistency, query };
    }
    default:
      throw new WireError("malformed_frame", "there is no such client frame");
  }
}

export function encodeNodeFrame(frame: NodeFrame): Uint8Array {
  switch (frame.type) {
    case "challenge":
      return pack([TYPES.challenge, PROTOCOL_VERSION, frame.clusterId, frame.node, frame.nonce]);
    case "welcome":
      return pack([TYPES.welcome, frame.node, frame.logTime]);
    case "receipt":
      return packing().list(3).integer(TYPES.receipt).integer(frame.request).finishWith(frame.receipt);
    case "answer":
      return packing().list(3).integer(TYPES.answer).integer(frame.request).finishWith(frame.answer);
    case "error":
      return pack([TYPES.error, frame.request, frame.code, frame.message.slice(0, ERROR_TEXT_MAX)]);
  }
}

/** Decodes what a node sent; throws `WireError` `malformed_msgpack` or `malformed_frame`. */
export function decodeNodeFrame(encoded: Uint8Array): NodeFrame {
  const three = decodeThree(encoded, TYPES.receipt);
  if (three !== undefined) return { type: "receipt", request: three.request, receipt: three.payload };
  const value = unpack(encoded);
  switch (typeOf(value)) {
    case TYPES.challenge: {
      const [, , clusterId, node, nonce] = check(challengeSchema, value, "malformed_frame");
      return { type: "challenge", clusterId, node, nonce };
    }
    case TYPES.welcome: {
      const [, node, logTime] = check(welcomeSchema, value, "malformed_frame");
      return { type: "welcome", node, logTime };
    }
    case TYPES.receipt: {
      const [, request, receipt] = check(bytesAnswerSchema, value, "malformed_frame");
      return { type: "receipt", request, receipt };
    }
    case TYPES.answer: {
      const [, request, answer] = check(bytesAnswerSchema, value, "malformed_frame");
      return { type: "answer", request, answer };
    }
    case TYPES.error: {
      const [, request, code, message] = check(errorSchema, value, "malformed_frame");
      return { type: "error", request, code, message };
    }
    default:
      throw new WireError("malformed_frame", "there is no such node frame");
  }
}

/** A frame of type, request and bytes, as most are; undefined for others, and for what is wrong. */
function decodeThree(
  encoded: Uint8Array,
  type: number,
): { readonly request: number; readonly payload: Uint8Array } | undefined {
  const from = unpacking(encoded);
  from.listOf(3);
  const found = from.integer(0xff);
  const request = from.integer(U32_MAX);
  const payload = from.bytes(0, FRAME_BYTES_MAX);
  return from.end() && found === type ? { request, payload } : undefined;
}

function typeOf(value: unknown): unknown {
  return Array.isArray(value) ? value[0] : undefined;
}

/** What a client signs to prove its key on one connection to one node. */
export function helloDigest(
  sha256: Sha256,
  hello: { clusterId: Uint8Array; node: number; nonce: Uint8Array; publicKey: Uint8Array },
): Uint8Array {
  const node = new Uint8Array([hello.node]);
  return sha256(utf8("quorate.hello.v1\0"), hello.clusterId, node, hello.nonce, hello.publicKey);
}
