import { expect, test } from "vitest";
import { OneNode } from "../../consensus/raft/one-node.test-support.ts";
import { leaderEndOf } from "./leader-end.ts";

/** Blocks are not looked into. */
const hash = (block: Uint8Array): Uint8Array => block;

test("a leader says where its log ends when it has committed something in its term, and not before", () => {
  const node = new OneNode({ log: [1, 1] });
  expect(leaderEndOf(node.raft, hash)).toBeUndefined();
  node.campaigns();
  node.hears(2, 2, { type: "voteResponse", granted: true });
  expect([node.raft.role, node.raft.lastIndex, leaderEndOf(node.raft, hash)]).toEqual(["leader", 3, undefined]);
  node.hears(2, 2, { type: "appendResponse", accepted: true, index: 2, hintIndex: 0, hintTerm: 0 });
  expect(leaderEndOf(node.raft, hash)).toBeUndefined();
  node.hears(2, 2, { type: "appendResponse", accepted: true, index: 3, hintIndex: 0, hintTerm: 0 });
  expect(leaderEndOf(node.raft, hash)).toMatchObject({ term: 2, index: 3 });
});
