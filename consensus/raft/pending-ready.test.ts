import { describe, expect, test } from "vitest";
import { TestDisk, TUNING } from "./cluster.test-support.ts";
import { Raft } from "./raft.ts";

function raftOf(count: number, log = new TestDisk()): Raft {
  const voters = Array.from({ length: count }, (_, index) => index + 1);
  const configuration = { voters, outgoing: [], learners: [] };
  const tuning = { ...TUNING, preVote: false, checkQuorum: false };
  const start = { hardState: { term: 0, vote: 0 }, commit: 0, random: () => 0 };
  return new Raft({ ...tuning, ...start, log, id: 1, configuration, configurationOf: () => configuration });
}

describe("a Ready", () => {
  test("carries everything since the last one, once", () => {
    const raft = raftOf(3);
    raft.campaign();
    expect(raft.hasReady()).toBe(true);
    const ready = raft.ready();
    expect(ready).toMatchObject({ sequence: 1, hardState: { term: 1, vote: 1 }, entries: [], messages: [], reads: [] });
    expect(ready.role).toEqual({ role: "candidate", leader: 0, term: 1 });
    expect(ready.messagesAfterPersist).toHaveLength(2);
    expect(raft.hasReady()).toBe(false);
    expect(raft.ready()).toEqual({ sequence: 2, entries: [], messages: [], messagesAfterPersist: [], reads: [] });
  });

  test("may be followed by others before its work is done; they are reported done in order", () => {
    const raft = raftOf(1);
    raft.campaign();
    raft.persisted(raft.ready().sequence);
    raft.propose([Uint8Array.of(1)]);
    const first = raft.ready();
    raft.propose([Uint8Array.of(2), Uint8Array.of(3)]);
    const second = raft.ready();
    expect([first, second].map(({ entries }) => entries.length)).toEqual([1, 2]);
    expect(() => raft.persisted(second.sequence)).toThrow("completed out of order");
  });

  test("with durable work is reported done once", () => {
    const raft = raftOf(1);
    raft.campaign();
    const { sequence } = raft.ready();
    raft.persisted(sequence);
    expect(() => raft.persisted(sequence)).toThrow("completed out of order");
  });

  test("hands out what is committed only when it is durable here", () => {
    const disk = new TestDisk();
    const raft = raftOf(1, disk);
    raft.campaign();
    raft.persisted(raft.ready().sequence);
    expect(raft.propose([Uint8Array.of(1), Uint8Array.of(2)])).toBe(1);
    const ready = raft.ready();
    expect([ready.committed, raft.commit]).toEqual([undefined, 0]);
    disk.write(ready);
    raft.persisted(ready.sequence);
    expect(raft.ready().committed).toEqual({ from: 1, to: 2 });
  });

  test("a node that does not lead appends nothing, and an empty proposal is none", () => {
    const raft = raftOf(3);
    expect(raft.propose([Uint8Array.of(1)])).toBeUndefined();
    const alone = raftOf(1);
    alone.campaign();
    expect(alone.propose([])).toBeUndefined();
    expect(alone.lastIndex).toBe(0);
  });
});
