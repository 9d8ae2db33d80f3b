/** Who belongs to the cluster, for the actors that work with all of them. */
import type { Configuration } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";

export interface Member {
  readonly id: NodeId;
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/** All who belong to the cluster, and who of them has a say. */
export interface Membership {
  /** Each once; a node may be one of them itself or not. */
  readonly members: readonly Member[];
  /** In force; its voters are members. Others may be on their way into it. */
  readonly configuration: Configuration;
}

/** From now on these are the members. */
export interface MembersMessage extends Membership {
  readonly type: "members";
}
