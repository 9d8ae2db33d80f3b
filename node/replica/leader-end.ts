/** Where the log of a leader ends, for peers that have lost the end of theirs. */
import type { Raft } from "../../consensus/raft/raft.ts";
import type { LeaderEnd } from "./block-giver.ts";

type LeaderView = Pick<Raft, "role" | "term" | "firstIndex" | "lastIndex" | "commit" | "termAt" | "entry">;

/**
 * Undefined where this node does not lead, or has committed nothing in its term: only then a quorum has that term on disk. The
 * word of a leader whose term nobody would know after a crash could be followed by another's of the same term.
 */
export function leaderEndOf(raft: LeaderView, hash: (block: Uint8Array) => Uint8Array): LeaderEnd | undefined {
  const { role, term, lastIndex: index } = raft;
  if (role !== "leader" || raft.termAt(raft.commit) !== term || index < raft.firstIndex) return undefined;
  return { term, index, hash: hash(raft.entry(index).data) };
}
