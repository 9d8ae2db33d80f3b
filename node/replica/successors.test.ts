import { describe, expect, test } from "vitest";
import { peerAt } from "./progress.test-support.ts";
import { Successors } from "./successors.ts";

type Leader = Parameters<Successors["next"]>[0];

const TIMEOUT = 10;

/** Node 1 of the voters 1 to 4 leads term 7; node 5 is a learner. All is committed up to 100, and the others have it. */
function leader(peers: Readonly<Record<number, object>> = {}, changes: Partial<Leader> = {}): Leader {
  const all = [2, 3, 4, 5].map((peer) => peerAt(peer, 100, peers[peer]));
  const configuration = { voters: [1, 2, 3, 4], outgoing: [], learners: [5] };
  const raft = { term: 7, commit: 100, firstIndex: 1, transferTarget: 0, peerProgress: () => all, configuration };
  return { ...raft, ...changes };
}

/** Whom a leader that stays as it is hands over to, and at which tick each time; every attempt fails. */
function attempts(raft: Leader, ticks: number, successors: Successors = new Successors(TIMEOUT)): [number, number][] {
  const made: [tick: number, to: number][] = [];
  let [to, since] = [0, 0];
  for (let tick = 1; tick <= ticks; tick++) {
    if (to !== 0 && tick - since >= TIMEOUT) to = 0;
    successors.tick({ transferTarget: to });
    const next = successors.next({ ...raft, transferTarget: to });
    if (next === 0) continue;
    successors.trying(next, raft.term);
    [to, since] = [next, tick];
    made.push([tick, next]);
  }
  return made;
}

describe("a leader that has to go tries", () => {
  test.each<[string, Leader, number]>([
    ["the lowest id of those who have the same", leader(), 2],
    ["who has most of the log", leader({ 4: { match: 101 } }), 4],
    ["no learner that has more", leader({ 5: { match: 103 } }), 2],
    ["nobody that does not answer, whatever it has", leader({ 2: { active: false, match: 103 } }), 3],
    ["nobody that lacks so much that all would wait for it", leader({ 2: { match: 30 }, 3: { match: 30 } }), 4],
    [
      "nobody where nobody is fit",
      leader({ 2: { active: false }, 3: { match: 30 }, 4: { active: false, match: 103 } }),
      0,
    ],
    ["nobody while another is to take over", leader({}, { transferTarget: 3 }), 0],
    ["nobody where it does not lead", leader({}, { peerProgress: () => [] }), 0],
  ])("%s", (_, raft, to) => {
    expect(new Successors(TIMEOUT).next(raft)).toBe(to);
  });

  test("each in turn, with an election timeout between two attempts in which it takes what is proposed", () => {
    expect(attempts(leader({ 3: { match: 101 } }), 100)).toEqual([
      [1, 3],
      [21, 2],
      [41, 4],
      [61, 3],
      [81, 2],
    ]);
  });

  test("only those who are fit in turn; who has become so has not had its turn", () => {
    const successors = new Successors(TIMEOUT);
    const one = leader({ 2: { active: false }, 4: { active: false } });
    expect(attempts(one, 40, successors).map(([, to]) => to)).toEqual([3, 3]);
    expect(attempts(leader({ 2: { active: false } }), 40, successors).map(([, to]) => to)).toEqual([4, 3]);
  });

  test("in another term from the beginning", () => {
    const successors = new Successors(TIMEOUT);
    attempts(leader(), 20, successors);
    expect(successors.next(leader())).toBe(0);
    successors.tick({ transferTarget: 0 });
    expect([successors.next(leader()), successors.next(leader({}, { term: 9 }))]).toEqual([3, 2]);
  });
});

describe("a leader that ends in any case", () => {
  test("prefers who is fit, and does with another", () => {
    const successors = new Successors(TIMEOUT);
    expect(successors.last(leader({ 2: { active: false, match: 103 } }))).toBe(3);
    const none = leader({ 2: { active: false }, 3: { active: false, match: 103 }, 4: { active: false } });
    expect(successors.last(none)).toBe(3);
    expect(successors.last(leader({}, { peerProgress: () => [] }))).toBe(0);
  });

  test("waits for no pause between attempts, and takes nothing from who is to take over already", () => {
    const successors = new Successors(TIMEOUT);
    successors.trying(2, 7);
    successors.tick({ transferTarget: 2 });
    expect(successors.last(leader({}, { transferTarget: 2 }))).toBe(2);
    expect(successors.last(leader())).toBe(3);
  });
});
