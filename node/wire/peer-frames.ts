/**
 * Frames between peers: one byte says which actor a frame is for, the rest is that actor's business.
 */
import { concatBytes } from "../base/bytes.ts";

export const LANES = { raft: 1, gossip: 2, forward: 3, catchUp: 4 } as const;
export type Lane = (typeof LANES)[keyof typeof LANES];

/** A frame for the peer's actor. */
export function encodePeerFrame(lane: Lane, payload: Uint8Array): Uint8Array {
  return concatBytes([new Uint8Array([lane]), payload]);
}
