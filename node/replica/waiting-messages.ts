/** Messages of the Raft core that wait for the disk together: bounded, however long it takes, though a leader goes on asking. */
import type { Message } from "../../consensus/raft/messages.ts";

/** Adds to what waits. Of answers of one kind to one node, which all leave at once, the last says what the others say. */
export function addWaiting(waiting: Message[], messages: readonly Message[]): void {
  for (const message of messages) {
    const covered = waiting.findIndex((one) => isCovered(one, message));
    if (covered >= 0) waiting.splice(covered, 1);
    waiting.push(message);
  }
}

/** Whoever gets the later one loses nothing without the earlier: the network may lose that, too. */
function isCovered(one: Message, by: Message): boolean {
  if (one.type !== by.type || one.to !== by.to || one.term !== by.term) return false;
  if (one.type === "appendResponse" && by.type === "appendResponse") {
    return one.accepted === by.accepted && (!one.accepted || one.index <= by.index);
  }
  if (one.type === "heartbeatResponse" && by.type === "heartbeatResponse") return one.sequence <= by.sequence;
  return one.type === "voteResponse" || one.type === "preVoteResponse" || one.type === "vote" || one.type === "preVote";
}
