import { expect, test } from "vitest";
import type { Message } from "../../consensus/raft/messages.ts";
import { addWaiting } from "./waiting-messages.ts";

const acknowledgement = (index: number, { to = 2, term = 5, accepted = true } = {}): Message => ({
  ...{ type: "appendResponse", from: 1, hintIndex: 0, hintTerm: 0 },
  ...{ to, term, accepted, index },
});

test("what waits for a disk that is full for a day is no more than for a moment, whatever a leader asks meanwhile", () => {
  const waiting: Message[] = [];
  const envelope = { from: 1, to: 2, term: 5 };
  for (let second = 1; second <= 86_400; second++) {
    addWaiting(waiting, [
      acknowledgement(7),
      acknowledgement(second, { accepted: false }),
      { ...envelope, type: "heartbeatResponse", sequence: second, promiseMs: 0 },
      { ...envelope, type: "voteResponse", granted: false },
      { ...envelope, type: "preVoteResponse", granted: false },
    ]);
  }
  expect(waiting).toEqual([
    acknowledgement(7),
    acknowledgement(86_400, { accepted: false }),
    { ...envelope, type: "heartbeatResponse", sequence: 86_400, promiseMs: 0 },
    { ...envelope, type: "voteResponse", granted: false },
    { ...envelope, type: "preVoteResponse", granted: false },
  ]);
});

test("only what a later answer of the same kind, to the same node and in the same term, covers is left out", () => {
  const others = [
    acknowledgement(9, { accepted: false }),
    acknowledgement(9, { term: 4 }),
    acknowledgement(9, { to: 3 }),
    { type: "voteResponse", from: 1, to: 2, term: 5, granted: true } as const,
    { type: "heartbeatResponse", from: 1, to: 2, term: 5, sequence: 9, promiseMs: 0 } as const,
  ];
  const waiting: Message[] = [];
  addWaiting(waiting, [acknowledgement(8), ...others, acknowledgement(9)]);
  expect(waiting).toEqual([...others, acknowledgement(9)]);
  addWaiting(waiting, [acknowledgement(7)]);
  expect(waiting).toEqual([...others, acknowledgement(9), acknowledgement(7)]);
});
