/**
 * What the paper says (Ongaro and Ousterhout, "In Search of an Understandable Consensus Algorithm", 2014; sections 5.1 to
 * 5.4), sentence by sentence, on one node.
 */
import { describe, expect, test } from "vitest";
import { ElectionTimer } from "./election-timer.ts";
import type { MessageBody } from "./messages.ts";
import { entries, OneNode, ofType } from "./one-node.test-support.ts";

const HEARTBEAT = { type: "heartbeat", commit: 0, sequence: 0 } as const;
const TIMEOUT = 10;

function append(after: readonly [index: number, term: number], terms: readonly number[], commit = 0): MessageBody {
  const [previousIndex, previousTerm] = after;
  return { type: "append", previousIndex, previousTerm, entries: entries(previousIndex + 1, terms), commit };
}

describe("§5.1 terms", () => {
  const roles: readonly (readonly [string, (node: OneNode) => void])[] = [
    ["follower", () => {}],
    ["candidate", (node) => node.campaigns()],
    ["leader", (node) => node.leads()],
  ];

  test.each(roles)("a %s that sees a larger term becomes a follower of that term", (role, become) => {
    const node = new OneNode();
    become(node);
    expect(node.raft.role).toBe(role);
    node.hears(2, 7, append([0, 0], []));
    expect(node.raft).toMatchObject({ role: "follower", term: 7, leader: 2, vote: 0 });
  });

  test.each(roles)("a %s follows nobody of a smaller term, and tells it of its own", (role, become) => {
    const node = new OneNode({ term: 4 });
    become(node);
    const { term } = node.raft;
    expect(node.hears(2, term - 1, append([0, 0], [1]))).toMatchObject([
      { type: "appendResponse", accepted: false, term },
    ]);
    expect(node.hears(2, term - 1, HEARTBEAT)).toMatchObject([{ type: "heartbeatResponse", term }]);
    const vote = { type: "vote", lastIndex: 0, lastTerm: 0 } as const;
    expect(node.hears(2, term - 1, vote)).toMatchObject([{ type: "voteResponse", granted: false, term }]);
    expect(node.raft).toMatchObject({ role, term, lastIndex: role === "leader" ? 1 : 0 });
  });
});

describe("§5.2 leader election", () => {
  test("a node starts as a follower", () => {
    expect(new OneNode().raft).toMatchObject({ role: "follower", term: 0, leader: 0 });
  });

  test("a leader sends heartbeats to all, again and again", () => {
    const node = new OneNode({ count: 5 });
    node.leads();
    for (let beat = 0; beat < 3; beat++) {
      expect(node.ticks(2)).toEqual([]);
      const beats = ofType("heartbeat", node.ticks(1));
      expect(beats.map(({ to }) => to)).toEqual([2, 3, 4, 5]);
    }
  });

  test.each(["follower", "candidate"] as const)("a %s that waits too long begins an election", (role) => {
    const node = new OneNode({ term: 3 });
    if (role === "candidate") node.campaigns();
    const { term } = node.raft;
    expect(node.ticks(TIMEOUT - 1)).toEqual([]);
    const requests = node.ticks(TIMEOUT);
    expect(requests).toMatchObject([
      { type: "vote", to: 2, term: term + 1 },
      { type: "vote", to: 3, term: term + 1 },
    ]);
    expect(node.raft).toMatchObject({ role: "candidate", term: term + 1, vote: 1 });
  });

  test.each([
    { count: 1, yes: 0, no: 0, role: "leader" },
    { count: 3, yes: 1, no: 0, role: "leader" },
    { count: 3, yes: 1, no: 1, role: "leader" },
    { count: 3, yes: 0, no: 2, role: "follower" },
    { count: 3, yes: 0, no: 1, role: "candidate" },
    { count: 5, yes: 2, no: 0, role: "leader" },
    { count: 5, yes: 4, no: 0, role: "leader" },
    { count: 5, yes: 1, no: 0, role: "candidate" },
    { count: 5, yes: 1, no: 2, role: "candidate" },
    { count: 5, yes: 1, no: 3, role: "follower" },
    { count: 5, yes: 0, no: 3, role: "follower" },
    { count: 4, yes: 1, no: 1, role: "candidate" },
    { count: 4, yes: 1, no: 2, role: "follower" },
    { count: 4, yes: 2, no: 0, role: "leader" },
  ])("of $count nodes $yes say yes and $no say no: $role", ({ count, yes, no, role }) => {
    const node = new OneNode({ count });
    node.campaigns();
    for (let i = 0; i < yes + no; i++) node.hears(2 + i, 1, { type: "voteResponse", granted: i < yes });
    expect(node.raft).toMatchObject({ role, term: 1 });
  });

  test("a vote that comes twice counts once", () => {
    const node = new OneNode({ count: 5 });
    node.campaigns();
    for (let i = 0; i < 3; i++) node.hears(2, 1, { type: "voteResponse", granted: true });
    expect(node.raft.role).toBe("candidate");
  });

  test("of two answers of one voter the first counts", () => {
    const node = new OneNode({ count: 5 });
    node.campaigns();
    for (const granted of [true, false]) node.hears(2, 1, { type: "voteResponse", granted });
    node.hears(3, 1, { type: "voteResponse", granted: true });
    expect(node.raft.role).toBe("leader");
  });

  test.each([
    { vote: 0, candidate: 2, granted: true },
    { vote: 0, candidate: 3, granted: true },
    { vote: 2, candidate: 2, granted: true },
    { vote: 2, candidate: 3, granted: false },
    { vote: 1, candidate: 3, granted: false },
  ])(
    "one vote a term, first come first served: $candidate asks who has voted for $vote",
    ({ vote, candidate, granted }) => {
      const node = new OneNode({ term: 1, vote });
      const answer = node.hears(candidate, 1, { type: "vote", lastIndex: 0, lastTerm: 0 });
      expect(answer).toMatchObject([{ type: "voteResponse", to: candidate, term: 1, granted }]);
      expect(node.raft.vote).toBe(granted ? candidate : vote);
      expect(node.cluster.node(1).disk.hardState).toEqual({ term: 1, vote: node.raft.vote });
    },
  );

  test.each([0, 1])("a candidate follows a leader of its term or a later one (by %i)", (later) => {
    const node = new OneNode();
    node.campaigns();
    node.hears(3, 1 + later, append([0, 0], []));
    expect(node.raft).toMatchObject({ role: "follower", leader: 3, term: 1 + later });
  });

  test("election timeouts are spread over one to two times the shortest, and drawn anew for each wait", () => {
    const draws = [0, 9, 4];
    const timer = new ElectionTimer(TIMEOUT, (bound) => (draws.shift() ?? 0) % bound, false);
    const waits = [0, 1, 2].map(() => {
      let ticks = 1;
      while (!timer.tick()) ticks += 1;
      timer.reset();
      return ticks;
    });
    expect(waits).toEqual([10, 19, 14]);
  });

  test("a vote given and a leader heard begin a new wait", () => {
    const node = new OneNode();
    node.ticks(TIMEOUT - 1);
    node.hears(2, 1, { type: "vote", lastIndex: 0, lastTerm: 0 });
    expect(node.ticks(TIMEOUT - 1)).toEqual([]);
    node.hears(2, 1, HEARTBEAT);
    expect(node.ticks(TIMEOUT - 1)).toEqual([]);
    expect(ofType("vote", node.ticks(1))).toHaveLength(2);
  });
});

describe("§5.3 log replication", () => {
  test("a leader appends what it is asked to in its term, and sends it to all", () => {
    const node = new OneNode({ log: [1, 1] });
    node.leads();
    node.isAcknowledged(2, 2);
    node.isAcknowledged(3, 2);
    const sent = node.proposes("x");
    expect(node.log).toEqual([1, 1, 2, 2]);
    const entry = { index: 4, term: 2, data: Uint8Array.of(120) };
    expect(sent).toMatchObject(
      [2, 3].map((to) => ({ type: "append", to, previousIndex: 3, previousTerm: 2, entries: [entry] })),
    );
  });

  test.each([
    { count: 1, by: [], committed: true },
    { count: 3, by: [], committed: false },
    { count: 3, by: [2], committed: true },
    { count: 5, by: [2], committed: false },
    { count: 5, by: [2, 5], committed: true },
    { count: 5, by: [2, 3, 4, 5], committed: true },
    { count: 4, by: [3], committed: false },
    { count: 4, by: [3, 4], committed: true },
  ])("of $count nodes $by besides the leader have an entry: committed is $committed", ({ count, by, committed }) => {
    const node = new OneNode({ count });
    node.leads();
    for (const peer of by) node.isAcknowledged(peer, 1);
    expect(node.raft.commit).toBe(committed ? 1 : 0);
    expect(node.takeApplied()).toEqual(committed ? [1] : []);
  });

  test("a committed entry commits all before it, those of earlier leaders too", () => {
    const node = new OneNode({ log: [1, 1, 2] });
    node.leads();
    node.isAcknowledged(2, 4);
    expect(node.takeApplied()).toEqual([1, 2, 3, 4]);
  });

  test("a leader tells its followers what is committed", () => {
    const node = new OneNode();
    node.leads();
    expect(node.isAcknowledged(2, 1)).toContainEqual(expect.objectContaining({ type: "append", to: 2, commit: 1 }));
    node.isAcknowledged(3, 1);
    expect(ofType("heartbeat", node.ticks(3))).toMatchObject([{ commit: 1 }, { commit: 1 }]);
  });

  test.each([
    { commit: 0, applied: [] },
    { commit: 1, applied: [1] },
    { commit: 2, applied: [1, 2] },
    { commit: 9, applied: [1, 2] },
  ])("a follower applies in order what is committed and what it has: $commit", ({ commit, applied }) => {
    const node = new OneNode();
    node.hears(2, 1, append([0, 0], [1, 1], commit));
    expect(node.takeApplied()).toEqual(applied);
  });

  test("a follower takes nothing for committed that the append has not shown to agree", () => {
    const node = new OneNode({ log: [1, 1, 1] });
    node.hears(2, 2, append([1, 1], [], 3));
    expect([node.raft.commit, node.takeApplied()]).toEqual([1, [1]]);
    node.hears(2, 2, append([1, 1], [1], 3));
    expect([node.raft.commit, node.takeApplied()]).toEqual([2, [2]]);
  });

  test.each([
    { after: [0, 0], accepted: true },
    { after: [1, 1], accepted: true },
    { after: [2, 2], accepted: true },
    { after: [1, 2], accepted: false },
    { after: [2, 1], accepted: false },
    { after: [3, 3], accepted: false },
  ] as const)("the consistency check: a log 1 2 and an append after $after", ({ after, accepted }) => {
    const node = new OneNode({ log: [1, 2] });
    expect(node.hears(2, 3, append(after, []))).toMatchObject([
      { type: "appendResponse", accepted, index: after[0], term: 3 },
    ]);
    expect(node.log).toEqual([1, 2]);
  });

  test.each([
    { log: [], after: [0, 0], terms: [1, 2], result: [1, 2] },
    { log: [1], after: [1, 1], terms: [2], result: [1, 2] },
    { log: [1, 2], after: [2, 2], terms: [3], result: [1, 2, 3] },
    { log: [1, 2], after: [1, 1], terms: [3, 4], result: [1, 3, 4] },
    { log: [1, 2], after: [0, 0], terms: [3, 4], result: [3, 4] },
    { log: [1, 2, 2, 2], after: [1, 1], terms: [2], result: [1, 2, 2, 2] },
    { log: [1, 2, 2, 2], after: [1, 1], terms: [2, 3], result: [1, 2, 3] },
    { log: [1, 2, 2, 2], after: [1, 1], terms: [], result: [1, 2, 2, 2] },
    { log: [1, 1, 1], after: [0, 0], terms: [1, 1, 1, 1], result: [1, 1, 1, 1] },
  ] as const)("a log $log gets $terms after $after and is $result", ({ log, after, terms, result }) => {
    const node = new OneNode({ log, term: 4 });
    node.hears(2, 5, append(after, terms));
    expect(node.log).toEqual(result);
    expect(node.cluster.node(1).disk.log.map(({ term }) => term)).toEqual(result);
  });

  test("a leader that is refused goes back to where the follower may agree, and then sends all that is missing", () => {
    const node = new OneNode({ log: [1, 1, 3, 3, 3], term: 3 });
    const probe = ofType("append", node.leads())[0];
    expect(probe).toMatchObject({ previousIndex: 5, previousTerm: 3, entries: [] });
    const refusal = { type: "appendResponse", accepted: false, index: 5, hintIndex: 4, hintTerm: 2 } as const;
    const [again] = ofType("append", node.hears(2, 4, refusal));
    expect(again).toMatchObject({ previousIndex: 2, previousTerm: 1 });
    expect(again?.entries.map(({ term }) => term)).toEqual([3, 3, 3, 4]);
  });

  test("a leader never gives up on a follower", () => {
    const node = new OneNode();
    node.leads();
    for (let i = 0; i < 5; i++) {
      node.ticks(3);
      const [again] = ofType("append", node.hears(2, 1, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 }));
      expect(again).toMatchObject({ previousIndex: 0, entries: [] });
    }
    const answer = { type: "appendResponse", accepted: true, index: 0, hintIndex: 0, hintTerm: 0 } as const;
    expect(ofType("append", node.hears(2, 1, answer))[0]?.entries).toHaveLength(1);
  });
});

describe("§5.4.1 election restriction", () => {
  test.each([
    { log: [1], last: [1, 1], granted: true },
    { log: [1], last: [2, 1], granted: true },
    { log: [1, 1], last: [1, 1], granted: false },
    { log: [1], last: [1, 2], granted: true },
    { log: [1, 1, 1], last: [1, 2], granted: true },
    { log: [1, 2], last: [9, 1], granted: false },
    { log: [2], last: [1, 1], granted: false },
    { log: [], last: [0, 0], granted: true },
    { log: [1], last: [0, 0], granted: false },
  ] as const)("a voter with log $log and a candidate whose last is $last: $granted", ({ log, last, granted }) => {
    const node = new OneNode({ log, term: 2 });
    const [lastIndex, lastTerm] = last;
    expect(node.hears(2, 3, { type: "vote", lastIndex, lastTerm })).toMatchObject([{ type: "voteResponse", granted }]);
    expect(node.raft.vote).toBe(granted ? 2 : 0);
  });

  test("a candidate says where its log ends", () => {
    expect(new OneNode({ log: [1, 1, 4] }).campaigns()).toMatchObject([
      { type: "vote", lastIndex: 3, lastTerm: 4 },
      { type: "vote", lastIndex: 3, lastTerm: 4 },
    ]);
  });
});

describe("§5.4.2 committing entries from previous terms", () => {
  test.each([
    { index: 1, commit: 0 },
    { index: 2, commit: 0 },
    { index: 3, commit: 3 },
  ])("a majority has the log 1 2 3 of a leader of term 3 up to $index", ({ index, commit }) => {
    const node = new OneNode({ log: [1, 2] });
    node.leads();
    expect(node.log).toEqual([1, 2, 3]);
    node.isAcknowledged(2, index);
    expect(node.raft.commit).toBe(commit);
  });
});
