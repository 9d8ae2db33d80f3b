/** Elections that are won by who must not win them. */
import type { Message } from "../../consensus/raft/messages.ts";
import type { RaftOptions } from "../../consensus/raft/options.ts";
import { Raft } from "../../consensus/raft/raft.ts";

/** Of two logs the longer one is taken for the newer, whatever the terms of their last entries. */
export class ComparesLengths extends Raft {
  override step(message: Message): boolean {
    const asks = message.type === "vote" || message.type === "preVote";
    return super.step(asks ? { ...message, lastTerm: this.lastTerm } : message);
  }
}

/** Who answers a candidate has voted for it, whatever the answer is. */
export class CountsRefusedVotes extends Raft {
  override step(message: Message): boolean {
    return super.step(message.type === "voteResponse" ? { ...message, granted: true } : message);
  }
}

/** Nobody asks whether it would win before it begins a term. */
export class SkipsPreVote extends Raft {
  constructor(options: RaftOptions) {
    super({ ...options, preVote: false });
  }
}
