/**
 * What no correct peer sends, whatever the network loses, delays or repeats. Peers are authenticated and Raft takes them
 * for honest, but a message that is nonsense on its face must neither stop a node nor leave a trace in its log.
 */
import type { Term } from "../../node/base/ids.ts";
import type { Message, MessageOf } from "./messages.ts";

/**
 * How far a peer's term may be ahead. A node may have been away for longer; but one damaged number could use up all the
 * terms there are, so a node follows in steps of this.
 */
export const TERM_LEAD_MAX: number = 2 ** 20;

export function isFarAhead(term: Term, ownTerm: Term): boolean {
  return term > ownTerm + TERM_LEAD_MAX;
}

/** Whether a correct peer can have sent this to a node of this term. */
export function isCredible(message: Message, ownTerm: Term): boolean {
  if (message.term < 1 || isFarAhead(message.term, ownTerm)) return false;
  switch (message.type) {
    case "vote":
    case "preVote":
      return message.lastTerm < message.term; // campaigning begins a new term
    case "append":
      return isRun(message);
    case "compacted":
      return isPlace(message) && message.previousIndex > 0;
    default:
      return true;
  }
}

/** Whether there can be an entry of this leader's log at the position; position 0 alone has term 0. */
function isPlace({ previousIndex, previousTerm, term }: MessageOf<"append" | "compacted">): boolean {
  return previousTerm <= term && (previousIndex === 0) === (previousTerm === 0);
}

/** Whether an append carries a consecutive run of entries whose terms never decrease nor pass the leader's. */
function isRun(message: MessageOf<"append">): boolean {
  const { previousIndex, previousTerm, entries, term: leaderTerm } = message;
  if (!isPlace(message)) return false;
  let index = previousIndex;
  let term = previousTerm;
  for (const entry of entries) {
    index += 1;
    if (entry.index !== index || entry.term < Math.max(term, 1) || entry.term > leaderTerm) return false;
    term = entry.term;
  }
  return true;
}
