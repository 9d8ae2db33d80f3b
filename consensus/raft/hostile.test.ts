/**
 * Messages that no correct peer sends. Peers are authenticated, and Raft takes them for honest; README.md says what a peer
 * that lies can cause. Whatever it says, a node does not crash, does not change what it has committed, and does not go back.
 */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { equalBytes } from "../../node/base/bytes.ts";
import type { Entry, Message, MessageBody } from "./messages.ts";
import { entries, OneNode, ofType } from "./one-node.test-support.ts";
import { TERM_LEAD_MAX } from "./protocol-check.ts";

/** Numbers as a decoder lets them through: around what a short log has, and anything up to the largest safe one. */
const number = fc.oneof(
  { arbitrary: fc.nat(8), weight: 8 },
  { arbitrary: fc.constantFrom(TERM_LEAD_MAX - 1, TERM_LEAD_MAX, TERM_LEAD_MAX + 9), weight: 1 },
  { arbitrary: fc.maxSafeNat(), weight: 1 },
);

const anyEntries: fc.Arbitrary<Entry[]> = fc.array(
  fc.record({ index: number, term: number, data: fc.uint8Array({ maxLength: 3 }) }),
  { maxLength: 4 },
);

/** Entries that fit behind a position, so that some appends get further than the first check. */
function appends(): fc.Arbitrary<MessageBody> {
  const fitting = fc.array(fc.nat(3), { maxLength: 4 });
  return fc
    .record({
      previousIndex: number,
      previousTerm: number,
      any: anyEntries,
      rises: fitting,
      fits: fc.boolean(),
      commit: number,
    })
    .map(({ previousIndex, previousTerm, any, rises, fits, commit }) => {
      let term = previousTerm;
      const run = rises.map((rise, offset) => {
        term += rise;
        return { index: previousIndex + 1 + offset, term, data: Uint8Array.of(offset) };
      });
      return { type: "append", previousIndex, previousTerm, entries: fits ? run : any, commit };
    });
}

const body: fc.Arbitrary<MessageBody> = fc.oneof(
  fc.record({ type: fc.constantFrom("vote" as const, "preVote" as const), lastIndex: number, lastTerm: number }),
  fc.record({ type: fc.constantFrom("voteResponse" as const, "preVoteResponse" as const), granted: fc.boolean() }),
  appends(),
  appends(),
  fc.record({
    ...{ type: fc.constant("appendResponse" as const), accepted: fc.boolean() },
    ...{ index: number, hintIndex: number, hintTerm: number },
  }),
  fc.record({ type: fc.constant("heartbeat" as const), commit: number, sequence: number }),
  fc.record({ type: fc.constant("heartbeatResponse" as const), sequence: number, promiseMs: number }),
  fc.record({ type: fc.constant("readIndex" as const), requestId: number, lease: fc.boolean() }),
  fc.record({ type: fc.constant("compacted" as const), previousIndex: number, previousTerm: number }),
  fc.record({ type: fc.constant("timeoutNow" as const), lastIndex: number }),
  fc.record({
    type: fc.constant("readIndexResponse" as const),
    requestId: number,
    index: number,
    refused: fc.boolean(),
  }),
);

const message: fc.Arbitrary<Message> = fc
  .tuple(body, fc.nat(6), fc.nat(2), number)
  .map(([said, from, to, term]) => ({ ...said, from, to: to === 2 ? 2 : 1, term }));

/** What the node itself does in between. */
const own = fc.constantFrom("tick", "campaign", "propose", "read", "slow disk", "fast disk", "fsync", "restart");

type Happening = Message | "tick" | "campaign" | "propose" | "read" | "slow disk" | "fast disk" | "fsync" | "restart";

function happens(node: OneNode, what: Happening): void {
  const { cluster } = node;
  const self = cluster.node(1);
  if (typeof what === "object") cluster.act(1, (raft) => raft.step(what));
  else if (what === "tick") node.ticks(3);
  else if (what === "campaign") node.campaigns();
  else if (what === "propose") node.proposes("own");
  else if (what === "read") node.reads(1);
  else if (what === "slow disk" || what === "fast disk") self.slowDisk = what === "slow disk";
  else if (what === "fsync") {
    if (self.writes.length > 0) cluster.fsync(1);
  } else {
    cluster.crash(1);
    cluster.restart(1);
  }
}

function committedOf({ raft }: OneNode): readonly Entry[] {
  return raft.commit === 0 ? [] : raft.entries(1, raft.commit + 1, Number.MAX_SAFE_INTEGER);
}

function same(a: readonly Entry[], b: readonly Entry[]): boolean {
  return (
    a.length === b.length && a.every((entry, at) => entry.term === b[at]?.term && equalBytes(entry.data, b[at].data))
  );
}

describe("whatever peers say", () => {
  const runs = fc.array(fc.oneof({ arbitrary: message, weight: 5 }, { arbitrary: own, weight: 1 }), {
    maxLength: 60,
    size: "max",
  });
  const starts = fc.constantFrom("follower", "candidate", "leader");
  const switches = fc.record({ preVote: fc.boolean(), checkQuorum: fc.boolean() });

  test("nothing throws, committed entries stay, and term and commit index never go back", () => {
    fc.assert(
      fc.property(starts, switches, runs, (start, tuning, run) => {
        const node = new OneNode({ log: [1, 1, 2], tuning: { ...tuning, readsWaitingMax: 3 } });
        const [previousIndex, commit] = [3, 2];
        node.hears(2, 3, { type: "append", previousIndex, previousTerm: 2, entries: entries(4, [3, 3]), commit });
        if (start !== "follower") node.campaigns();
        if (start === "leader") node.leads();
        for (const what of run) {
          const before = { term: node.raft.term, life: node.cluster.node(1).life, committed: committedOf(node) };
          happens(node, what);
          if (node.cluster.node(1).life > before.life) continue; // only what is durable survives a crash
          const kept = committedOf(node).slice(0, before.committed.length);
          expect(node.raft.term >= before.term && same(kept, before.committed)).toBe(true);
        }
      }),
      { numRuns: 300 },
    );
  });
});

/** A follower of node 2 in term 3 that has committed 1@1 2@1 and has 3@3 besides. */
function follower(): OneNode {
  const node = new OneNode({ log: [1, 1] });
  node.hears(2, 3, { type: "append", previousIndex: 2, previousTerm: 1, entries: entries(3, [3]), commit: 2 });
  return node;
}

function leader(): OneNode {
  const node = new OneNode({ log: [1, 1], term: 2 });
  node.leads();
  return node;
}

describe("a message that no correct peer sends is ignored, leaves no trace, and can be counted", () => {
  const append = { type: "append", previousIndex: 3, previousTerm: 3, entries: [], commit: 2 } as const;
  const accepted = { type: "appendResponse", accepted: true, index: 3, hintIndex: 0, hintTerm: 0 } as const;

  test.each<[string, () => OneNode, Partial<Message> & MessageBody]>([
    ["from itself", follower, { ...append, from: 1 }],
    ["from a stranger that leads as well", follower, { ...append, from: 9 }],
    ["to somebody else", follower, { ...append, to: 3 }],
    ["of term 0", follower, { type: "voteResponse", granted: true, term: 0 }],
    ["a vote asked in the term of one's last entry", follower, { type: "vote", lastIndex: 9, lastTerm: 4, term: 4 }],
    ["a pre-vote asked in a term before that", follower, { type: "preVote", lastIndex: 9, lastTerm: 5, term: 4 }],
    ["an append after an entry of a later term", follower, { ...append, previousTerm: 4 }],
    ["an append after position 0 of a term", follower, { ...append, previousIndex: 0 }],
    ["an append after a position of term 0", follower, { ...append, previousTerm: 0 }],
    ["an append with a gap", follower, { ...append, entries: entries(5, [3]) }],
    [
      "an append whose positions do not rise",
      follower,
      { ...append, entries: [...entries(4, [3]), ...entries(4, [3])] },
    ],
    ["an append whose terms go back", follower, { ...append, entries: entries(4, [2]) }],
    ["an append with entries of the future", follower, { ...append, entries: entries(4, [4]) }],
    [
      "an append with entries of term 0",
      follower,
      { ...append, previousIndex: 0, previousTerm: 0, entries: entries(1, [0]) },
    ],
    [
      "an append that says something else than what is committed",
      follower,
      { ...append, previousIndex: 1, previousTerm: 1, entries: entries(2, [2]) },
    ],
    [
      "an append after another entry than the committed one",
      follower,
      { ...append, previousIndex: 2, previousTerm: 2 },
    ],
    ["a word that nothing is compacted away", follower, { type: "compacted", previousIndex: 0, previousTerm: 0 }],
    ["a log compacted at an entry of the future", follower, { type: "compacted", previousIndex: 3, previousTerm: 4 }],
    ["a log compacted at position 9 of no term", follower, { type: "compacted", previousIndex: 9, previousTerm: 0 }],
    ["a compacted log of another history", follower, { type: "compacted", previousIndex: 2, previousTerm: 2 }],
    [
      "a word of compaction to the leader of the term",
      leader,
      { type: "compacted", previousIndex: 2, previousTerm: 1 },
    ],
    ["a second leader in a term", follower, { ...append, from: 3 }],
    ["a heartbeat of a second leader", follower, { type: "heartbeat", commit: 2, sequence: 0, from: 3 }],
    ["a heartbeat that commits what is not there", follower, { type: "heartbeat", commit: 4, sequence: 0 }],
    ["a leader's append to the leader of the term", leader, { ...append, previousIndex: 2, previousTerm: 1 }],
    ["a heartbeat to the leader of the term", leader, { type: "heartbeat", commit: 0, sequence: 0 }],
    ["an acknowledgement of what was never sent", leader, { ...accepted, index: 4 }],
    [
      "an answer to a round of reads that was never asked",
      leader,
      { type: "heartbeatResponse", sequence: 1, promiseMs: 0 },
    ],
  ])("%s", (_what, start, said) => {
    const node = start();
    const { raft } = node;
    const state = (): object => ({
      ...{ role: raft.role, term: raft.term, vote: raft.vote, leader: raft.leader, commit: raft.commit, log: node.log },
      ...{ progress: raft.peerProgress(), disk: [...node.cluster.node(1).disk.log] },
    });
    const before = state();
    expect(raft.step({ from: 2, to: 1, term: 3, ...said })).toBe(false);
    expect(raft.hasReady()).toBe(false);
    expect(state()).toEqual(before);
  });

  test("an answer to a read from somebody who was not asked releases nothing", () => {
    const node = follower();
    const [asked] = ofType("readIndex", node.reads(7));
    const answer = { type: "readIndexResponse", requestId: asked?.requestId ?? 0, refused: false } as const;
    node.hears(3, 3, { ...answer, index: 1 });
    expect(node.takeReads()).toEqual([]);
    node.hears(2, 3, { ...answer, index: 2 });
    expect(node.takeReads()).toEqual([{ requestId: 7, index: 2 }]);
  });

  test("an honest message of the same kind is believed", () => {
    expect(follower().raft.step({ from: 2, to: 1, term: 3, ...append })).toBe(true);
    expect(leader().raft.step({ from: 2, to: 1, term: 3, ...accepted })).toBe(true);
  });
});

describe("what a peer that lies can cause (README.md): it can hinder, but not change what is committed", () => {
  test("who claims to lead replaces what is not committed, and no more", () => {
    const node = new OneNode({ log: [1, 1, 1] });
    node.hears(2, 1, { type: "heartbeat", commit: 2, sequence: 0 });
    node.hears(3, 5, { type: "append", previousIndex: 2, previousTerm: 1, entries: entries(3, [5]), commit: 0 });
    expect(node.log).toEqual([1, 1, 5]);
    expect(node.raft.commit).toBe(2);
  });

  test("who acknowledges what it does not have makes a leader commit too early", () => {
    const node = new OneNode();
    node.leads();
    node.isAcknowledged(2, 1);
    expect(node.raft.commit).toBe(1);
  });

  test("who invents terms deposes leaders, but cannot use up the terms with one message", () => {
    const node = new OneNode({ term: 5 });
    node.leads();
    node.hears(2, 6 + TERM_LEAD_MAX, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    expect(node.raft).toMatchObject({ role: "follower", term: 6 + TERM_LEAD_MAX });
    node.hears(2, Number.MAX_SAFE_INTEGER, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    expect(node.raft.term).toBe(6 + 2 * TERM_LEAD_MAX);
  });

  test("who was away while terms were used up comes after the others in steps, and they after whoever is ahead", () => {
    const far = 7 + 3 * TERM_LEAD_MAX;
    const follower = new OneNode();
    for (let step = 0; step < 3; step++) follower.hears(2, far, { type: "heartbeat", commit: 0, sequence: 0 });
    expect([follower.raft.term, follower.raft.leader]).toEqual([far, 2]);
    const leader = new OneNode({ term: 6 });
    leader.leads();
    for (let step = 0; step < 3; step++) leader.hears(2, far, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    expect([leader.raft.term, leader.raft.role]).toEqual([far, "follower"]);
  });
});
