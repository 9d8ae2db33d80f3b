/** Messages of the Raft core that wait for the disk together: bounded, however long it takes, though a leader goes on asking. */
import type { Message } from "../../consensus/raft/messages.ts";

/** Adds to what waits. Of acknowledgements to one leader, which all leave at once, the last says what the others say. */
export function addWaiting(waiting: Message[], messages: readonly Message[]): void {
  for (const message of messages) {
    const others = waiting.filter((one) => !isCovered(one, message));
    waiting.splice(0, waiting.length, ...others, message);
  }
}

function isCovered(one: Message, by: Message): boolean {
  if (one.type !== "appendResponse" || by.type !== "appendResponse" || !one.accepted || !by.accepted) return false;
  return one.to === by.to && one.term === by.term && one.index <= by.index;
}
