/** Whether a node could take part in decisions now, as far as the leader knows of it: then it may be given a vote. */
import type { PeerProgress } from "../../consensus/raft/replication.ts";
import type { LogIndex } from "../base/ids.ts";

/** How many blocks a new voter may lack when it gets a vote: about as many as are on their way at any time. */
const CAUGHT_UP_BLOCKS = 64;

/**
 * However few blocks it lacks, who needs a checkpoint for them is not ready: a cluster that waits for its vote has stopped,
 * and nobody comes any further who could vouch for that.
 */
export function isReady(
  { active, match }: Pick<PeerProgress, "active" | "match">,
  { commit, firstIndex }: { readonly commit: LogIndex; readonly firstIndex: LogIndex },
): boolean {
  return active && match + CAUGHT_UP_BLOCKS >= commit && match + 1 >= firstIndex;
}
