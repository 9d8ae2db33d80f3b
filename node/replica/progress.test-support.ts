/** Peers of a leader, as it sees them. */
import type { PeerProgress } from "../../consensus/raft/replication.ts";

/** One that answers and takes appends, but for what is said. */
export function peerAt(peer: number, match: number, otherwise: Partial<PeerProgress> = {}): PeerProgress {
  const idle = { state: "replicate", paused: false, inFlight: 0, inFlightBytes: 0, active: true } as const;
  return { ...idle, peer, match, next: match + 1, ...otherwise };
}
