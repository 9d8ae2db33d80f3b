/** What a frame between peers is, by its lane and its type, as far as its first bytes tell; and the newest of each kind. */
import type { Message } from "../../consensus/raft/messages.ts";
import type { Random } from "../../node/base/ports/random.ts";
import type { ForwardFrame } from "../../node/gateway/forward-frames.ts";
import type { GossipFrame } from "../../node/gossip/frames.ts";
import type { CatchUpFrame } from "../../node/replica/catch-up-frames.ts";
import { raftMessageType } from "../../node/replica/raft-codec.ts";
import type { RepairFrame } from "../../node/replica/repair-frames.ts";
import { unpack, WireError } from "../../node/wire/msgpack.ts";
import { LANES } from "../../node/wire/peer-frames.ts";
import { pick } from "../draw.ts";

/** Frames of one kind that are kept: the newest, which have most to do with where the nodes stand. */
const KEPT = 48;
/** What the first value of a frame is, by its type; of Raft only that there is such a type. A new one does not compile without. */
interface Types {
  readonly raft: Readonly<Record<Message["type"], true>>;
  readonly gossip: Readonly<Record<GossipFrame["type"], string>>;
  readonly forward: Readonly<Record<ForwardFrame["type"], string>>;
  readonly catchUp: Readonly<Record<CatchUpFrame["type"], string>>;
  readonly repair: Readonly<Record<RepairFrame["type"], string>>;
}

const TYPES: Types = {
  raft: {
    ...{ preVote: true, preVoteResponse: true, vote: true, voteResponse: true, append: true, appendResponse: true },
    ...{ heartbeat: true, heartbeatResponse: true, readIndex: true, readIndexResponse: true, timeoutNow: true },
    compacted: true,
  },
  gossip: { ping: "ping", pingRequest: "pingRequest", ack: "ack" },
  forward: { submit: "1", refused: "2" },
  catchUp: {
    ...{ ask: "ask", offer: "offer", refuse: "refuse", fetch: "fetch", chunk: "chunk", gone: "gone" },
    ...{ vouch: "vouch", vouched: "vouched" },
  },
  repair: { want: "want", blocks: "blocks", wantEnd: "wantEnd", end: "end", noEnd: "noEnd" },
};

/** Every kind there is, and one that is none in each lane, and in none. */
export const KINDS: readonly string[] = [
  ...Object.entries(TYPES).flatMap(([lane, types]) => [...Object.keys(types), "?"].map((type) => `${lane} ${type}`)),
  "? ?",
];

/** The lane of a frame, such as `raft`; a question mark where there is no such lane. */
export function laneOf(frame: Uint8Array): keyof typeof LANES | "?" {
  const names = Object.keys(LANES) as readonly (keyof typeof LANES)[];
  return names.find((name) => LANES[name] === frame[0]) ?? "?";
}

/** Such as `raft append`; with a question mark where there is no such type. */
export function kindOf(frame: Uint8Array): string {
  const lane = laneOf(frame);
  const payload = frame.subarray(1);
  if (lane === "raft") return `${lane} ${raftMessageType(payload) ?? "?"}`;
  const types = lane === "?" ? {} : TYPES[lane];
  const first = firstOf(payload);
  const [type = "?"] = Object.entries(types).find(([, value]) => value === first) ?? [];
  return `${lane} ${type}`;
}

function firstOf(payload: Uint8Array): string {
  try {
    const value = unpack(payload);
    const [first]: readonly unknown[] = Array.isArray(value) ? value : [];
    return typeof first === "string" || typeof first === "number" ? String(first) : "?";
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return "?";
  }
}

/** The newest frames of each kind, of which rare kinds are drawn as often as others. */
export class Overheard {
  readonly #kinds = new Map<string, readonly Uint8Array[]>();

  add(frame: Uint8Array): void {
    const kind = kindOf(frame);
    const frames = this.#kinds.get(kind) ?? [];
    this.#kinds.set(kind, [...frames.slice(1 - KEPT), frame]);
  }

  of(kind: string): readonly Uint8Array[] {
    return this.#kinds.get(kind) ?? [];
  }

  /** Any of them; there is one at least. */
  draw(random: Random): Uint8Array {
    return pick(random, this.of(pick(random, [...this.#kinds.keys()])));
  }
}
