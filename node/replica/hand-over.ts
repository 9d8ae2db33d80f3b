/** Who could lead in place of a leader, and why it does not hand over. */
import type { Raft } from "../../consensus/raft/raft.ts";
import type { NodeId } from "../base/ids.ts";

type Leader = Pick<Raft, "id" | "role" | "leader" | "peerProgress" | "configuration">;

/** Why a node cannot hand over to another, and what to do instead; undefined where it can try. */
export function handOverFault(raft: Leader, to: NodeId): string | undefined {
  if (raft.role !== "leader") {
    return raft.leader === 0
      ? "no leader is known here: wait for an election"
      : `node ${raft.id} does not lead: ask node ${raft.leader}, which does`;
  }
  const peers = votingPeers(raft);
  const others = peers.map(({ peer }) => peer).join(", ");
  if (peers.length === 0) return "there is no other node that could lead";
  if (to === raft.id) return `node ${to} leads already; to move on, name one of ${others}`;
  if (peers.some(({ peer }) => peer === to)) return undefined;
  return `there is no node ${to} that could lead: name one of ${others}`;
}

/** Only who votes may lead. */
export function votingPeers(raft: Pick<Raft, "configuration" | "peerProgress">): ReturnType<Leader["peerProgress"]> {
  const { voters } = raft.configuration;
  return raft.peerProgress().filter(({ peer }) => voters.includes(peer));
}
