import { expect, test } from "vitest";
import type { Message } from "../../consensus/raft/messages.ts";
import { addWaiting } from "./waiting-messages.ts";

const acknowledgement = (index: number, { to = 2, term = 5, accepted = true } = {}): Message => ({
  ...{ type: "appendResponse", from: 1, hintIndex: 0, hintTerm: 0 },
  ...{ to, term, accepted, index },
});

test("what waits for a disk that is full for a day is no more than for a moment", () => {
  const waiting: Message[] = [];
  for (let second = 0; second < 86_400; second++) addWaiting(waiting, [acknowledgement(7)]);
  expect(waiting).toEqual([acknowledgement(7)]);
});

test("only what a later acknowledgement of the same log covers is left out", () => {
  const others = [
    acknowledgement(9, { accepted: false }),
    acknowledgement(9, { term: 4 }),
    acknowledgement(9, { to: 3 }),
    { type: "voteResponse", from: 1, to: 2, term: 5, granted: true } as const,
  ];
  const waiting: Message[] = [];
  addWaiting(waiting, [acknowledgement(8), ...others, acknowledgement(7), acknowledgement(9)]);
  expect(waiting).toEqual([...others, acknowledgement(9)]);
});
