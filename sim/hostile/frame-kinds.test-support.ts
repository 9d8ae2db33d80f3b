/** What a frame between peers is, by its lane and its type, as far as its first bytes tell; and the newest of each kind. */
import type { Random } from "../../node/base/ports/random.ts";
import { raftMessageType } from "../../node/replica/raft-codec.ts";
import { unpack, WireError } from "../../node/wire/msgpack.ts";
import { LANES } from "../../node/wire/peer-frames.ts";
import { pick } from "../draw.ts";

/** Frames of one kind that are kept: the newest, which have most to do with where the nodes stand. */
const KEPT = 48;
/** What the first value of a frame may be, but in the lane of Raft. */
const TYPES: ReadonlyMap<number, Readonly<Record<string, string>>> = new Map([
  [LANES.gossip, { ping: "ping", pingRequest: "pingRequest", ack: "ack" }],
  [LANES.forward, { 1: "submit", 2: "refused" }],
  [LANES.catchUp, { ask: "ask", offer: "offer", refuse: "refuse", fetch: "fetch", chunk: "chunk", gone: "gone" }],
  [LANES.repair, { want: "want", blocks: "blocks", wantEnd: "wantEnd", end: "end", noEnd: "noEnd" }],
]);

/** The lane of a frame, such as `raft`; a question mark where there is no such lane. */
export function laneOf(frame: Uint8Array): string {
  return Object.entries(LANES).find(([, lane]) => lane === frame[0])?.[0] ?? "?";
}

/** Such as `raft append`; with a question mark where there is no such type. */
export function kindOf(frame: Uint8Array): string {
  const [lane = 0] = frame;
  const payload = frame.subarray(1);
  const type = lane === LANES.raft ? raftMessageType(payload) : TYPES.get(lane)?.[firstOf(payload)];
  return `${laneOf(frame)} ${type ?? "?"}`;
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
