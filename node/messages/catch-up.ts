/** Messages that the catch-up actor takes. */
import type { LogIndex, NodeId } from "../base/ids.ts";

export type CatchUpMessage =
  /** A frame of the catch-up lane. */
  | { readonly type: "peerFrame"; readonly from: NodeId; readonly payload: Uint8Array }
  /** What this node lacks is no longer in the log of `from`, which begins behind `atLeast`. */
  | { readonly type: "wanted"; readonly from: NodeId; readonly atLeast: LogIndex }
  | { readonly type: "tick" }
  /** Pages that were fetched are durable, so many bytes of them; 0 for a note of what is being fetched. */
  | { readonly type: "stored"; readonly bytes: number }
  /** Keys of generations that count no more are deleted. */
  | { readonly type: "swept" }
  /** The checkpoint that was fetched is of no use: the state has come as far by itself. */
  | { readonly type: "notInstalled" };
