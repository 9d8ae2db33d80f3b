import { describe, expect, test } from "vitest";
import { peersOf } from "./commands/status.ts";
import { chooseTarget, requireLeader } from "./hand-over.ts";
import { leaderOf, type NodeStatus } from "./node-status.ts";

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
