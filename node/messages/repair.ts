/** Messages that the repair actor and the mending actor take. */
import type { LogIndex, NodeId } from "../base/ids.ts";

export type RepairMessage =
  /** A frame of the repair lane. */
  | { readonly type: "peerFrame"; readonly from: NodeId; readonly payload: Uint8Array }
  | { readonly type: "tick" }
  /** The block at this height is damaged in the log, though it was durable. */
  | { readonly type: "damaged"; readonly height: LogIndex }
  /** It is written anew, or could not be: for want of room, or because it is not in the log any more. */
  | { readonly type: "rewritten"; readonly height: LogIndex; readonly isSound: boolean };

export type MendingMessage =
  /** A frame of the repair lane. */
  | { readonly type: "peerFrame"; readonly from: NodeId; readonly payload: Uint8Array }
  | { readonly type: "tick" }
  /** What had come is durable in the log. */
  | { readonly type: "written" };
