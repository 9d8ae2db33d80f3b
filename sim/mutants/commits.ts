/** Entries that count as committed and are not. */
import type { Message } from "../../consensus/raft/messages.ts";
import { Raft } from "../../consensus/raft/raft.ts";
import type { Ready } from "../../consensus/raft/ready.ts";

/** A leader commits an older term's entry once a quorum has it (Raft, figure 8). */
export class CountsReplicasOfOlderTerms extends Raft {
  protected override quorumIndexIsCommittable(): boolean {
    return true;
  }
}

/** Heartbeats tell how far the leader has committed, not how far the follower's log is known to agree with that. */
export class CommitsByHeartbeat extends Raft {
  override ready(): Ready {
    const ready = super.ready();
    const { commit } = this;
    const messages = ready.messages.map((message) => (message.type === "heartbeat" ? { ...message, commit } : message));
    return { ...ready, messages };
  }
}

/** Who acknowledges anything has all that it was sent. */
export class CountsWhatItSent extends Raft {
  override step(message: Message): boolean {
    if (message.type !== "appendResponse" || !message.accepted) return super.step(message);
    const sent = this.peerProgress().find(({ peer }) => peer === message.from);
    return super.step({ ...message, index: Math.max(message.index, (sent?.next ?? 1) - 1) });
  }
}
