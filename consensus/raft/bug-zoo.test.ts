/**
 * Real failures of other Raft implementations that our design could have, one test each, named after the report. Scripts have
 * some of them with all nodes (testdata/confchange_*.txt, compaction.txt). Those of the node around the core, rostam 94 and
 * etcd 13766, are in node/replica.
 */
import { describe, expect, test } from "vitest";
import { TUNING } from "./cluster.test-support.ts";
import { nextConfiguration } from "./configuration.ts";
import { configurationOf, entryData, votersUpTo } from "./configurations.test-support.ts";
import { entries, OneNode, ofType } from "./one-node.test-support.ts";

describe("bug zoo", () => {
  // A heartbeat was handled beside the main loop: it raised the term while the leader went on appending entries with it.
  test("hashicorp/raft 695: a heartbeat of a later term ends leadership before anything is appended in that term", () => {
    const node = new OneNode();
    node.leads();
    node.proposes("before");
    node.hears(2, 7, { type: "heartbeat", commit: 0, sequence: 0 });
    expect(node.raft).toMatchObject({ role: "follower", term: 7, leader: 2 });
    expect(node.proposes("after")).toEqual([]);
    expect(node.log).toEqual([1, 1]);
  });

  // Reads were told apart by the caller's context, so a late acknowledgement released a later read of the same context.
  test("etcd 20418 / raft 397: a late acknowledgement releases no later read of the same name", () => {
    const node = new OneNode();
    node.leads();
    node.isAcknowledged(2, 1);
    const question = { type: "readIndex", requestId: 5, lease: false } as const;
    const acknowledgement = { type: "heartbeatResponse", sequence: 1, promiseMs: 0 } as const;
    node.hears(3, 1, question);
    node.hears(3, 1, question); // it comes twice
    expect(ofType("readIndexResponse", node.hears(2, 1, acknowledgement))).toHaveLength(1);
    expect(ofType("readIndexResponse", node.hears(2, 1, acknowledgement))).toEqual([]);
    expect(ofType("readIndexResponse", node.hears(2, 1, { ...acknowledgement, sequence: 2 }))).toHaveLength(1);
  });

  test("etcd 7331: a new leader answers no read before the first commit of its term", () => {
    const node = new OneNode({ log: [1, 1] });
    node.leads();
    node.reads(1);
    node.ticks(3);
    for (const peer of [2, 3]) node.hears(peer, 2, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    expect(node.takeReads()).toEqual([]);
  });

  // A leader whose own write failed after it had replicated the entry led the same term on and used the index again.
  test("canonical/raft 320: entries that a leader's disk lost are not written again under their index and term", () => {
    const node = new OneNode();
    node.leads();
    node.cluster.node(1).slowDisk = true;
    node.proposes("sent and lost");
    node.cluster.crash(1);
    node.cluster.restart(1);
    expect(node.raft).toMatchObject({ role: "follower", term: 1, lastIndex: 1 });
    expect(node.proposes("another")).toEqual([]);
    node.cluster.node(1).slowDisk = false;
    node.leads();
    node.proposes("another");
    expect(node.log).toEqual([1, 2, 2]);
  });

  // The loop waited for the answer of one follower.
  test("openraft 1810: a follower that never answers holds nobody up", () => {
    const node = new OneNode({ tuning: { appendsInFlightMax: 2 } });
    node.leads();
    for (let index = 2; index < 40; index++) {
      node.proposes("x");
      node.isAcknowledged(2, index);
      expect(node.raft.commit).toBe(index);
    }
    expect(node.raft.peerProgress()).toMatchObject([{ peer: 2 }, { peer: 3, match: 0, paused: true }]);
  });

  // Writes that are not synced were counted as if they were.
  test("etcd 14140: what is not synced is neither acknowledged nor counted", () => {
    const node = new OneNode();
    node.leads();
    node.cluster.node(1).slowDisk = true;
    node.proposes("x");
    node.isAcknowledged(2, 1);
    expect(node.raft.commit).toBe(1);
    const follower = new OneNode({ log: [1] });
    follower.cluster.node(1).slowDisk = true;
    const append = { type: "append", previousIndex: 1, previousTerm: 1, entries: entries(2, [1]), commit: 2 } as const;
    expect(follower.hears(2, 1, append)).toEqual([]);
    expect(follower.takeApplied()).toEqual([1]);
  });

  // etcd's test data calls it the ABA race: a late completion of a write vouched for entries that had taken its place.
  test("etcd async storage writes, ABA: a write that completes late vouches for nothing that was replaced", () => {
    const node = new OneNode({ log: [1] });
    node.cluster.node(1).slowDisk = true;
    const append = { type: "append", previousIndex: 1, previousTerm: 1, commit: 0 } as const;
    node.hears(2, 2, { ...append, entries: entries(2, [2]) });
    node.hears(3, 3, { ...append, entries: entries(2, [3]) });
    node.hears(2, 4, { ...append, entries: entries(2, [2]) });
    for (const stable of [1, 1, 2]) {
      node.cluster.fsync(1);
      expect(node.raft.stableIndex).toBe(stable);
    }
    expect(node.cluster.node(1).disk.log.map(({ term }) => term)).toEqual([1, 2]);
  });

  // A joint configuration was left by a leader that had found it in its log, before it was committed.
  test("camunda 61854: no configuration is left before it is committed, nor by a leader that has committed nothing", () => {
    const node = new OneNode();
    node.leads();
    const joint = configurationOf("1,2&1,2,3");
    const next = configurationOf("1,2");
    expect(node.cluster.propose(1, ["early"], joint)).toBeUndefined();
    node.isAcknowledged(2, 1);
    expect(node.cluster.propose(1, ["joint"], joint)).toBe(2);
    expect(node.cluster.propose(1, ["leave"], next)).toBeUndefined();
    node.isAcknowledged(2, 2);
    expect(node.raft.commit).toBe(2);
    node.cluster.crash(1);
    node.cluster.restart(1);
    node.leads();
    expect(node.raft.configuration).toEqual(joint);
    expect(node.cluster.propose(1, ["leave"], next)).toBeUndefined();
    node.isAcknowledged(2, 3);
    expect(node.cluster.propose(1, ["leave"], next)).toBe(4);
  });

  // The way out of a joint configuration was in the memory of the leader that stepped down.
  test("etcd 12136: the next leader finds the joint configuration in its log, and leaves it whatever is wanted by then", () => {
    const node = new OneNode({ log: [1] });
    const joint = configurationOf("1,2&1,2,3");
    const data = entryData("joint", joint, votersUpTo(3));
    const entry = { index: 2, term: 1, data };
    node.hears(2, 1, { type: "append", previousIndex: 1, previousTerm: 1, entries: [entry], commit: 1 });
    node.leads();
    node.isAcknowledged(2, 3);
    expect(node.raft).toMatchObject({ role: "leader", commit: 3, configuration: joint, mayReconfigure: true });
    const next = nextConfiguration(node.raft.configuration, { voters: [1, 2, 3], learners: [] }, () => false);
    expect(next).toEqual(configurationOf("1,2"));
    expect(node.cluster.propose(1, ["leave"], next)).toBe(4);
  });

  // A leader that had committed its own removal went on sending heartbeats, and kept the others from electing one.
  test("etcd 11038: a leader that is removed has another lead, and is silent after an election timeout", () => {
    const node = new OneNode();
    node.leads();
    node.isAcknowledged(2, 1);
    for (const [place, configuration] of ["2,3&1,2,3", "2,3"].entries()) {
      expect(node.cluster.propose(1, ["step"], configurationOf(configuration))).toBe(place + 2);
      for (const peer of [2, 3]) node.isAcknowledged(peer, place + 2);
    }
    expect([node.raft.commit, node.raft.transferTarget]).toEqual([3, 2]);
    node.ticks(TUNING.electionTimeoutTicks);
    expect(node.raft.role).toBe("follower");
    expect(node.ticks(10 * TUNING.electionTimeoutTicks)).toEqual([]);
  });

  // Entries behind a checkpoint that contradicted it stayed, and were in the way of what followed.
  test("hashicorp/raft 697 (and node/recover.test.ts): a log that begins behind a checkpoint goes on there, whatever it held before", () => {
    const node = new OneNode({ log: [1, 1, 1, 1, 1, 1] });
    node.hears(3, 2, { type: "compacted", previousIndex: 4, previousTerm: 2 });
    expect(node.cluster.node(1).wanted).toEqual({ from: 3, atLeast: 4 });
    node.cluster.beginAnew(1, { index: 4, term: 2, configuration: votersUpTo(3) });
    expect(node.raft).toMatchObject({ firstIndex: 5, lastIndex: 4, lastTerm: 2, commit: 4 });
    const append = { type: "append", previousIndex: 4, previousTerm: 2, entries: entries(5, [2]), commit: 4 } as const;
    expect(ofType("appendResponse", node.hears(3, 2, append)).at(-1)).toMatchObject({ accepted: true, index: 5 });
    expect(node.raft).toMatchObject({ lastIndex: 5, commit: 4 });
  });

  // A checkpoint left the configuration of entries in force that it had removed.
  test("openraft 1808 (and node/recover.test.ts): behind a checkpoint its own configuration is in force, and is committed", () => {
    const node = new OneNode({ log: [1] });
    const learner = entryData("x", configurationOf("1,2,3+4"), votersUpTo(3));
    const entry = { index: 2, term: 1, data: learner };
    node.hears(2, 1, { type: "append", previousIndex: 1, previousTerm: 1, entries: [entry], commit: 1 });
    expect(node.raft.configuration).toEqual(configurationOf("1,2,3+4"));
    node.cluster.beginAnew(1, { index: 9, term: 2, configuration: configurationOf("1,2") });
    const inForce = { configuration: configurationOf("1,2"), configurationIsCommitted: true };
    expect(node.raft).toMatchObject({ lastIndex: 9, lastTerm: 2, term: 2, vote: 0, commit: 9, ...inForce });
    // What it has is found out as from any node that starts.
    const word = { type: "compacted", previousIndex: 9, previousTerm: 2 } as const;
    expect(ofType("appendResponse", node.hears(2, 2, word))).toMatchObject([{ accepted: true, index: 9 }]);
  });
});
