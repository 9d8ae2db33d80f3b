/**
 * Frames of gossip: SWIM's ping, ping-request and ack, each with news of members, the sender's state digests, what it has
 * signed last of its checkpoints, and the newest release that it reads.
 *
 * Fields behind those that are known are passed over: nodes of two versions of the program hear each other.
 */
import type { NodeId } from "../base/ids.ts";
import { NODE_ID_MAX, NODES_MAX } from "../base/limits.ts";
import { FIRST_RELEASE, RELEASE_MAX } from "../base/release.ts";
import { pack, unpack } from "../wire/msgpack.ts";
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

export function encodeGossip(frame: GossipFrame): Uint8Array {
  const rumours = frame.rumours.map((rumour) => [rumour.member, rumour.state, rumour.incarnation]);
  const digests = frame.digests.map(({ height, digest }) => [height, digest]);
  const { endorsement: e, state: s } = frame;
  const endorsements = e === undefined ? [] : [[e.height, e.blockHash, e.digest, e.historyRoot, e.signature]];
  const states = s === undefined ? [] : [[s.height, s.root, s.signature]];
  const { type, sequence, subject, releaseMax } = frame;
  return pack([type, sequence, subject, rumours, digests, endorsements, states, releaseMax]);
}

/** Decodes a frame; throws `WireError`. */
export function decodeGossip(encoded: Uint8Array): GossipFrame {
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
