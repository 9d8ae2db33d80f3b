import { describe, expect, test } from "vitest";
import { InvariantError } from "../../node/base/assert.ts";
import { TestDisk, TUNING } from "./cluster.test-support.ts";
import { entries } from "./one-node.test-support.ts";
import { type RaftOptions, validateOptions } from "./options.ts";
import { Raft } from "./raft.ts";

const VOTERS = { voters: [1, 2, 3], outgoing: [], learners: [] };

function optionsWith(changes: Partial<RaftOptions>): RaftOptions {
  const log = new TestDisk();
  log.log.push(...entries(1, [1, 2, 2]));
  const options = {
    ...TUNING,
    id: 1,
    configuration: VOTERS,
    configurationOf: () => VOTERS,
    hardState: { term: 2, vote: 3 },
    log,
    commit: 2,
    random: () => 0,
  };
  return { ...options, ...changes };
}

describe("options", () => {
  test("that make sense together are taken, and the node is where it was", () => {
    const raft = new Raft(optionsWith({}));
    expect(raft).toMatchObject({
      term: 2,
      vote: 3,
      role: "follower",
      leader: 0,
      lastIndex: 3,
      commit: 2,
      stableIndex: 3,
    });
    expect(raft.hasReady()).toBe(false);
  });

  test.each<[string, Partial<RaftOptions>]>([
    ["node 0", { id: 0 }],
    ["no voters", { configuration: { ...VOTERS, voters: [] } }],
    ["a voter twice", { configuration: { ...VOTERS, voters: [1, 2, 2] } }],
    ["voter 0", { configuration: { ...VOTERS, voters: [0, 1] } }],
    ["a voter that learns", { configuration: { ...VOTERS, learners: [3] } }],
    ["a vote for nobody that can be", { hardState: { term: 2, vote: -1 } }],
    ["a vote in term 0", { hardState: { term: 0, vote: 1 }, log: new TestDisk(), commit: 0 }],
    ["a term that is no whole number", { hardState: { term: 2.5, vote: 0 } }],
    ["entries of a term that was never persisted", { hardState: { term: 1, vote: 0 } }],
    ["more committed than there is", { commit: 4 }],
    ["a negative commit", { commit: -1 }],
    ["no heartbeats", { heartbeatTicks: 0 }],
    ["heartbeats too rare to keep elections away", { heartbeatTicks: 10 }],
    ["no election timeout", { electionTimeoutTicks: 0 }],
    ["appends of no bytes", { appendBytesMax: 0 }],
    ["no append in flight", { appendsInFlightMax: 0 }],
    ["no bytes in flight", { bytesInFlightMax: 0 }],
    ["no bytes to catch up", { catchUpBytesPerTick: 0 }],
    ["no reads", { readsWaitingMax: 0 }],
    ["half a read", { readsWaitingMax: 0.5 }],
  ])("refused: %s", (_what, changes) => {
    expect(() => validateOptions(optionsWith(changes))).toThrow(InvariantError);
  });
});
