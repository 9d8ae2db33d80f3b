/**
 * Which release a leader builds its next block of: that of the block before, until every member of the configuration in
 * force has said that it reads a later one. Whoever is to take part and is not in that configuration yet has no say: it
 * cannot join before it reads the log.
 */
import { membersOf } from "../../consensus/raft/configuration.ts";
import type { Configuration } from "../base/configuration.ts";
import type { NodeId } from "../base/ids.ts";

export interface ReleaseChoice {
  /** Of the block before. */
  readonly before: number;
  /** The newest that the leader itself reads. */
  readonly own: number;
  readonly leader: NodeId;
  /** In force, that is of the block before. */
  readonly configuration: Configuration;
  /** The newest that each node reads, as it has said itself; one that has said nothing is missing. */
  readonly announced: ReadonlyMap<NodeId, number>;
}

/** Never lower than that of the block before. */
export function nextRelease({ before, own, leader, configuration, announced }: ReleaseChoice): number {
  if (own <= before) return before;
  let read = own;
  for (const member of membersOf(configuration)) {
    if (member !== leader) read = Math.min(read, announced.get(member) ?? before);
  }
  return Math.max(before, read);
}
