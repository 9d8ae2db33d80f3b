/**
 * What the dissertation adds (Ongaro, "Consensus: Bridging Theory and Practice", 2014; sections 4.2.3, 6.2, 6.4 and 9.6), on
 * one node.
 */
import { describe, expect, test } from "vitest";
import { OneNode, ofType } from "./one-node.test-support.ts";

const HEARTBEAT = { type: "heartbeat", commit: 0, sequence: 0 } as const;
const TIMEOUT = 10;

describe("§4.2.3 and §6.2: check-quorum and stickiness", () => {
  const tuning = { checkQuorum: true };
  const vote = { type: "vote", lastIndex: 9, lastTerm: 1 } as const;

  test("who has heard a leader less than an election timeout ago does not even answer a candidate", () => {
    const node = new OneNode({ tuning });
    node.hears(2, 1, HEARTBEAT);
    node.ticks(TIMEOUT - 1);
    expect(node.hears(3, 2, vote)).toEqual([]);
    expect(node.raft).toMatchObject({ term: 1, leader: 2 });
    node.ticks(1);
    expect(node.hears(3, 2, vote)).toMatchObject([{ type: "voteResponse", term: 2 }]);
  });

  test("a leader is not deposed by a candidate that the others would not elect", () => {
    const node = new OneNode({ tuning });
    node.leads();
    expect(node.hears(3, 2, vote)).toEqual([]);
    expect(node.raft).toMatchObject({ role: "leader", term: 1 });
  });

  test("a leader that hears from no majority steps down, one that does stays", () => {
    const node = new OneNode({ count: 5, tuning });
    node.leads();
    for (let round = 0; round < 3; round++) {
      for (const peer of [2, 3]) node.hears(peer, 1, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
      node.ticks(TIMEOUT);
      expect(node.raft.role).toBe("leader");
    }
    node.hears(2, 1, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    node.ticks(TIMEOUT);
    expect(node.raft).toMatchObject({ role: "follower", term: 1, leader: 0 });
  });
});

describe("§6.4: reads without the log", () => {
  test("a leader fixes the commit index when the read comes, and answers when a majority has answered since", () => {
    const node = new OneNode({ count: 5 });
    node.leads();
    node.isAcknowledged(2, 1);
    node.isAcknowledged(3, 1);
    expect(ofType("heartbeat", node.reads(7))).toHaveLength(4);
    node.proposes("x");
    node.isAcknowledged(2, 2);
    node.isAcknowledged(3, 2);
    expect(node.raft.commit).toBe(2);
    node.hears(2, 1, { type: "heartbeatResponse", sequence: 1, promiseMs: 0 });
    expect(node.takeReads()).toEqual([]);
    node.hears(4, 1, { type: "heartbeatResponse", sequence: 1, promiseMs: 0 });
    expect(node.takeReads()).toEqual([{ requestId: 7, index: 1 }]);
  });

  test("before it has committed an entry of its term a leader does not know what is committed, and holds reads back", () => {
    const node = new OneNode({ log: [1, 1], term: 1 });
    node.leads();
    expect(node.reads(7)).toEqual([]);
    node.hears(2, 2, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    expect(node.takeReads()).toEqual([]);
    expect(ofType("heartbeat", node.isAcknowledged(2, 3))).toMatchObject([{ sequence: 1 }, { sequence: 1 }]);
    node.hears(2, 2, { type: "heartbeatResponse", sequence: 1, promiseMs: 0 });
    expect(node.takeReads()).toEqual([{ requestId: 7, index: 3 }]);
  });
});

describe("§9.6: pre-vote", () => {
  const tuning = { preVote: true, checkQuorum: true };

  test("a node asks first, with its term as it is, and campaigns when a majority would vote for it", () => {
    const node = new OneNode({ tuning, log: [1, 3] });
    expect(node.ticks(TIMEOUT)).toMatchObject(
      [2, 3].map((to) => ({ type: "preVote", to, term: 4, lastIndex: 2, lastTerm: 3 })),
    );
    expect(node.raft).toMatchObject({ role: "preCandidate", term: 3, vote: 0 });
    expect(node.hears(2, 4, { type: "preVoteResponse", granted: true })).toMatchObject([
      { type: "vote", to: 2, term: 4 },
      { type: "vote", to: 3, term: 4 },
    ]);
    expect(node.raft).toMatchObject({ role: "candidate", term: 4, vote: 1 });
  });

  test("whoever would vote says so and changes nothing", () => {
    const node = new OneNode({ tuning, log: [1, 3] });
    node.ticks(TIMEOUT); // before that it may have heard a leader
    const question = { type: "preVote", lastIndex: 2, lastTerm: 3 } as const;
    expect(node.hears(2, 9, question)).toMatchObject([{ type: "preVoteResponse", granted: true, term: 9 }]);
    expect(node.raft).toMatchObject({ role: "preCandidate", term: 3, vote: 0, leader: 0 });
  });

  test.each([
    { why: "its log is behind", term: 4, lastIndex: 1, lastTerm: 3 },
    { why: "its term is no later", term: 3, lastIndex: 9, lastTerm: 2 },
  ])("a node that would not be elected is told so: $why", ({ term, lastIndex, lastTerm }) => {
    const node = new OneNode({ tuning, log: [1, 3] });
    node.ticks(TIMEOUT);
    const answer = node.hears(2, term, { type: "preVote", lastIndex, lastTerm });
    expect(answer).toMatchObject([{ type: "preVoteResponse", granted: false, term: 3 }]);
  });

  test("refused by a majority, or told of a later term, it gives up", () => {
    const node = new OneNode({ tuning });
    node.campaigns();
    for (const peer of [2, 3]) node.hears(peer, 1, { type: "preVoteResponse", granted: false });
    expect(node.raft).toMatchObject({ role: "follower", term: 1 });
  });

  test("a leader that is heard ends the question", () => {
    const node = new OneNode({ tuning, term: 2 });
    node.campaigns();
    node.hears(3, 2, HEARTBEAT);
    expect(node.raft).toMatchObject({ role: "follower", leader: 3, term: 2 });
    node.hears(2, 3, { type: "preVoteResponse", granted: true });
    expect(node.raft.role).toBe("follower");
  });
});
