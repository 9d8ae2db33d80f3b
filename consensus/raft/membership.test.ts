/** Membership on one node: what scripts do not show. */
import { describe, expect, test } from "vitest";
import { configurationOf, entryData } from "./configurations.test-support.ts";
import type { Entry } from "./messages.ts";
import { OneNode, ofType } from "./one-node.test-support.ts";

const FIRST = configurationOf("1,2,3");
const HEARTBEAT = { type: "heartbeat", commit: 0, sequence: 0 } as const;

/** Entries behind position 1, each under a configuration. */
function changes(term: number, ...texts: readonly string[]): Entry[] {
  return texts.map((text, at) => ({ index: 2 + at, term, data: entryData("x", configurationOf(text), FIRST) }));
}

function hearsChanges(node: OneNode, term: number, entries: readonly Entry[], commit = 1): void {
  node.hears(2, term, { type: "append", previousIndex: 1, previousTerm: 1, entries, commit });
}

describe("a configuration counts from when it is appended (§6 of the paper)", () => {
  test("a follower stands under the last one of its log, and under that of the entry before when it is cut off", () => {
    const node = new OneNode({ log: [1] });
    hearsChanges(node, 1, changes(1, "1,2,3+4", "1,2,3+4", "1,2&1,2,3"));
    expect(node.raft.configuration).toEqual(configurationOf("1,2&1,2,3"));
    expect(node.raft.configurationIsCommitted).toBe(false);
    node.cluster.crash(1);
    node.cluster.restart(1);
    expect(node.raft.configuration).toEqual(configurationOf("1,2&1,2,3"));
    hearsChanges(node, 2, changes(2, "1,2,3+4"), 2);
    expect(node.raft.configuration).toEqual(configurationOf("1,2,3+4"));
    expect(node.raft.configurationIsCommitted).toBe(true);
  });

  test("an append whose configurations no correct leader can have proposed is not believed", () => {
    for (const texts of [["1,2"], ["1,2,3,4"], ["&1,2,3"], ["1,2&1,2"], ["1,2,3+4", "1,2,3,4"]]) {
      const node = new OneNode({ log: [1] });
      const entries = changes(1, ...texts);
      const append = { type: "append", previousIndex: 1, previousTerm: 1, entries, commit: 0 } as const;
      expect(node.raft.step({ ...append, from: 2, to: 1, term: 1 })).toBe(false);
      expect([node.log, node.raft.configuration]).toEqual([[1], FIRST]);
    }
  });

  test("a node that a change removes may campaign until that is committed, and is elected by others (§4.2.2)", () => {
    const node = new OneNode({ log: [1] });
    hearsChanges(node, 1, changes(1, "2,3&1,2,3", "2,3"), 2);
    node.campaigns();
    expect(node.raft).toMatchObject({ role: "candidate", term: 2 });
    node.hears(2, 2, { type: "voteResponse", granted: true });
    expect(node.raft.role).toBe("candidate"); // its own vote has no weight
    node.hears(3, 2, { type: "voteResponse", granted: true });
    expect(node.raft.role).toBe("leader");
    node.hears(2, 3, { ...HEARTBEAT, commit: 3 });
    expect(node.raft.configurationIsCommitted).toBe(true);
    expect(node.campaigns()).toEqual([]);
    expect(node.raft.role).toBe("follower");
  });
});

describe("messages of those who are no members", () => {
  test("their votes and acknowledgements do not count", () => {
    const node = new OneNode();
    node.campaigns();
    for (const from of [7, 8, 9]) node.hears(from, 1, { type: "voteResponse", granted: true });
    expect(node.raft.role).toBe("candidate");
    node.hears(2, 1, { type: "voteResponse", granted: true });
    node.reads(1);
    for (const from of [7, 8, 9]) {
      node.isAcknowledged(from, 1);
      node.hears(from, 1, { type: "heartbeatResponse", sequence: 0, promiseMs: 0 });
    }
    expect([node.raft.commit, node.takeReads()]).toEqual([0, []]);
  });

  test("a leader that is none is followed: it may be on its way out, or this node on its way in", () => {
    const node = new OneNode();
    node.hears(9, 1, { type: "append", previousIndex: 0, previousTerm: 0, entries: [], commit: 0 });
    expect(node.raft).toMatchObject({ role: "follower", leader: 9 });
  });
});

describe("an only voter", () => {
  const alone = { count: 3, configuration: configurationOf("1+2,3") };

  test("leads once its own vote is durable, for it could lead that term twice", () => {
    const node = new OneNode(alone);
    node.cluster.node(1).slowDisk = true;
    expect(node.campaigns()).toEqual([]);
    expect(node.raft.role).toBe("candidate");
    expect(node.proposes("x")).toEqual([]);
    node.cluster.fsync(1);
    expect(node.raft).toMatchObject({ role: "leader", term: 1 });
    const sent = node.cluster.links().flatMap(({ messages }) => messages);
    expect(ofType("append", sent).map(({ to }) => to)).toEqual([2, 3]);
  });

  test("that has lost its vote in a crash leads that term for the first time", () => {
    const node = new OneNode(alone);
    node.cluster.node(1).slowDisk = true;
    node.campaigns();
    node.cluster.crash(1);
    node.cluster.restart(1);
    expect(node.raft).toMatchObject({ role: "follower", term: 0 });
    node.campaigns();
    node.cluster.fsync(1);
    expect(node.raft).toMatchObject({ role: "leader", term: 1 });
  });

  test("needs nobody for a read", () => {
    const node = new OneNode(alone);
    node.campaigns();
    node.reads(7);
    expect(node.takeReads()).toEqual([{ requestId: 7, index: 1 }]);
  });
});
