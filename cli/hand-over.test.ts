import { describe, expect, test } from "vitest";
import { peersOf } from "./commands/status.ts";
import { chooseTarget, requireLeader } from "./hand-over.ts";
import { leaderOf, type NodeStatus, noLeaderAdvice } from "./node-status.ts";

/** A node in the words of `role@term>leader height`. */
function node(id: number, words: string): NodeStatus {
  const [, role = "", term, leader, height] = /^(\w+)@(\d+)>(\d+) (\d+)$/.exec(words) ?? [];
  const numbers = { term: Number(term), leader: Number(leader), height: Number(height) };
  return { id, name: `node-${id}`, reachable: role !== "down", role, ...numbers, digest: "", sections: {} };
}

function cluster(...words: readonly string[]): readonly NodeStatus[] {
  return words.map((each, index) => node(index + 1, each));
}

const DOWN = "down@0>0 0";

/** The same, where those that are up say who votes: voters, outgoing voters, learners. */
function among(voters: string, ...words: readonly string[]): readonly NodeStatus[] {
  const [now = [], outgoing = [], learners = []] = voters.split("/").map((ids) => ids.split("").map(Number));
  const configuration = { voters: now, outgoing, learners };
  return cluster(...words).map((each) => (each.reachable ? { ...each, configuration } : each));
}

describe("the leader", () => {
  test.each<[string, readonly string[], number | undefined]>([
    ["is who leads and is followed", ["follower@2>2 9", "leader@2>2 9", "follower@2>2 9"], 2],
    ["needs a quorum that is there", ["leader@2>1 9", DOWN, "follower@2>1 9"], 1],
    ["is not one that is alone", ["leader@2>1 9", DOWN, DOWN], undefined],
    ["is not one that was deposed and does not know it", ["leader@2>1 9", "leader@3>2 9", "follower@3>2 9"], 2],
    ["is not one that was followed in an earlier term", ["leader@3>1 9", "follower@2>1 9", DOWN], undefined],
    ["is nobody while all are candidates", ["candidate@3>0 9", "follower@2>0 9", "follower@2>0 9"], undefined],
  ])("%s", (_, words, expected) => {
    expect(leaderOf(cluster(...words))?.id).toBe(expected);
  });

  test.each<[string, string, readonly string[], number | undefined]>([
    ["alone votes, and learners are down", "1//23", ["leader@2>1 9", DOWN, DOWN], 1],
    [
      "has two of three voters, and learners are down",
      "123//456",
      ["leader@2>1 9", "follower@2>1 9", DOWN, DOWN, DOWN, DOWN],
      1,
    ],
    [
      "is followed by learners only",
      "123//456",
      ["leader@2>1 9", DOWN, DOWN, ...Array<string>(3).fill("follower@2>1 9")],
      undefined,
    ],
    [
      "has the new voters, and not the old ones",
      "145/123/",
      ["leader@2>1 9", DOWN, DOWN, ...Array<string>(2).fill("follower@2>1 9")],
      undefined,
    ],
    [
      "has the new voters and the old ones",
      "145/123/",
      ["leader@2>1 9", "follower@2>1 9", DOWN, DOWN, "follower@2>1 9"],
      1,
    ],
    [
      "has voters that the file does not name",
      "1456//",
      ["leader@2>1 9", "follower@2>1 9", "follower@2>1 9"],
      undefined,
    ],
  ])("where it %s", (_, voters, words, expected) => {
    expect(leaderOf(among(voters, ...words))?.id).toBe(expected);
  });

  test.each<[string, readonly NodeStatus[], string]>([
    [
      "voters that are down are to be started, and no learners",
      among("123//4", "candidate@3>0 9", DOWN, DOWN, DOWN),
      "start nodes 2 and 3, for a quorum of nodes 1, 2 and 3 must run; or look into their logs",
    ],
    [
      "voters that the file does not name are looked for elsewhere",
      among("145//", "candidate@3>0 9"),
      "take a newer cluster file, for this one does not name nodes 4 and 5; or look into their logs",
    ],
    ["nobody is down", among("12//", "candidate@3>0 9", "candidate@3>0 9"), "look into the nodes' logs"],
    [
      "nobody says who votes",
      cluster(DOWN, DOWN),
      "start nodes 1 and 2, for a quorum of nodes 1 and 2 must run; or look into their logs",
    ],
  ])("that is not there: %s", (_, nodes, advice) => {
    expect(noLeaderAdvice(nodes)).toBe(advice);
  });

  test("that is not there is an error that says how the nodes are", () => {
    const nodes = cluster("candidate@3>0 9", DOWN, DOWN);
    const states = "node 1 is candidate, node 2 is down, node 3 is down";
    expect(() => requireLeader(nodes)).toThrow(
      expect.objectContaining({ code: "no_leader", message: expect.stringContaining(states) }),
    );
  });
});

describe("the next leader", () => {
  const nodes = cluster("leader@2>1 9", "follower@2>1 7", "follower@2>1 8", DOWN, "follower@1>0 9");
  const choose = (wanted?: number): number => chooseTarget(nodes, nodes[0] as NodeStatus, wanted).id;

  test("is the follower with the highest state, if none is named", () => {
    expect(choose()).toBe(3);
  });

  test("is the one that is named, and may be who leads already", () => {
    expect([choose(2), choose(1)]).toEqual([2, 1]);
  });

  test.each([
    [4, "hand_over_refused", "node 4 gives no answer (down): start it first, or name 2 or 3"],
    [5, "hand_over_refused", "node 5 does not follow node 1: start it first, or name 2 or 3"],
    [6, "usage", "the cluster has the nodes 1, 2, 3, 4, 5"],
  ])("is not node %d", (wanted, code, message) => {
    expect(() => choose(wanted)).toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
  });

  test("is no learner, though it has the highest state, and is told how it could be one", () => {
    const all = among("13//24", "leader@2>1 9", "follower@2>1 9", "follower@2>1 8", DOWN);
    const [leader] = all as [NodeStatus];
    expect(chooseTarget(all, leader, undefined).id).toBe(3);
    const refusal = 'node 2 has no vote, and cannot lead: give it one first ("quorate member promote 2"), or name 3';
    expect(() => chooseTarget(all, leader, 2)).toThrow(
      expect.objectContaining({ code: "hand_over_refused", message: refusal }),
    );
    expect(() => chooseTarget(among("1//2", "leader@2>1 9", "follower@2>1 9"), leader, undefined)).toThrow(
      "no other node with a vote follows node 1",
    );
  });

  test("is nobody where nobody follows", () => {
    const alone = cluster("leader@2>1 9");
    expect(() => chooseTarget(alone, alone[0] as NodeStatus, undefined)).toThrow("start one first");
  });
});

test("the lag of a peer is what of the leader's log it is not known to have", () => {
  const peers = [{ peer: 2, match: 7, next: 8, state: "replicate", paused: false, inFlight: 1 }];
  const [leader] = cluster("leader@2>1 9") as [NodeStatus];
  const told = { ...leader, sections: { consensus: { lastIndex: 10, peers } } };
  const seen = { peer: 2, state: "replicate", match: 7, lag: 3, inFlight: 1 };
  expect(peersOf(told, [])).toEqual([seen]);
  expect([peersOf(leader, []), peersOf(undefined, [])]).toEqual([[], []]);
  const fetched = { from: 1, height: 6, pages: 9, pagesLeft: 4 };
  const saying = (phase: string): NodeStatus => ({ ...told, id: 2, sections: { catchUp: { phase, ...fetched } } });
  for (const phase of ["fetching", "vouching"]) {
    expect(peersOf(told, [saying(phase)])).toEqual([{ ...seen, checkpoint: fetched }]);
  }
  expect(peersOf(told, [saying("idle")])).toEqual([seen]);
});
