/**
 * Frames of gossip: SWIM's ping, ping-request and ack, each with news of members, the sender's state digests, what it has
 * signed last of its checkpoints, and the newest release that it reads.
 *
 * Fields behind those that are known are passed over: nodes of two versions of the program hear each other.
 */
import { must } from "../base/assert.ts";
import type { NodeId } from "../base/ids.ts";
import { NODE_ID_MAX, NODES_MAX } from "../base/limits.ts";
import { FIRST_RELEASE, RELEASE_MAX } from "../base/release.ts";
import { pack, unpack } from "../wire/msgpack.ts";
import { unpacking } from "../wire/pack-reader.ts";
import { packing } from "../wire/pack-writer.ts";
import { bytes, check, integer, list, oneOf, openTuple, type Schema, safeInteger, tuple } from "../wire/schema.ts";
import type { StateRoot } from "../wire/state-root.ts";
import type { Endorsement } from "./checkpoint-exchange.ts";
import type { Signed } from "./endorsements.ts";

export const MEMBER_STATES = ["alive", "suspect", "dead"] as const;
export type MemberState = (typeof MEMBER_STATES)[number];

/** Bounds what a member can be made to count to; reached after centuries of refutations. */
export const INCARNATION_MAX = 0xffff_ffff;

/** What one node says of a member. */
export interface Rumour {
  readonly member: NodeId;
  readonly state: MemberState;
  /** Raised by the member itself, to overrule what is said of it. */
  readonly incarnation: number;
}

/** A state digest at a height. */
export interface DigestAt {
  readonly height: number;
  readonly digest: Uint8Array;
}

const FRAME_TYPES = ["ping", "pingRequest", "ack"] as const;

export interface GossipFrame {
  readonly type: (typeof FRAME_TYPES)[number];
  /** Names the probe; an ack repeats it. */
  readonly sequence: number;
  /** Who is to be pinged (pingRequest), or who was heard from (ack); else the sender. */
  readonly subject: NodeId;
  readonly rumours: readonly Rumour[];
  readonly digests: readonly DigestAt[];
  /** The checkpoint that the sender has signed last. */
  readonly endorsement?: Endorsement | undefined;
  /** The pages of the checkpoint that the sender has written last. */
  readonly state?: Signed<StateRoot> | undefined;
  /** The newest release that the sender reads. */
  readonly releaseMax: number;
}

/** Digests in one frame: the newest, and one further back or that was asked about. */
const DIGESTS_MAX = 2;

const nodeId = integer(1, NODE_ID_MAX);
const anyRelease = integer(FIRST_RELEASE, RELEASE_MAX);
/** Programs that knew one release only did not say so. */
const announcedRelease: Schema<number> = (value, path) =>
  value === undefined ? FIRST_RELEASE : anyRelease(value, path);
/** So many fields were there from the first on. */
const FIRST_FIELDS = 7;
const frameSchema = openTuple(
  FIRST_FIELDS,
  oneOf(...FRAME_TYPES),
  safeInteger,
  nodeId,
  list(tuple(nodeId, oneOf(...MEMBER_STATES), integer(0, INCARNATION_MAX)), NODES_MAX),
  list(tuple(safeInteger, bytes(32)), DIGESTS_MAX),
  list(tuple(safeInteger, bytes(32), bytes(32), bytes(32), bytes(64)), 1),
  list(tuple(safeInteger, bytes(32), bytes(64)), 1),
  announcedRelease,
);

/** As a program writes a frame that knows these fields. */
const FIELDS = 8;
const TYPES_ENCODED = FRAME_TYPES.map(pack);
const STATES_ENCODED = MEMBER_STATES.map(pack);

/** Field by field: it is most of what an idle node does. */
export function encodeGossip({ rumours, digests, endorsement, state, ...frame }: GossipFrame): Uint8Array {
  const to = packing()
    .list(FIELDS)
    .encoded(encodedOf(TYPES_ENCODED, FRAME_TYPES.indexOf(frame.type)));
  to.integer(frame.sequence).integer(frame.subject).list(rumours.length);
  for (const rumour of rumours) {
    to.list(3).integer(rumour.member);
    to.encoded(encodedOf(STATES_ENCODED, MEMBER_STATES.indexOf(rumour.state))).integer(rumour.incarnation);
  }
  to.list(digests.length);
  for (const { height, digest } of digests) to.list(2).integer(height).bytes(digest);
  to.list(endorsement === undefined ? 0 : 1);
  if (endorsement !== undefined) {
    to.list(5).integer(endorsement.height).bytes(endorsement.blockHash).bytes(endorsement.digest);
    to.bytes(endorsement.historyRoot).bytes(endorsement.signature);
  }
  to.list(state === undefined ? 0 : 1);
  if (state !== undefined) to.list(3).integer(state.height).bytes(state.root).bytes(state.signature);
  return to.integer(frame.releaseMax).finish();
}

function encodedOf(all: readonly Uint8Array[], index: number): Uint8Array {
  return must(all[index], "each name has its encoding");
}

/** Decodes a frame; throws `WireError`. */
export function decodeGossip(encoded: Uint8Array): GossipFrame {
  return decodeRight(encoded) ?? decodeOther(encoded);
}

/** Decodes a frame of this program's own fields; undefined where something is wrong with it, or there are others. */
function decodeRight(encoded: Uint8Array): GossipFrame | undefined {
  const from = unpacking(encoded);
  from.listOf(FIELDS);
  const type = FRAME_TYPES[from.oneOf(TYPES_ENCODED)];
  const sequence = from.integer(Number.MAX_SAFE_INTEGER);
  const subject = from.integer(NODE_ID_MAX);
  const rumours = listFrom(from, NODES_MAX, rumourFrom);
  const digests = listFrom(from, DIGESTS_MAX, digestFrom);
  const [endorsement] = listFrom(from, 1, endorsementFrom);
  const [state] = listFrom(from, 1, stateFrom);
  const releaseMax = from.integer(RELEASE_MAX);
  const isRight = from.end() && subject > 0 && releaseMax >= FIRST_RELEASE && rumours.every(({ member }) => member > 0);
  if (type === undefined || !isRight) return undefined;
  return { type, sequence, subject, rumours, digests, endorsement, state, releaseMax };
}

type Reader = ReturnType<typeof unpacking>;

function listFrom<T>(from: Reader, max: number, next: (from: Reader) => T): readonly T[] {
  const count = from.list(max);
  const values: T[] = [];
  for (let i = 0; i < count; i++) values.push(next(from));
  return values;
}

function rumourFrom(from: Reader): Rumour {
  from.listOf(3);
  const member = from.integer(NODE_ID_MAX);
  const state = MEMBER_STATES[from.oneOf(STATES_ENCODED)] ?? "alive";
  return { member, state, incarnation: from.integer(INCARNATION_MAX) };
}

function digestFrom(from: Reader): DigestAt {
  from.listOf(2);
  return { height: from.integer(Number.MAX_SAFE_INTEGER), digest: from.bytes(32) };
}

function endorsementFrom(from: Reader): Endorsement {
  from.listOf(5);
  return {
    height: from.integer(Number.MAX_SAFE_INTEGER),
    blockHash: from.bytes(32),
    digest: from.bytes(32),
    historyRoot: from.bytes(32),
    signature: from.bytes(64),
  };
}

function stateFrom(from: Reader): Signed<StateRoot> {
  from.listOf(3);
  return { height: from.integer(Number.MAX_SAFE_INTEGER), root: from.bytes(32), signature: from.bytes(64) };
}

/** Decodes what another program's version has written; says what is wrong where nothing can be made of it. */
function decodeOther(encoded: Uint8Array): GossipFrame {
  const fields = check(frameSchema, unpack(encoded), "malformed_frame");
  const [type, sequence, subject, rumours, digests, endorsements, states, releaseMax] = fields;
  const [endorsement] = endorsements.map(([height, blockHash, digest, historyRoot, signature]) => {
    return { height, blockHash, digest, historyRoot, signature };
  });
  const [state] = states.map(([height, root, signature]) => ({ height, root, signature }));
  return {
    type,
    sequence,
    subject,
    rumours: rumours.map(([member, state, incarnation]) => ({ member, state, incarnation })),
    digests: digests.map(([height, digest]) => ({ height, digest })),
    releaseMax,
    ...(endorsement === undefined ? {} : { endorsement }),
    ...(state === undefined ? {} : { state }),
  };
}
