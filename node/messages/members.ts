/** Who belongs to the cluster, for the actors that work with all of them. */
import type { NodeId } from "../base/ids.ts";

export interface Member {
  readonly id: NodeId;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** From now on these are the members, each once; this node may be one of them or not. */
export interface MembersMessage {
  readonly type: "members";
  readonly members: readonly Member[];
}
